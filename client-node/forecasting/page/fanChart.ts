import { type Html, html } from '@hansa/shared/html';
import { scaleLinear } from 'd3-scale';
import { area, line } from 'd3-shape';
import type { SeriesForecast } from '../seriesForecast.ts';
import type { Words } from './words.ts';

const width = 340;
const height = 170;
const left = 38;
const bottom = height - 22;

const rounded = (value: number): string => String(Math.round(value * 10) / 10);

/** Bands of quantiles around the median, behind what was sold. */
export function fanChart(series: SeriesForecast, words: Words): Html {
  const { history, levels, quantiles, periods, name } = series;
  const column = (level: number) => quantiles.map((row) => row[levels.indexOf(level)]!);
  const [low, lower, median, upper, high] = [0.1, 0.3, 0.5, 0.7, 0.9].map(column) as [
    number[],
    number[],
    number[],
    number[],
    number[],
  ];
  const most = Math.max(1, ...high, ...history.map((value) => value ?? 0));
  const x = scaleLinear()
    .domain([-Math.max(1, history.length), Math.max(1, periods.length - 1)])
    .range([left, width - 4]);
  const y = scaleLinear().domain([0, most]).nice(3).range([bottom, 6]);
  const steps = periods.map((_, step) => step);
  const band = (from: readonly number[], to: readonly number[], className: string) =>
    html`<path class="${className}" d="${
      area<number>()
        .x((step) => x(step))
        .y0((step) => y(from[step]!))
        .y1((step) => y(to[step]!))(steps) ?? ''
    }"/>`;
  const past = line<number | null>()
    .defined((value) => value !== null)
    .x((_, at) => x(at - history.length))
    .y((value) => y(value ?? 0));
  const ahead = line<number>()
    .x((_, step) => x(step))
    .y((value) => y(value));
  const ticks = y
    .ticks(3)
    .map(
      (tick) =>
        html`<path class="grid" d="M${left},${rounded(y(tick))}H${width - 4}"/><text class="axis" x="${left - 5}" y="${rounded(y(tick) + 4)}" text-anchor="end">${words.number(tick)}</text>`,
    );
  return html`<svg class="chart" viewBox="0 0 ${width} ${height}" role="img" aria-label="${name}: ${words.median} ${median.map(words.number).join(', ')}">${ticks}
${band(low, high, 'wide')}${band(lower, upper, 'narrow')}
<path class="origin" d="M${rounded(x(-0.5))},6V${bottom}"/>
<path class="history" d="${past(history) ?? ''}"/><path class="median" d="${ahead(median) ?? ''}"/>
<text class="axis" x="${rounded(x(-0.5))}" y="${height - 6}" text-anchor="end">${periods[0]}</text>
<text class="axis" x="${width - 4}" y="${height - 6}" text-anchor="end">${periods.at(-1)}</text></svg>`;
}
