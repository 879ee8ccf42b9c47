/** The report's style sheet: light, dark and paper; one column on a phone. Colours always come with a shape, a number or a word. */
export const style = `
:root { color-scheme: light dark; --paper: #fbfaf7; --card: #fff; --ink: #1d2330; --soft: #5a6372; --line: #e3e0d8; --accent: #0f5c6e;
  --good: #0f766e; --bad: #b4410e; --naive: #7a7f8a; --local: #b4690e; --federated: #4a63b8; --fine: #0f766e; --band: #0f766e; --masked: #6b7280; --plain: #b4410e;
  --p1: #8aa4c8; --p2: #6f8fbd; --p3: #0f766e; --p4: #4a63b8; --p5: #9a86c4; --p6: #7a5aa6; --p7: #a89f8d; --on: #fff; }
@media (prefers-color-scheme: dark) { :root { --paper: #12161d; --card: #1a202a; --ink: #e8eaee; --soft: #a3acba; --line: #2c3441; --accent: #6cc5d6;
  --good: #3fbfae; --bad: #f0925c; --naive: #a3a8b3; --local: #e5a54c; --federated: #8ea4f0; --fine: #3fbfae; --band: #3fbfae; --masked: #9aa3b2; --plain: #f0925c;
  --p1: #5f7aa0; --p2: #7f9ccb; --p3: #3fbfae; --p4: #8ea4f0; --p5: #8d7ab8; --p6: #b79be0; --p7: #8f8775; --on: #10141b; } }
@media print { :root { color-scheme: light; --paper: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #ccc; --accent: #0f5c6e; --good: #0f766e; --bad: #b4410e;
  --naive: #666; --local: #b4690e; --federated: #4a63b8; --fine: #0f766e; --band: #0f766e; --masked: #666; --plain: #b4410e;
  --p1: #8aa4c8; --p2: #6f8fbd; --p3: #0f766e; --p4: #4a63b8; --p5: #9a86c4; --p6: #7a5aa6; --p7: #a89f8d; --on: #fff; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; }
.zh { display: none; }
body:has(#language-zh:checked) .zh { display: revert; }
body:has(#language-zh:checked) .en { display: none; }
main, header, footer { max-width: 1080px; margin: 0 auto; padding: 0 20px; }
header { padding-top: 22px; }
.top { display: flex; flex-wrap: wrap; gap: 8px 20px; align-items: center; justify-content: space-between; }
.brand { display: flex; align-items: center; gap: 12px; font-weight: 650; letter-spacing: .01em; }
.brand svg { width: 34px; height: 34px; fill: var(--accent); }
.brand small { display: block; font-weight: 400; color: var(--soft); font-size: 13px; letter-spacing: 0; }
fieldset { border: 1px solid var(--line); border-radius: 999px; padding: 3px; margin: 0; display: flex; background: var(--card); }
legend { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
fieldset input { position: absolute; opacity: 0; }
fieldset label { padding: 4px 14px; border-radius: 999px; cursor: pointer; font-size: 14px; }
fieldset input:checked + label { background: var(--accent); color: var(--card); font-weight: 600; }
fieldset input:focus-visible + label { outline: 3px solid var(--local); outline-offset: 2px; }
.verdict { margin: 22px 0 0; padding: 24px 26px; background: var(--card); border: 1px solid var(--line); border-left: 7px solid var(--good); border-radius: 10px; }
.verdict.no { border-left-color: var(--bad); }
h1 { margin: 0 0 10px; font-size: clamp(25px, 4.2vw, 36px); line-height: 1.2; letter-spacing: -.015em; }
h1 .sign { display: inline-block; margin-right: .3em; color: var(--good); }
.no h1 .sign { color: var(--bad); }
.verdict p { margin: 0; font-size: 17.5px; max-width: 66em; }
.tiles { display: flex; flex-wrap: wrap; gap: 1px; margin: 22px 0 0; padding: 0; background: var(--line); border: 1px solid var(--line); border-radius: 10px; overflow: hidden; }
.tiles div { flex: 1 1 160px; background: var(--card); padding: 14px 16px; }
.tiles dd { margin: 0; font-size: 25px; font-weight: 650; letter-spacing: -.01em; font-variant-numeric: tabular-nums; white-space: nowrap; }
.tiles dt { color: var(--soft); font-size: 13.5px; line-height: 1.35; }
.tiles div { display: flex; flex-direction: column-reverse; justify-content: flex-end; }
section { margin-top: 46px; }
h2 { margin: 0 0 4px; font-size: 23px; letter-spacing: -.01em; line-height: 1.25; }
.lead { margin: 0 0 16px; color: var(--soft); max-width: 62em; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 18px 20px; break-inside: avoid; }
.grid2, .cards { display: grid; gap: 16px; }
.grid2 { grid-template-columns: repeat(auto-fit, minmax(min(100%, 320px), 1fr)); }
.cards { grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); }
.cards.rounds { grid-template-columns: repeat(auto-fill, minmax(min(100%, 320px), 1fr)); }
.change { max-width: 560px; }
.run { margin: 12px 0 0; font-size: 14px; }
figure { margin: 0; }
h3 { margin: 0 0 8px; font-size: 17px; line-height: 1.3; overflow-wrap: anywhere; }
h4 { margin: 18px 0 4px; font-size: 14px; overflow-wrap: anywhere; }
.badge { float: right; font-size: 13px; font-weight: 600; color: var(--good); border: 1px solid currentColor; border-radius: 999px; padding: 0 10px; }
.badge.bad { color: var(--bad); }
svg.chart { display: block; width: 100%; height: auto; overflow: visible; }
svg text { fill: var(--ink); font-size: 12.5px; }
svg text.axis { fill: var(--soft); font-size: 11px; }
svg text.value { font-variant-numeric: tabular-nums; font-weight: 600; }
svg text.on { fill: var(--on); font-size: 11.5px; font-weight: 650; }
.grid { stroke: var(--line); stroke-width: 1; }
.base, .zero { stroke: var(--soft); stroke-width: 1; }
.whisker { stroke: var(--ink); stroke-width: 1.3; fill: none; opacity: .75; }
.good { fill: var(--good); } .bad { fill: var(--bad); }
.masked { fill: var(--masked); } .plain { fill: var(--plain); }
.m-bestSimple, .m-seasonalNaive { fill: var(--naive); } .m-localOnly { fill: var(--local); } .m-federated { fill: var(--federated); } .m-fineTuned { fill: var(--fine); }
svg.mark { width: 13px; height: 13px; vertical-align: -1px; margin-right: 6px; }
.p1 { fill: var(--p1); } .p2 { fill: var(--p2); } .p3 { fill: var(--p3); } .p4 { fill: var(--p4); } .p5 { fill: var(--p5); } .p6 { fill: var(--p6); } .p7 { fill: var(--p7); }
.band { fill: var(--band); } .b1 { opacity: .17; } .b2 { opacity: .3; }
.history { fill: none; stroke: var(--soft); stroke-width: 1.3; }
.median { fill: none; stroke: var(--fine); stroke-width: 2.2; }
.naive { fill: none; stroke: var(--naive); stroke-width: 1.4; stroke-dasharray: 4 3; }
.actual { fill: var(--card); stroke: var(--ink); stroke-width: 1.3; }
.origin { stroke: var(--soft); stroke-dasharray: 2 3; }
.legend { display: flex; flex-wrap: wrap; gap: 3px 16px; margin: 6px 0 0; padding: 0; list-style: none; color: var(--soft); font-size: 13px; }
.legend svg { width: 26px; height: 12px; vertical-align: -1px; margin-right: 5px; }
.phases { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 0 0 16px; padding: 0; list-style: none; font-size: 14px; }
.phases b { display: inline-block; min-width: 20px; margin-right: 6px; padding: 0 5px; border-radius: 4px; color: var(--on); text-align: center; font-size: 12.5px; }
.phases .p1 { background: var(--p1); } .phases .p2 { background: var(--p2); } .phases .p3 { background: var(--p3); } .phases .p4 { background: var(--p4); }
.phases .p5 { background: var(--p5); } .phases .p6 { background: var(--p6); } .phases .p7 { background: var(--p7); }
dl.facts { display: grid; grid-template-columns: minmax(64px, max-content) 1fr; gap: 2px 16px; margin: 10px 0 0; font-size: 14px; }
dl.facts dt { color: var(--soft); } dl.facts dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.story { margin: 10px 0 0; padding: 8px 12px; border-left: 4px solid var(--accent); background: color-mix(in srgb, var(--accent) 8%, transparent); font-size: 14.5px; }
.story.bad { border-color: var(--bad); background: color-mix(in srgb, var(--bad) 10%, transparent); fill: none; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; margin-top: 10px; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 6px; text-align: right; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
thead th { color: var(--soft); font-weight: 500; }
tbody th { font-weight: 400; white-space: nowrap; }
tr.best td, tr.best th { font-weight: 650; }
td small, th small { color: var(--soft); font-weight: 400; display: block; white-space: nowrap; }
.all { overflow-x: auto; } .all th { white-space: normal; } .all tbody th { min-width: 9em; }
.who { margin: 0 0 8px; font-size: 13px; color: var(--soft); }
.note { margin: 8px 0 0; font-size: 14px; }
details { margin-top: 12px; font-size: 14px; } summary { cursor: pointer; color: var(--accent); }
summary:focus-visible, a:focus-visible { outline: 3px solid var(--local); outline-offset: 2px; }
pre { overflow: auto; padding: 12px; border: 1px solid var(--line); border-radius: 8px; font-size: 12.5px; background: var(--card); }
code { font: 13px/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.warnings li { margin: 8px 0; } .warnings { margin: 0; padding-left: 1.3em; max-width: 62em; } .warnings li::marker { content: "✕  "; color: var(--bad); }
footer { margin-top: 46px; padding-bottom: 34px; color: var(--soft); font-size: 13.5px; }
@media (max-width: 520px) { main, header, footer { padding-left: 14px; padding-right: 14px; } .verdict { padding: 18px 16px; } .verdict p { font-size: 16px; } .card { padding: 14px; } .tiles div { flex-basis: 130px; padding: 12px 14px; }
  dl.facts { gap: 2px 10px; font-size: 13.5px; } }
@media print { body { font-size: 10.5pt; } fieldset { display: none; } section { margin-top: 22pt; } h2, .lead { break-after: avoid; } .lead { break-inside: avoid; } .together { break-inside: avoid; } .fresh { break-before: page; } .cards, .grid2, .cards.rounds { grid-template-columns: 1fr 1fr; gap: 9pt; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } main, header, footer { max-width: none; padding: 0; } @page { margin: 14mm; } }
`;
