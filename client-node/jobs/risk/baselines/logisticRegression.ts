import { setImmediate } from 'node:timers/promises';
import { HansaError } from '@hansa/shared/errors';
import { ORDER_FEATURES } from '@hansa/shared/model/jobs/risk';
import type { OrderBatch, OrderData } from '../orders.ts';
import { crossEntropy } from '../scores/riskScore.ts';
import { allOf } from './allOf.ts';
import { type Feature, fitLogistic, margins } from './fitLogistic.ts';

/** Ridges that are tried, strongest first; each begins where the last one ended. */
const LAMBDAS = [300, 100, 30, 10, 3, 1];
/** The one that is taken where there is no validation order. */
const USUAL_LAMBDA = 30;

/** A value of a category is a feature of its own where so many training orders have it. */
const MIN_ORDERS = 3;

/**
 * Logits of a split's orders by logistic regression on the merchant's own training orders: numbers, past late rates, dates, and one feature for each value of a
 * category, over the merchant's share of late orders; the ridge is the one with the least cross-entropy on validation.
 *
 * @throws HansaError Interrupted (when the signal aborts)
 */
export async function logisticLogits(
  data: OrderData,
  split: 'validation' | 'test',
  signal: AbortSignal | undefined,
): Promise<Float64Array> {
  const [train, validation, asked] = [allOf(data.train), allOf(data.validation), allOf(data[split])];
  const values = commonValues(train);
  const design = featuresOf(train, values);
  const held = featuresOf(validation, values);
  // Where a merchant has no late order yet, its share stays what the prior makes it, instead of running off to 0.
  const offset = train.base[0]!;
  let best: { beta: Float64Array; entropy: number } | undefined;
  let beta: Float64Array | undefined;
  for (const lambda of LAMBDAS) {
    if (signal?.aborted) throw new HansaError('Interrupted', 'Evaluation was stopped.');
    await setImmediate();
    beta = fitLogistic(design, { late: train.late, weights: train.weight, offset }, lambda, beta);
    const entropy =
      validation.count === 0
        ? Math.abs(Math.log(lambda / USUAL_LAMBDA))
        : margins(beta, held, validation.count, offset).reduce(
            (sum, margin, order) => sum + crossEntropy(margin, validation.late[order]!),
            0,
          );
    if (best === undefined || entropy < best.entropy) best = { beta, entropy };
  }
  return margins(best!.beta, featuresOf(asked, values), asked.count, offset);
}

const columnsOf = ({ length }: { readonly length: number }, count: number): number =>
  count === 0 ? 0 : length / count;

/** For each category the hashes that are features, with their places. */
function commonValues({ count, categories }: OrderBatch): ReadonlyMap<number, number>[] {
  const width = columnsOf(categories, count);
  let place = 0;
  return Array.from({ length: width }, (_, category) => {
    const orders = new Map<number, number>();
    for (let at = category; at < categories.length; at += width) {
      orders.set(categories[at]!, (orders.get(categories[at]!) ?? 0) + 1);
    }
    const common = [...orders].filter(([, n]) => n >= MIN_ORDERS).sort(([a], [b]) => a - b);
    return new Map(common.map(([hash]) => [hash, place++]));
  });
}

function featuresOf(batch: OrderBatch, values: readonly ReadonlyMap<number, number>[]): Feature[] {
  const { count, categories } = batch;
  // What is missing, not what is there: that would be nearly the same for every order, as the intercept is.
  const missing = batch.present.map((is) => 1 - is);
  const dense = [batch.numbers, missing, batch.pastRates, batch.pastCounts, batch.order];
  const everyOrder = Array.from({ length: count }, (_, order) => order);
  const features = [{ rows: everyOrder, values: everyOrder.map(() => 1) }];
  for (const columns of dense) {
    const width = columns === batch.order ? ORDER_FEATURES.length : columnsOf(columns, count);
    for (let column = 0; column < width; column++) {
      const feature = { rows: [] as number[], values: [] as number[] };
      for (let order = 0; order < count; order++) {
        const value = columns[order * width + column]!;
        if (value === 0) continue;
        feature.rows.push(order);
        feature.values.push(value);
      }
      features.push(feature);
    }
  }
  const kinds = values.reduce((sum, { size }) => sum + size, 0);
  const named = Array.from({ length: kinds }, () => ({ rows: [] as number[], values: [] as number[] }));
  values.forEach((places, category) => {
    for (let order = 0; order < count; order++) {
      const place = places.get(categories[order * values.length + category]!);
      if (place === undefined) continue;
      named[place]!.rows.push(order);
      named[place]!.values.push(1);
    }
  });
  return [...features, ...named].map(({ rows, values }) => ({
    rows: Int32Array.from(rows),
    values: Float64Array.from(values),
  }));
}
