import { type Html, html } from '@hansa/shared/html';
import { roundPhases } from '@hansa/shared/protocol';
import { scaleLinear } from 'd3-scale';
import { area, line, symbol, symbolCircle, symbolCross, symbolDiamond, symbolSquare, symbolTriangle } from 'd3-shape';
import { type MerchantResult, type Method, methods, type RoundResult } from '../result.ts';
import { bestSimple, type Change } from '../verdict.ts';
import { label, rounded } from './bilingual.ts';
import type { Forecast, Interval, MerchantReport } from './data.ts';
import { dictionaries } from './dictionary/dictionary.ts';
import type { Dictionary } from './dictionary/english.ts';
import type { Histogram } from './histogram.ts';

/** All drawings are this wide in their own units: what is legible on a phone is so everywhere. */
const width = 340;

type Shown = Method | 'bestSimple';

const shapes: Record<Shown, Html> = {
  bestSimple: mark(symbolCross),
  seasonalNaive: mark(symbolSquare),
  localOnly: mark(symbolTriangle),
  federated: mark(symbolDiamond),
  fineTuned: mark(symbolCircle),
};

function mark(type: typeof symbolCircle): Html {
  return html`<path d="${symbol(type, 62)() ?? ''}"/>`;
}

function drawing(height: number, description: string, content: Html, className = ''): Html {
  return html`<svg class="${className}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${description}">${content}</svg>`;
}

/** The mark of a method as it stands in charts and tables: its shape tells it apart without its colour. */
export function methodMark(method: Shown): Html {
  return html`<svg class="mark m-${method}" viewBox="-7 -7 14 14" aria-hidden="true">${shapes[method]}</svg>`;
}

/** Bars from zero to each merchant's change in per cent; below 0, to the left, is better. */
export function changeChart(changes: readonly Change[], intervals: ReadonlyMap<string, Interval>): Html {
  const row = 30;
  const top = 22;
  const height = top + changes.length * row + 6;
  const values = changes.flatMap(({ id, percent }) => [percent, ...(intervals.get(id) ?? [])]);
  const x = scaleLinear()
    .domain([Math.min(-1, ...values), Math.max(1, ...values)])
    .nice(5)
    // The widest label, of a change of two digits, stands to the right of every whisker.
    .range([104, width - 78]);
  const zero = x(0);
  const rows = changes.map(({ id, percent }, i) => {
    const middle = top + i * row + row / 2;
    const interval = intervals.get(id);
    const end = x(percent);
    const good = percent < 0;
    return html`<text class="name" x="0" y="${middle + 4}">${short(id, 16)}</text>
<rect class="${good ? 'good' : 'bad'}" x="${rounded(Math.min(zero, end))}" y="${middle - 8}" width="${rounded(Math.max(1, Math.abs(end - zero)))}" height="16" rx="2"/>
${interval && html`<path class="whisker" d="M${rounded(x(interval[0]))},${middle}H${rounded(x(interval[1]))}M${rounded(x(interval[0]))},${middle - 4}v8M${rounded(x(interval[1]))},${middle - 4}v8"/>`}
${label(width, middle + 4, (d) => `${good ? '▼' : percent > 0 ? '▲' : '='} ${d.change(percent)}`, 'value', 'end')}`;
  });
  return drawing(
    height,
    changes.map(({ id, percent }) => `${id} ${dictionaries.en.change(percent)}`).join(', '),
    html`${label(zero - 6, 12, (d) => `◀ ${d.better}`, 'axis', 'end')}${label(zero + 6, 12, (d) => `${d.worse} ▶`, 'axis')}
<path class="zero" d="M${rounded(zero)},${top - 4}V${height - 4}"/>${rows}`,
    'chart wide',
  );
}

/** One round as a bar of its phases, numbered as in the legend, against the longest round. */
export function roundChart(round: RoundResult, longestSeconds: number): Html {
  const x = scaleLinear()
    .domain([0, Math.max(longestSeconds, 0.001)])
    .range([0, width]);
  let from = 0;
  const parts = roundPhases.map((phase, i) => {
    const seconds = round.phaseSeconds[phase];
    const left = x(from);
    from += seconds;
    const size = x(from) - left;
    return html`<rect class="phase p${i + 1}" x="${rounded(left)}" y="2" width="${rounded(Math.max(0.5, size - 0.8))}" height="20"/>${
      size > 13
        ? html`<text class="on" x="${rounded(left + size / 2)}" y="16.5" text-anchor="middle">${i + 1}</text>`
        : undefined
    }`.html;
  });
  const spoken = roundPhases.map(
    (phase) => `${dictionaries.en.phase(phase)} ${dictionaries.en.seconds(round.phaseSeconds[phase])}`,
  );
  return drawing(24, spoken.join(', '), { html: parts.join('') }, 'chart');
}

/** A histogram with its two ends named. */
export function histogramChart(of: Histogram, className: string, axis: Parameters<typeof label>[2]): Html {
  const height = 150;
  const top = 8;
  const bottom = height - 22;
  const most = Math.max(1, ...of.counts);
  const y = scaleLinear().domain([0, most]).nice(3).range([bottom, top]);
  const step = (width - 44) / of.counts.length;
  const bars = of.counts.map(
    (count, i) =>
      html`<rect class="${className}" x="${rounded(44 + i * step)}" y="${rounded(y(count))}" width="${rounded(step * 0.86)}" height="${rounded(bottom - y(count))}"/>`,
  );
  const ticks = y
    .ticks(3)
    .map(
      (tick) =>
        html`<path class="grid" d="M44,${rounded(y(tick))}H${width}"/>${label(38, y(tick) + 4, (d) => d.number(tick), 'axis', 'end')}`,
    );
  return drawing(
    height,
    dictionaries.en.seenAxisCount,
    html`${ticks}${bars}<path class="base" d="M44,${bottom}H${width}"/>${label(44 + (width - 44) / 2, height - 6, axis, 'axis', 'middle')}`,
    'chart',
  );
}

/** What the demo follows at one merchant, and the simple forecast that does best there where that is another one. */
export function shownAt(
  merchant: MerchantResult,
): readonly { readonly method: Shown; readonly name: string; readonly wql: number }[] {
  const best = bestSimple(merchant);
  const all = methods.map((method) => ({ method, name: method, wql: merchant.wql[method] }));
  return best.name === 'seasonalNaive' ? all : [{ method: 'bestSimple', ...best }, ...all];
}

/** The methods of one merchant on one axis of WQL, with their intervals; local-only's value is the dashed line. */
export function methodChart(merchant: MerchantResult, report: MerchantReport | undefined): Html {
  const row = 26;
  const shown = shownAt(merchant);
  const height = shown.length * row + 20;
  const local = merchant.wql.localOnly;
  const nameOf = (d: Dictionary, method: Shown) => (method === 'bestSimple' ? d.bestSimple : d.methods[method]);
  const values = shown.flatMap(({ name, wql }) => [wql, ...(report?.wqlIntervals[name] ?? [])]);
  const x = scaleLinear()
    .domain([Math.min(...values), Math.max(...values)])
    .nice(4)
    .range([122, width - 58]);
  const smallest = Math.min(...shown.map(({ wql }) => wql));
  const rows = shown.map(({ method, name, wql: value }, i) => {
    const middle = i * row + row / 2;
    const interval = report?.wqlIntervals[name];
    return html`${label(0, middle + 4, (d) => nameOf(d, method), 'name')}
<path class="grid" d="M122,${middle}H${width - 58}"/>
${interval && html`<path class="whisker" d="M${rounded(x(interval[0]))},${middle}H${rounded(x(interval[1]))}M${rounded(x(interval[0]))},${middle - 4}v8M${rounded(x(interval[1]))},${middle - 4}v8"/>`}
<g class="m-${method}" transform="translate(${rounded(x(value))} ${middle})">${shapes[method]}</g>
${label(width, middle + 4, (d) => `${value === smallest ? '★ ' : ''}${d.number(value, 3)}`, 'value', 'end')}`;
  });
  const ticks = x.ticks(3).map((tick) => label(x(tick), height - 5, (d) => d.number(tick, 2), 'axis', 'middle'));
  return drawing(
    height,
    shown.map(({ method, wql }) => `${nameOf(dictionaries.en, method)} ${wql.toFixed(3)}`).join(', '),
    html`<path class="origin" d="M${rounded(x(local))},2V${height - 20}"/>${rows}${ticks}`,
    'chart',
  );
}

const dayMs = 86_400_000;

function periodDate({ origin, frequency }: Forecast, offset: number): string {
  const start = new Date(`${origin}T00:00:00Z`);
  if (frequency === 'month') start.setUTCMonth(start.getUTCMonth() + offset);
  else start.setTime(start.getTime() + offset * dayMs * (frequency === 'week' ? 7 : 1));
  return start.toISOString().slice(0, 10);
}

/** Bands of quantiles around the median, what was sold before and what was sold in fact. */
export function fanChart(forecast: Forecast): Html {
  const height = 190;
  const { history, actual, levels, quantiles, seasonalNaive } = forecast;
  const median = quantiles[levels.indexOf(0.5)] ?? [];
  const shown = Math.max(1, quantiles[0]?.length ?? 0);
  const known = [...history, ...actual].filter((value) => value !== null);
  const most = Math.max(1, ...known, ...quantiles.flat(), ...seasonalNaive);
  const left = 34;
  const x = scaleLinear()
    .domain([-history.length, shown - 1])
    .range([left, width - 4]);
  const y = scaleLinear()
    .domain([0, most])
    .nice(4)
    .range([height - 24, 6]);
  const path = line<number>()
    .x((_, i) => x(i))
    .y((value) => y(value));
  const past = line<number | null>()
    .defined((value) => value !== null)
    .x((_, i) => x(i - history.length))
    .y((value) => y(value ?? 0));
  const bands = fanBands(levels).map(
    ([low, high], i) =>
      html`<path class="band b${i + 1}" d="${
        area<number>()
          .x((k) => x(k))
          .y0((k) => y(quantiles[low]![k]!))
          .y1((k) => y(quantiles[high]![k]!))(Array.from({ length: shown }, (_, k) => k)) ?? ''
      }"/>`,
  );
  const dots = actual.map((value, i) =>
    value === null ? undefined : html`<circle class="actual" cx="${rounded(x(i))}" cy="${rounded(y(value))}" r="2.4"/>`,
  );
  const ticks = y
    .ticks(4)
    .map(
      (tick) =>
        html`<path class="grid" d="M${left},${rounded(y(tick))}H${width - 4}"/>${label(left - 5, y(tick) + 4, (d) => d.number(tick), 'axis', 'end')}`,
    );
  return drawing(
    height,
    `${forecast.series}, ${forecast.origin}`,
    html`${ticks}${bands}
<path class="origin" d="M${rounded(x(-0.5))},6V${height - 24}"/>
<path class="history" d="${past(history) ?? ''}"/>
<path class="naive" d="${path(seasonalNaive) ?? ''}"/>
<path class="median" d="${path(median) ?? ''}"/>${dots}
<text class="axis" x="${left}" y="${height - 8}">${periodDate(forecast, -history.length)}</text>
<text class="axis" x="${rounded(x(-0.5) - 3)}" y="${height - 8}" text-anchor="end">${forecast.origin}</text>
<text class="axis" x="${width}" y="${height - 8}" text-anchor="end">${periodDate(forecast, shown - 1)}</text>`,
    'chart',
  );
}

/** Index pairs of the quantiles that bound a band, widest first: .1 to .9 and .3 to .7 where they are there. */
export function fanBands(levels: readonly number[]): [number, number][] {
  return [
    [0.1, 0.9],
    [0.3, 0.7],
  ].flatMap(([low, high]) => {
    const pair: [number, number] = [levels.indexOf(low!), levels.indexOf(high!)];
    return pair.includes(-1) ? [] : [pair];
  });
}

function short(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
