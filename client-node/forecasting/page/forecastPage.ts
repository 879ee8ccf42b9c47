import { type Html, html, pageHead, trusted } from '@hansa/shared/html';
import type { SeriesForecast } from '../seriesForecast.ts';
import { fanChart } from './fanChart.ts';
import { largestChanges, type RankedForecast } from './ranking.ts';
import { style } from './style.ts';
import { type PageLanguage, pageWords, type Words } from './words.ts';

/** More would make a page that no browser likes to open. */
const MOST_SHOWN = 200;

/** Quantiles that the table of a series shows. */
const SHOWN_LEVELS = [0.1, 0.5, 0.9];

/** Hides the cards whose name lacks what was typed; without it the page is whole and cannot be searched. */
const script = `
const cards = [...document.querySelectorAll('article')], none = document.querySelector('.none');
document.querySelector('.search').hidden = false;
document.querySelector('.search input').addEventListener('input', ({ target }) => {
  const asked = target.value.trim().toLowerCase();
  for (const card of cards) card.hidden = !card.querySelector('h2').textContent.toLowerCase().includes(asked);
  none.hidden = cards.some((card) => !card.hidden);
});
`;

/**
 * Forecasts as one HTML page that loads nothing: the series whose demand is expected to change most, each with a fan chart of history and forecast. Every
 * text that was read is escaped.
 */
export async function* forecastPage(
  forecasts: AsyncIterable<SeriesForecast>,
  language: PageLanguage,
): AsyncGenerator<string> {
  const words = pageWords[language];
  let [count, first, horizon] = [0, 0, 0];
  const shown = await largestChanges(forecasts, MOST_SHOWN, ({ mean, meanToDate }) => {
    count += 1;
    first += mean[0] ?? 0;
    horizon += meanToDate.at(-1) ?? 0;
  });
  const any = shown[0]?.series;
  const spans = any === undefined ? '' : words.unit[any.frequency](any.periods.length);
  yield html`<!doctype html>
<html lang="${words.lang}">
${pageHead({ title: words.title, style, script })}
<body><main>
<h1>${words.title}</h1>
<p>${words.lead(count, spans)}</p>
${count > shown.length ? html`<p>${words.rest(shown.length, count)}</p>` : undefined}
<dl class="tiles"><div><dd>${words.number(first)}</dd><dt>${words.total(any?.periods[0] ?? '')}</dt></div><div><dd>${words.number(horizon)}</dd><dt>${words.horizon}</dt></div></dl>
<div class="search" hidden><label for="search">${words.search}</label><input id="search" type="search" autocomplete="off"></div>
${legend(words)}
<p class="none" role="status" hidden>${words.nothingFound}</p>
<div class="cards">
`.html;
  for (const one of shown) yield card(one, words).html;
  yield html`</div>
</main><script>${trusted(script)}</script></body>
</html>
`.html;
}

function card({ series, changePercent }: RankedForecast, words: Words): Html {
  const { levels, name, periods, quantilesToDate, quantiles, mean } = series;
  const at = (rows: readonly (readonly number[])[], step: number, level: number) => rows[step]![levels.indexOf(level)]!;
  const last = periods.length - 1;
  const direction = changePercent === undefined ? '' : changePercent < 0 ? 'down' : 'up';
  return html`<article><h2>${name}</h2>
<p class="facts"><span class="${direction}">${changePercent === undefined ? words.newItem : words.change(changePercent, words.unit[series.frequency](periods.length))}</span><br>${words.unit[series.frequency](periods.length)}: ${words.likely} ${words.number(at(quantilesToDate, last, 0.1))} – ${words.number(at(quantilesToDate, last, 0.9))}</p>
${fanChart(series, words)}
<details><summary>${words.table}</summary><div class="scroll"><table><thead><tr><th scope="col">${words.period}</th><th scope="col">${words.mean}</th>${SHOWN_LEVELS.map((level) => html`<th scope="col">${Math.round(100 * level)} %</th>`)}</tr></thead>
<tbody>${periods.map((period, step) => html`<tr><th scope="row">${period}</th><td>${words.number(mean[step]!)}</td>${SHOWN_LEVELS.map((level) => html`<td>${words.number(at(quantiles, step, level))}</td>`)}</tr>`)}</tbody></table></div></details></article>
`;
}

function legend(words: Words): Html {
  const swatch = (content: Html) => html`<svg viewBox="0 0 26 12" aria-hidden="true">${content}</svg>`;
  return html`<ul class="legend"><li>${swatch(html`<path class="history" d="M1,9L8,4L16,8L25,3"/>`)}${words.history}</li><li>${swatch(html`<path class="median" d="M1,6H25"/>`)}${words.median}</li><li>${swatch(html`<rect class="narrow" width="26" height="12"/><rect class="wide" width="26" height="12"/>`)}${words.band40}</li><li>${swatch(html`<rect class="wide" width="26" height="12"/>`)}${words.band80}</li></ul>`;
}
