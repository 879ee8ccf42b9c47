import type { Step } from './orderSteps.ts';

/** A whole plan's limit. */
export interface Limit {
  /** What is limited: money to buy with, or room. */
  readonly kind: 'budget' | 'capacity';
  /** At least 0. */
  readonly amount: number;
}

/** An order that shares the limit with others. */
export interface LimitedOrder {
  /** In the order in which they are to be taken. */
  readonly steps: readonly Step[];
  /** What a unit takes of the limit, above 0. */
  readonly each: number;
}

/**
 * Shares a limit out among orders, part by part, each time to the part that saves most for what it takes. A part that no longer fits ends its order, and the
 * others go on.
 *
 * @returns units of each order
 */
export function shareOut(orders: readonly LimitedOrder[], amount: number): number[] {
  const units = new Array<number>(orders.length).fill(0);
  const parts = orders.flatMap(({ steps, each }, order) => {
    let worth = Number.POSITIVE_INFINITY;
    return steps.map((step, place) => {
      // A part that saves more than the one before it still comes after it.
      worth = Math.min(worth, step.gain / (step.units * each));
      return { order, place, worth, units: step.units, takes: step.units * each };
    });
  });
  parts.sort((a, b) => b.worth - a.worth || a.order - b.order || a.place - b.place);
  const ended = new Set<number>();
  let left = amount;
  for (const { order, takes, units: more } of parts) {
    if (ended.has(order)) continue;
    if (takes > left * (1 + 1e-12)) {
      ended.add(order);
      continue;
    }
    left -= takes;
    units[order] = Number((units[order]! + more).toPrecision(12));
  }
  return units;
}
