import { type Html, html } from '@hansa/shared/html';
import { scaleLinear } from 'd3-scale';
import type { Timeline } from '../jobs/job.ts';

const width = 720;
const height = 190;
const left = 52;
const bottom = height - 24;
/** More bars than this cannot be told apart: neighbours are added up. */
const MOST_BARS = 160;

interface Bar {
  readonly from: string;
  readonly units: number;
  readonly part: 'train' | 'validation' | 'test';
}

/** Units sold in all, over time, with the periods that validate and test in other colours. */
export function timelineChart(timeline: Timeline): Html {
  const bars = barsOf(timeline);
  const y = scaleLinear()
    .domain([0, Math.max(1, ...bars.map(({ units }) => units))])
    .nice(3)
    .range([bottom, 8]);
  const wide = (width - left - 4) / bars.length;
  const number = (value: number) => value.toLocaleString('en-US', { maximumFractionDigits: 0 });
  const ticks = y
    .ticks(3)
    .map(
      (tick) =>
        html`<path class="grid" d="M${left},${y(tick).toFixed(1)}H${width - 4}"/><text class="axis" x="${left - 6}" y="${(y(tick) + 4).toFixed(1)}" text-anchor="end">${number(tick)}</text>`,
    );
  const drawn = bars.map(
    ({ from, units, part }, at) =>
      html`<rect class="bar ${part}" x="${(left + at * wide).toFixed(1)}" y="${y(units).toFixed(1)}" width="${Math.max(0.8, wide - 0.8).toFixed(1)}" height="${(bottom - y(units)).toFixed(1)}"><title>${from}: ${number(units)}</title></rect>`,
  );
  const place = (part: Bar['part']) => bars.findIndex((bar) => bar.part === part);
  const day = (part: Bar['part']) => bars[place(part)]?.from;
  return html`<svg class="chart" viewBox="0 0 ${width} ${height}" role="img" aria-label="Units sold by period, from ${bars[0]?.from ?? ''} to ${bars.at(-1)?.from ?? ''}">${ticks}${drawn}
<text class="axis" x="${left}" y="${height - 6}">${day('train')}</text>${
    day('test') === undefined
      ? undefined
      : html`<text class="axis" x="${width - 4}" y="${height - 6}" text-anchor="end">test from ${day('test')}</text>`
  }</svg>
<ul class="legend"><li><svg viewBox="0 0 26 12" aria-hidden="true"><rect class="bar" width="26" height="12"/></svg>training</li><li><svg viewBox="0 0 26 12" aria-hidden="true"><rect class="bar validation" width="26" height="12"/></svg>validation</li><li><svg viewBox="0 0 26 12" aria-hidden="true"><rect class="bar test" width="26" height="12"/></svg>test</li></ul>`;
}

function barsOf({ periods, units, validFrom, testFrom }: Timeline): Bar[] {
  const each = Math.max(1, Math.ceil(periods.length / MOST_BARS));
  const bars: Bar[] = [];
  for (let at = 0; at < periods.length; at += each) {
    const from = periods[at]!;
    bars.push({
      from,
      units: units.slice(at, at + each).reduce((sum, value) => sum + value, 0),
      part: from >= testFrom ? 'test' : from >= validFrom ? 'validation' : 'train',
    });
  }
  return bars;
}
