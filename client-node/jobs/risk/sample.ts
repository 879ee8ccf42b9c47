import { MOST_CATEGORIES, MOST_NUMBERS, MOST_TEXTS, ORDER_FEATURES } from '@hansa/shared/model/jobs/risk';
import { seededNumbers } from '@hansa/shared/random';
import { orderSet } from './orderSet.ts';
import { type OrderSet, WORDS } from './orders.ts';

/** Made-up orders that fill every column, for tests of the model and for trying an engine: late where the first number and a category's past say so. */
export function sampleOrders(seed: string, count: number): OrderSet {
  const drawn = seededNumbers(`orders/${seed}`);
  const floats = (width: number, draw: () => number) => Float32Array.from({ length: count * width }, draw);
  const integers = (width: number, draw: () => number) => Int32Array.from({ length: count * width }, draw);
  const present = floats(MOST_NUMBERS, () => (drawn.uniform() < 0.9 ? 1 : 0));
  const numbers = present.map((is) => is * drawn.truncatedNormal());
  const pastRates = floats(MOST_CATEGORIES, () => 0.5 * drawn.truncatedNormal());
  const base = -1;
  const late = floats(1, () => 0).map((_, order) => {
    const logit = base + 2 * numbers[order * MOST_NUMBERS]! + 2 * pastRates[order * MOST_CATEGORIES]!;
    return drawn.uniform() < 1 / (1 + Math.exp(-logit)) ? 1 : 0;
  });
  const orders = {
    count,
    numbers,
    present,
    categories: integers(MOST_CATEGORIES, () => Math.floor(2 ** 31 * drawn.uniform())),
    pastRates,
    pastCounts: floats(MOST_CATEGORIES, () => drawn.uniform()),
    words: integers(MOST_TEXTS * WORDS, () => (drawn.uniform() < 0.5 ? -1 : Math.floor(2 ** 31 * drawn.uniform()))),
    order: floats(ORDER_FEATURES.length, () => 2 * drawn.uniform() - 1),
    base: floats(1, () => base),
    running: floats(1, () => base),
    weight: floats(1, () => 0.5 + drawn.uniform()),
    late,
  };
  return orderSet(
    orders,
    Int32Array.from({ length: count }, (_, row) => row),
  );
}
