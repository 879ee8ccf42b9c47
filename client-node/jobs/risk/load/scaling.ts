import { quantileOfSorted } from '../../../statistics/quantile.ts';

/** Scaled numbers are cut at so many spreads. */
const LIMIT = 4;
/** Makes the interquartile range of a normal sample estimate its standard deviation. */
const NORMAL_RANGE = 1.349;

const signedLog = (value: number): number => Math.sign(value) * Math.log1p(Math.abs(value));

/**
 * Numbers on the scale of the merchant's own training orders: the signed logarithm's distance from its median, in interquartile ranges of a normal, within ±4.
 *
 * @param values NaN where missing
 * @param trained how many of them, from the first, are training orders
 * @returns 0 where missing
 */
export function robustlyScaled(values: Float64Array, trained: number): Float32Array {
  const logs = values.map(signedLog);
  const sorted = logs
    .slice(0, trained)
    .filter((value) => !Number.isNaN(value))
    .sort();
  const [low, middle, high] = [0.25, 0.5, 0.75].map((level) => quantileOfSorted(sorted, level)) as [
    number,
    number,
    number,
  ];
  // Where half of the orders have the same number, the others' distance from it still tells them apart.
  const spread = (high - low) / NORMAL_RANGE || 1;
  return Float32Array.from(logs, (value) =>
    Number.isNaN(value) ? 0 : Math.max(-LIMIT, Math.min(LIMIT, (value - middle) / spread)),
  );
}
