import { type Html, html, pageHead, trusted } from '@hansa/shared/html';
import { style as forecastStyle } from '../../forecasting/page/style.ts';
import { exceptionKinds, type Plan, type PlanRow } from '../planRow.ts';
import { type PlanLanguage, reasonOf } from '../words.ts';
import { stockBar } from './stockBar.ts';
import { type Group, pageWords, type Words } from './words.ts';

/** More would make a page that no browser likes to open. */
const MOST_SHOWN = 200;

const style = `${forecastStyle}
@media (max-width: 600px) { .tiles div { flex-basis: 130px; } }
section > h2 { margin: 28px 0 0; font-size: 20px; } section[hidden] { display: none; }
h3 { margin: 0; font-size: 16px; line-height: 1.3; overflow-wrap: anywhere; }
.what { margin: 2px 0; font-size: 20px; font-weight: 650; color: var(--ink); font-variant-numeric: tabular-nums; }
.badges { display: flex; flex-wrap: wrap; gap: 4px; margin: 4px 0 6px; padding: 0; list-style: none; font-size: 12px; }
.badges li { border: 1px solid var(--line); border-radius: 999px; padding: 0 8px; color: var(--soft); }
.badges .low, .badges .warn { color: var(--down); border-color: currentColor; } .badges .ok { color: var(--up); border-color: currentColor; }
.reason { font-size: 13.5px; }
.stock { fill: var(--soft); } .more { fill: var(--accent); } .mark { stroke: var(--ink); stroke-width: 2; } .aim { stroke: var(--down); stroke-width: 2; }
`;

/** Hides the cards whose name lacks what was typed, and sections without a card; without it the page is whole and cannot be searched. */
const script = `
const cards = [...document.querySelectorAll('article')], sections = [...document.querySelectorAll('section')], none = document.querySelector('.none');
document.querySelector('.search').hidden = false;
document.querySelector('.search input').addEventListener('input', ({ target }) => {
  const asked = target.value.trim().toLowerCase();
  for (const card of cards) card.hidden = !card.querySelector('h3').textContent.toLowerCase().includes(asked);
  for (const section of sections) section.hidden = !section.querySelector('article:not([hidden])');
  none.hidden = cards.some((card) => !card.hidden);
});
`;

/** A plan as one HTML page that loads nothing, in sections by what is to be done. Every text that was read is escaped. */
export function* planPage(plan: Plan, language: PlanLanguage): Generator<string> {
  const words = pageWords[language];
  const { rows, summary, firstDay } = plan;
  const shown = rows.slice(0, MOST_SHOWN);
  const tiles: [string, string][] = [
    [words.exact(summary.orders), words.tiles.orders],
    ...(summary.orderCost === null ? [] : [[words.number(summary.orderCost), words.tiles.cost] as [string, string]]),
    [words.exact(rows.filter(({ exceptions }) => exceptions.length > 0).length), words.tiles.exceptions],
    [words.exact(summary.states.low), words.tiles.low],
    [words.exact(summary.states.high), words.tiles.high],
    ...(summary.kept === 0 ? [] : [[words.exact(summary.kept), words.tiles.kept] as [string, string]]),
  ];
  yield html`<!doctype html>
<html lang="${words.lang}">
${pageHead({ title: words.title, style, script })}
<body><main>
<h1>${words.title}</h1>
<p>${words.lead(rows.length, firstDay ?? '')}</p>
${rows.length > shown.length ? html`<p>${words.rest(shown.length, rows.length)}</p>` : undefined}
<dl class="tiles">${tiles.map(([value, name]) => html`<div><dd>${value}</dd><dt>${name}</dt></div>`)}</dl>
<div class="search" hidden><label for="search">${words.search}</label><input id="search" type="search" autocomplete="off"></div>
${legend(words)}
<p class="none" role="status" hidden>${words.nothingFound}</p>
`.html;
  for (const group of [...exceptionKinds, 'orders', 'rest'] as const) {
    const members = shown.filter((row) => groupOf(row) === group);
    if (members.length === 0) continue;
    yield html`<section><h2>${words.groups[group]}</h2><div class="cards">
`.html;
    for (const row of members) yield card(row, language, words).html;
    yield '</div></section>\n';
  }
  yield html`</main><script>${trusted(script)}</script></body>
</html>
`.html;
}

const groupOf = ({ exceptions: [first], order }: PlanRow): Group => first ?? (order > 0 ? 'orders' : 'rest');

function card(row: PlanRow, language: PlanLanguage, words: Words): Html {
  const { name, order, orderCost, gain, state, abc, xyz, exceptions } = row;
  const facts = [
    state === null ? '' : row.orderBy === null ? words.later : words.by(row.orderBy),
    order > 0 && orderCost !== null ? words.cost(words.number(orderCost)) : '',
    order > 0 && gain !== null && gain > 0 ? words.saves(words.number(gain)) : '',
  ].filter((fact) => fact !== '');
  return html`<article><h3>${name}</h3>
<p class="what">${order > 0 ? words.order(words.exact(order)) : words.noOrder}</p>
<p class="facts">${facts.join(' · ')}</p>
<ul class="badges">${state === null ? undefined : html`<li class="${state}">${words.states[state]}</li>`}${exceptions.map((kind) => html`<li class="warn">${words.groups[kind]}</li>`)}${abc === null || xyz === null ? undefined : html`<li>${words.classes} ${abc}${xyz}</li>`}</ul>
${stockBar(row, words)}
<p class="reason">${reasonOf(row, language)}</p></article>
`;
}

function legend(words: Words): Html {
  const swatch = (content: Html) => html`<svg viewBox="0 0 26 12" aria-hidden="true">${content}</svg>`;
  const bar = (className: string) => html`<rect class="${className}" y="1" width="26" height="10"/>`;
  const line = (className: string) => html`<path class="${className}" d="M13,0V12"/>`;
  const parts: [Html, string][] = [
    [bar('stock'), words.position],
    [bar('more'), words.ordered],
    [line('mark'), words.expected],
    [line('aim'), words.wanted],
  ];
  return html`<ul class="legend">${parts.map(([content, name]) => html`<li>${swatch(content)}${name}</li>`)}</ul>`;
}
