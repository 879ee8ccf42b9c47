import { quantileOfSorted } from '../../../statistics/quantile.ts';
import { SCORED_QUANTILES } from '../scores.ts';

/** Weight of the newest observation, for sizes and for how often there is demand: the usual choice. */
const WEIGHT = 0.1;

/**
 * Croston's method (1972) with the correction of Syntetos and Boylan (2005): sizes and intervals of demand are smoothed apart, and the mean is size / interval
 * times 1 − α / 2.
 *
 * @param history demand up to the origin, oldest first; NaN = not known
 * @returns [periods, 9] units, ascending within a period: with the probability 1 / interval a past size, scaled to the smoothed one, else 0
 */
export function croston(history: Float64Array, periods: number): Float64Array {
  let size: number | undefined;
  let interval = 1;
  let since = 1;
  for (const value of history) {
    if (Number.isNaN(value)) continue;
    if (value <= 0) {
      since += 1;
      continue;
    }
    interval = size === undefined ? since : interval + WEIGHT * (since - interval);
    size = size === undefined ? value : size + WEIGHT * (value - size);
    since = 1;
  }
  return sizesOrNothing(history, (size ?? 0) * (1 - WEIGHT / 2), 1 / interval, periods);
}

/**
 * The method of Teunter, Syntetos and Babai (2011): the probability of demand is smoothed in every period, so that it falls while nothing is sold.
 *
 * @param history demand up to the origin, oldest first; NaN = not known
 * @returns [periods, 9] units, ascending within a period: with that probability a past size, scaled to the smoothed one, else 0
 */
export function tsb(history: Float64Array, periods: number): Float64Array {
  let size: number | undefined;
  let probability: number | undefined;
  for (const value of history) {
    if (Number.isNaN(value)) continue;
    const came = value > 0 ? 1 : 0;
    if (came === 1) size = size === undefined ? value : size + WEIGHT * (value - size);
    probability = probability === undefined ? came : probability + WEIGHT * (came - probability);
  }
  return sizesOrNothing(history, size ?? 0, probability ?? 0, periods);
}

/** The same distribution for every period: a past size with a probability, scaled to a mean size, else 0. */
function sizesOrNothing(history: Float64Array, size: number, probability: number, periods: number): Float64Array {
  const levels = SCORED_QUANTILES.length;
  const forecast = new Float64Array(periods * levels);
  const sizes = history.filter((value) => value > 0).sort();
  if (sizes.length === 0 || probability <= 0) return forecast;
  const factor = size / (sizes.reduce((sum, value) => sum + value, 0) / sizes.length);
  const quantiles = SCORED_QUANTILES.map((level) => {
    const above = (level - (1 - probability)) / probability;
    return above <= 0 ? 0 : factor * quantileOfSorted(sizes, above);
  });
  for (let step = 0; step < periods; step += 1) forecast.set(quantiles, step * levels);
  return forecast;
}
