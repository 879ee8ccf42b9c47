import type { OrderTable } from './orderTable.ts';

/** Orders that the usual share counts for while a merchant has none, and that the merchant's own share counts for in that of a category's value. */
const PRIOR_ORDERS = 20;
const VALUE_ORDERS = 10;
/** Share of late orders that is expected of a merchant of whom nothing is known. */
export const USUAL_SHARE = 0.1;

export const logitOf = (share: number): number => Math.log(share / (1 - share));

/** Past late rates as they were known on the day of each order. */
export interface PastRates {
  /** [n] logit of the late rate of all orders known before. */
  readonly running: Float32Array;
  /** Of each category [n]: logit of the late rate of known orders with the same value, smoothed towards that of all, minus that of all. */
  readonly rates: readonly Float32Array[];
  /** Of each category [n]: how many orders those are. */
  readonly counts: readonly Float32Array[];
}

/**
 * Past late rates. An order's outcome takes part in those of orders placed on a later day than the one on which it became known; its own takes no part in its own.
 */
export function pastRates({ count, ordered, known, late, categories }: OrderTable): PastRates {
  const rows = Array.from({ length: count }, (_, row) => row);
  const byKnown = rows.toSorted((a, b) => known[a]! - known[b]!);
  const byOrdered = rows.toSorted((a, b) => ordered[a]! - ordered[b]!);
  const running = new Float32Array(count);
  const rates = categories.map(() => new Float32Array(count));
  const counts = categories.map(() => new Float32Array(count));
  const tallies = categories.map(() => new Map<number, { late: number; all: number }>());
  const total = { late: 0, all: 0 };
  let next = 0;
  for (const row of byOrdered) {
    for (; next < count && known[byKnown[next]!]! < ordered[row]!; next++) {
      const seen = byKnown[next]!;
      total.late += late[seen]!;
      total.all += 1;
      tallies.forEach((tally, category) => {
        const value = categories[category]![seen]!;
        const of = tally.get(value) ?? { late: 0, all: 0 };
        tally.set(value, { late: of.late + late[seen]!, all: of.all + 1 });
      });
    }
    const share = (total.late + USUAL_SHARE * PRIOR_ORDERS) / (total.all + PRIOR_ORDERS);
    running[row] = logitOf(share);
    tallies.forEach((tally, category) => {
      const of = tally.get(categories[category]![row]!) ?? { late: 0, all: 0 };
      rates[category]![row] = logitOf((of.late + share * VALUE_ORDERS) / (of.all + VALUE_ORDERS)) - logitOf(share);
      counts[category]![row] = of.all;
    });
  }
  return { running, rates, counts };
}
