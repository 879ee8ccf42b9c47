/** The page's style sheet: light, dark and paper; one column on a phone. */
export const style = `
:root { color-scheme: light dark; --paper: #fbfaf7; --card: #fff; --ink: #1d2330; --soft: #5a6372; --line: #e3e0d8; --accent: #0f766e; --up: #0f766e; --down: #b4410e; }
@media (prefers-color-scheme: dark) { :root { --paper: #12161d; --card: #1a202a; --ink: #e8eaee; --soft: #a3acba; --line: #2c3441; --accent: #3fbfae; --up: #3fbfae; --down: #f0925c; } }
@media print { :root { color-scheme: light; --paper: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #ccc; --accent: #0f766e; --up: #0f766e; --down: #b4410e; } .search { display: none; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 24px 20px 40px; }
h1 { margin: 0 0 4px; font-size: clamp(24px, 4vw, 34px); line-height: 1.2; }
p { margin: 0 0 6px; color: var(--soft); max-width: 62em; }
.tiles { display: flex; flex-wrap: wrap; gap: 1px; margin: 18px 0; background: var(--line); border: 1px solid var(--line); border-radius: 10px; overflow: hidden; }
.tiles div { flex: 1 1 180px; background: var(--card); padding: 12px 16px; display: flex; flex-direction: column-reverse; justify-content: flex-end; }
.tiles dd { margin: 0; font-size: 24px; font-weight: 650; font-variant-numeric: tabular-nums; }
.tiles dt { color: var(--soft); font-size: 13.5px; }
.search label { display: block; font-size: 14px; color: var(--soft); }
.search input { width: 100%; max-width: 420px; padding: 9px 12px; font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 8px; }
input:focus-visible, summary:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.cards { display: grid; gap: 14px; margin-top: 16px; grid-template-columns: repeat(auto-fill, minmax(min(100%, 330px), 1fr)); }
article { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 14px 16px; break-inside: avoid; }
article[hidden] { display: none; }
h2 { margin: 0; font-size: 16px; line-height: 1.3; overflow-wrap: anywhere; }
.facts { font-size: 13.5px; margin: 2px 0 6px; }
.up { color: var(--up); } .down { color: var(--down); }
svg.chart { display: block; width: 100%; height: auto; }
.grid { stroke: var(--line); } .origin { stroke: var(--soft); stroke-dasharray: 2 3; }
.history { fill: none; stroke: var(--soft); stroke-width: 1.4; } .median { fill: none; stroke: var(--accent); stroke-width: 2.2; }
.wide { fill: var(--accent); opacity: .17; } .narrow { fill: var(--accent); opacity: .3; }
svg text.axis { fill: var(--soft); font-size: 11px; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 16px; margin: 10px 0 0; padding: 0; list-style: none; font-size: 13px; color: var(--soft); }
.legend svg { width: 26px; height: 12px; margin-right: 5px; vertical-align: -1px; }
details { margin-top: 6px; font-size: 13.5px; } summary { cursor: pointer; color: var(--accent); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 12.5px; width: 100%; }
th, td { padding: 2px 5px; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; } th:first-child { text-align: left; }
`;
