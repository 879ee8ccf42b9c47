import type { OrderBatch, OrderData } from '../orders.ts';
import { crossEntropy } from '../scores/riskScore.ts';
import { allOf } from './allOf.ts';

/** Logits of the smoothed past late rate of the orders with the same value of a category; without a category, of all of the merchant's orders. */
function pastLogits({ count, running, pastRates }: OrderBatch, category: number | undefined): Float64Array {
  const categories = pastRates.length / count;
  return Float64Array.from(running, (logit, order) =>
    category === undefined ? logit : logit + pastRates[order * categories + category]!,
  );
}

/** Logits of a split's orders by the past late rate of the carrier, or of the category that does best on validation. */
export function pastRateLogits(data: OrderData, split: 'validation' | 'test' = 'test'): Float64Array {
  return pastLogits(allOf(data[split]), data.carrier ?? bestCategory(data));
}

function bestCategory(data: OrderData): number | undefined {
  const validation = allOf(data.validation);
  let best: { category: number | undefined; entropy: number } | undefined;
  for (const category of [undefined, ...data.names.categories.keys()]) {
    const logits = pastLogits(validation, category);
    const entropy = logits.reduce((sum, logit, order) => sum + crossEntropy(logit, validation.late[order]!), 0);
    if (best === undefined || entropy < best.entropy) best = { category, entropy };
  }
  return best?.category;
}
