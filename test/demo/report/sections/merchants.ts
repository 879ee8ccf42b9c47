import { type Html, html, trusted } from '@hansa/shared/html';
import { type MerchantResult, type Method, methods } from '../../result.ts';
import { bestSimple, changePercent } from '../../verdict.ts';
import { say } from '../bilingual.ts';
import { fanBands, fanChart, methodChart, methodMark, shownAt } from '../charts.ts';
import type { CleaningCounts, Interval, MerchantReport, ReportData } from '../data.ts';
import type { Dictionary } from '../dictionary/english.ts';
import { fact, type Say } from './fact.ts';

/** How the methods did for each merchant. */
export function merchants({ result, merchants: reports }: ReportData): Html {
  return html`<section class="fresh">
<h2>${say((d) => d.merchantsHeading)}</h2>
<p class="lead">${say((d) => d.merchantsCaption)}</p>
<div class="cards">${result.merchants.map((merchant) =>
    merchantCard(
      merchant,
      reports.find(({ id }) => id === merchant.id),
    ),
  )}</div>
</section>`;
}

function merchantCard(merchant: MerchantResult, report: MerchantReport | undefined): Html {
  const simple = bestSimple(merchant);
  const least = Math.min(...shownAt(merchant).map(({ wql }) => wql));
  return html`<article class="card">
<h3>${merchant.id}</h3>
<dl class="facts">
${fact(
  (d) => d.stayed,
  (d) => d.rowsStayed(merchant.rows, merchant.series),
)}
${
  report &&
  fact(
    (d) => d.left,
    (d) => d.bytesLeft(d.bytes(report.bytesSent)),
  )
}
${fact(
  (d) => d.budget,
  (d) => d.budgetValue(merchant.steps),
)}
${
  report &&
  fact(
    (d) => d.ownRates,
    (d) => d.ownRatesValue(report.learningRates.localOnly, report.learningRates.fineTuned),
  )
}
${
  report &&
  fact(
    (d) => d.toUse,
    (d) => d.withWql(d.forecast(report.toUse.method), report.toUse.wql),
  )
}
</dl>
<h4>${say((d) => d.wql)}</h4>
${methodChart(merchant, report)}
<table><thead><tr><th scope="col">${say((d) => d.method)}</th><th scope="col">${say((d) => d.wape)}</th><th scope="col">${say((d) => d.againstOwn)}</th></tr></thead>
<tbody>${simple.name === 'seasonalNaive' ? undefined : simpleRow(merchant, simple, simple.wql === least, report)}${methods.map((method) => methodRow(merchant, method, merchant.wql[method] === least, report?.againstLocal[method]))}</tbody></table>
${report && measuresOf(report)}
${report && forecastOf(report)}
${report && cleaningOf(report.cleaning)}
</article>`;
}

function methodRow(merchant: MerchantResult, method: Method, best: boolean, interval: Interval | undefined): Html {
  const change = changePercent(merchant.wql[method], merchant.wql.localOnly);
  return html`<tr class="${best ? 'best' : ''}"><th scope="row">${methodMark(method)}${say(
    (d) => `${d.methods[method]}${best ? ' ★' : ''}`,
  )}</th><td>${say((d) => d.number(merchant.wape[method], 3))}</td><td>${
    method === 'localOnly' ? '–' : say((d) => d.change(change))
  }${interval && html`<small>${say((d) => d.span(interval[0], interval[1]))}</small>`}</td></tr>`;
}

function simpleRow(
  merchant: MerchantResult,
  { name, wql }: ReturnType<typeof bestSimple>,
  best: boolean,
  report: MerchantReport | undefined,
): Html {
  const interval = report?.againstLocal[name];
  const wape = report?.measures.find((one) => one.name === name)?.wape;
  return html`<tr class="${best ? 'best' : ''}"><th scope="row">${methodMark('bestSimple')}${say(
    (d) => `${d.bestSimple}${best ? ' ★' : ''}`,
  )}<small>${say((d) => d.forecast(name))}</small></th><td>${say((d) => (wape === undefined ? '–' : d.number(wape, 3)))}</td><td>${say(
    (d) => d.change(changePercent(wql, merchant.wql.localOnly)),
  )}${interval && html`<small>${say((d) => d.span(interval[0], interval[1]))}</small>`}</td></tr>`;
}

/** Every forecast that was compared, by every measure. */
function measuresOf({ measures, toUse }: MerchantReport): Html {
  const cell = (value: number | undefined, text: (d: Dictionary, value: number) => string): Html =>
    html`<td>${value === undefined ? '–' : say((d) => text(d, value))}</td>`;
  return html`<details><summary>${say((d) => d.allForecasts)}</summary>
<div class="all"><table><thead><tr>${[
    (d: Dictionary) => d.method,
    (d: Dictionary) => d.wql,
    (d: Dictionary) => d.wape,
    (d: Dictionary) => d.mase,
    (d: Dictionary) => d.bias,
    (d: Dictionary) => d.coverage,
  ].map((head) => html`<th scope="col">${say(head)}</th>`)}</tr></thead>
<tbody>${measures.map(
    ({ name, wql, wape, mase, bias, coverage }) =>
      html`<tr><th scope="row">${say((d) => `${d.forecast(name)}${name === toUse.method ? ` ← ${d.toUse}` : ''}`)}</th>${cell(wql, (d, value) => d.number(value, 3))}${cell(wape, (d, value) => d.number(value, 3))}${cell(mase, (d, value) => d.number(value, 2))}${cell(bias, (d, value) => d.change(100 * value))}${cell(coverage, (d, value) => d.percent(100 * value))}</tr>`,
  )}</tbody></table></div>
<p class="note">${say((d) => d.allCaption)}</p></details>`;
}

function forecastOf({ forecast }: MerchantReport): Html {
  if (forecast === undefined) return html`<p class="note">${say((d) => d.forecastMissing)}</p>`;
  const bands = fanBands(forecast.levels);
  const entry = (drawn: string, text: Say): Html =>
    html`<li><svg viewBox="0 0 26 12" aria-hidden="true">${trusted(drawn)}</svg>${say(text)}</li>`;
  return html`<h4>${say((d) => d.forecastHeading(forecast.series))} · ${say((d) => d.forecastFrom(forecast.origin))}</h4>
${fanChart(forecast)}
<ul class="legend">
${entry('<path class="history" d="M0 6h26"/>', (d) => d.forecastLegend.history)}
${entry('<circle class="actual" cx="13" cy="6" r="3"/>', (d) => d.forecastLegend.actual)}
${entry('<path class="median" d="M0 6h26"/>', (d) => d.forecastLegend.median)}
${bands.map(([low, high], i) =>
  entry(`<path class="band b${i + 1}" d="M0 0h26v12h-26z"/>`, (d) =>
    d.forecastLegend.band(percentText(forecast.levels[low]!), percentText(forecast.levels[high]!)),
  ),
)}
${entry('<path class="naive" d="M0 6h26"/>', (d) => d.forecastLegend.naive)}
</ul>`;
}

const percentText = (level: number): string => `${Math.round(100 * level)}%`;

function cleaningOf(cleaning: CleaningCounts): Html {
  const counts = Object.entries(cleaning).filter(([, count]) => count !== 0);
  return html`<details><summary>${say((d) => d.cleaningHeading)}</summary>
<dl class="facts">${
    counts.length === 0
      ? html`<dt>${say((d) => d.nothingToClean)}</dt>`
      : counts.map(([name, count]) =>
          fact(
            (d) => d.cleaning(name),
            (d) => d.number(count),
          ),
        )
  }</dl></details>`;
}
