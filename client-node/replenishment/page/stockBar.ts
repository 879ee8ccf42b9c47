import { type Html, html } from '@hansa/shared/html';
import { scaleLinear } from 'd3-scale';
import type { PlanRow } from '../planRow.ts';
import type { Words } from './words.ts';

const width = 340;
const height = 52;
const [left, right] = [4, width - 4];

const rounded = (value: number): string => String(Math.round(value * 10) / 10);

/** What is at disposal and what is ordered, as a bar, beside expected demand and the stock that the service level wants; nothing where these are not known. */
export function stockBar(row: PlanRow, words: Words): Html | undefined {
  const { position, order, expectedDemand, orderUpTo, name } = row;
  if (position === null || expectedDemand === null || orderUpTo === null) return undefined;
  // Far more stock than is wanted would leave no room to see what is wanted.
  const most = Math.max(1e-9, expectedDemand, orderUpTo, Math.min(position + order, 4 * orderUpTo));
  const x = scaleLinear().domain([0, most]).nice(4).range([left, right]).clamp(true);
  const [start, end] = [x(Math.max(0, position)), x(Math.max(0, position + order))];
  const ticks = x
    .ticks(4)
    .map(
      (tick) =>
        html`<text class="axis" x="${rounded(x(tick))}" y="${height - 4}" text-anchor="${tick === 0 ? 'start' : x(tick) > right - 20 ? 'end' : 'middle'}">${words.number(tick)}</text>`,
    );
  const label = `${name}: ${words.position} ${words.exact(position)}, ${words.ordered} ${words.exact(order)}, ${words.expected} ${words.number(expectedDemand)}, ${words.wanted} ${words.number(orderUpTo)}`;
  return html`<svg class="chart" viewBox="0 0 ${width} ${height}" role="img" aria-label="${label}"><path class="grid" d="M${left},34H${right}"/>
<rect class="stock" x="${left}" y="12" width="${rounded(start - left)}" height="16"/><rect class="more" x="${rounded(start)}" y="12" width="${rounded(end - start)}" height="16"/>
<path class="mark" d="M${rounded(x(expectedDemand))},6V34"/><path class="aim" d="M${rounded(x(orderUpTo))},6V34"/>${ticks}</svg>`;
}
