import { quantileOfSorted } from '../../../statistics/quantile.ts';
import { SCORED_QUANTILES } from '../scores.ts';

/** Weight of the newest observation, for sizes and for how often there is demand: the usual choice. */
const WEIGHT = 0.1;
/** What is left of Croston's mean, which is too high by about WEIGHT / 2, once it is corrected (Syntetos and Boylan 2005). */
const CORRECTION = 1 - WEIGHT / 2;

/** What demand that comes now and then is like in every period ahead. */
export interface IntermittentDemand {
  /** Of any demand, 0..1. */
  readonly probability: number;
  /** Mean units where there is demand; the mean of all periods is probability · size. */
  readonly size: number;
}

/**
 * Croston's method (1972): sizes of demand and the intervals between them are smoothed apart, and change only where there is demand.
 *
 * @param history demand up to the origin, oldest first; NaN = not known, and no period of an interval
 */
export function croston(history: Float64Array): IntermittentDemand {
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
  return size === undefined ? { probability: 0, size: 0 } : { probability: 1 / interval, size };
}

/** Croston's method with the correction of Syntetos and Boylan. */
export function sba(history: Float64Array): IntermittentDemand {
  const { probability, size } = croston(history);
  return { probability, size: size * CORRECTION };
}

/**
 * The method of Teunter, Syntetos and Babai (2011): the probability of demand is smoothed in every period, so that it falls while nothing is sold.
 *
 * @param history demand up to the origin, oldest first; NaN = not known
 */
export function tsb(history: Float64Array): IntermittentDemand {
  let size: number | undefined;
  let probability: number | undefined;
  for (const value of history) {
    if (Number.isNaN(value)) continue;
    const came = value > 0 ? 1 : 0;
    if (came === 1) size = size === undefined ? value : size + WEIGHT * (value - size);
    probability = probability === undefined ? came : probability + WEIGHT * (came - probability);
  }
  return { probability: probability ?? 0, size: size ?? 0 };
}

/**
 * Quantiles of intermittent demand, the same for every period: with its probability one of the sizes that came before, scaled to its mean size, else 0 (sizes drawn
 * from the past ones as by Willemain, Smart and Schwarz 2004).
 *
 * @returns [periods, 9] units, at least 0, ascending within a period
 */
export function intermittentQuantiles(
  history: Float64Array,
  { probability, size }: IntermittentDemand,
  periods: number,
): Float64Array {
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
