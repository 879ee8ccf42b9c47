import { DEMAND_COLUMNS, DEMAND_QUANTILES } from '@hansa/shared/model/jobs/demand';
import { quantileOfSorted } from '../../../statistics/quantile.ts';

const QUANTILES = DEMAND_QUANTILES.length;

/** Quantiles of a gamma distribution of mean 1 and shape 2 at DEMAND_QUANTILES: how demand spreads where little is known of an item. */
const PRIOR = [0.074, 0.178, 0.266, 0.412, 0.549, 0.688, 0.839, 1.011, 1.22, 1.497, 1.945, 2.372, 3.319];

/** Samples that the prior counts for. */
const PRIOR_SAMPLES = 1.5;

/** The quantiles and the mean of a forecast for one row: DEMAND_COLUMNS numbers from `at` on. */
export interface Row {
  readonly into: Float64Array;
  readonly at: number;
}

/**
 * Writes the empirical quantiles and the mean of samples, with a prior spread around the mean that counts less the more samples there are: of one
 * sample all quantiles are alike, and a demand that varies in nothing is never seen.
 *
 * @param sorted ascending, at least one
 */
export function writeSamples({ into, at }: Row, sorted: Float64Array): void {
  const mean = sorted.reduce((sum, value) => sum + value, 0) / sorted.length;
  const share = PRIOR_SAMPLES / (PRIOR_SAMPLES + sorted.length);
  for (let quantile = 0; quantile < QUANTILES; quantile++) {
    const own = quantileOfSorted(sorted, DEMAND_QUANTILES[quantile]!);
    // Where periods without a sale are so common that a quantile is 0, it stays 0.
    into[at + quantile] = own === 0 ? 0 : (1 - share) * own + share * mean * PRIOR[quantile]!;
  }
  into[at + QUANTILES] = mean;
}

/** Writes a row that is another one times a factor. */
export function writeScaled({ into, at }: Row, from: Row, factor: number): void {
  for (let column = 0; column < DEMAND_COLUMNS; column++) into[at + column] = from.into[from.at + column]! * factor;
}

/** Writes the mean of two rows, of which `other` counts for `share`. */
export function writeMixed({ into, at }: Row, other: Row, share: number): void {
  for (let column = 0; column < DEMAND_COLUMNS; column++)
    into[at + column] = (1 - share) * into[at + column]! + share * other.into[other.at + column]!;
}

/**
 * Writes the sum of independent periods: the means add up, and the distance of each quantile from the mean grows with the root of the sum of squares.
 *
 * @param one the row of one period whose factor is 1
 * @param factors of the periods
 */
export function writeIndependentSum({ into, at }: Row, one: Row, factors: { sum: number; squares: number }): void {
  const mean = one.into[one.at + QUANTILES]!;
  const spread = Math.sqrt(factors.squares);
  for (let quantile = 0; quantile < QUANTILES; quantile++) {
    into[at + quantile] = Math.max(0, factors.sum * mean + spread * (one.into[one.at + quantile]! - mean));
  }
  into[at + QUANTILES] = factors.sum * mean;
}
