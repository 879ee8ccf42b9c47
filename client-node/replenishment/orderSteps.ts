import type { Distribution } from './distribution.ts';
import { inPacks, orderQuantity } from './orderQuantity.ts';
import type { StockLine } from './stockLine.ts';
import { expectedCost, type Target } from './target.ts';

/** A part of an order, to be ordered together with those before it. */
export interface Step {
  readonly units: number;
  /** By how much it lowers the expected cost; below 0 where it raises it. */
  readonly gain: number;
}

/** More parts would tell a budget little more. */
const MOST_STEPS = 8;

/** An order in parts of whole packs: the first is at least the minimum order; what each further unit saves falls. */
export function orderSteps(
  line: StockLine,
  target: Target,
  demand: Distribution,
  position: number,
  order: number,
): Step[] {
  const { packSize } = line;
  const packs = Math.round(order / packSize);
  const least = Math.min(packs, Math.max(1, Math.round(orderQuantity(line.minimumOrder, line) / packSize)));
  const chunk = Math.max(1, Math.ceil((packs - least) / (MOST_STEPS - 1)));
  const ends: number[] = [];
  for (let end = least; end < packs; end += chunk) ends.push(end);
  if (packs > 0) ends.push(packs);
  let [before, cost] = [0, expectedCost(target, demand, position)];
  return ends.map((end) => {
    const units = inPacks(end - before, packSize);
    const after = expectedCost(target, demand, position + inPacks(end, packSize));
    const gain = cost - after;
    [before, cost] = [end, after];
    return { units, gain };
  });
}
