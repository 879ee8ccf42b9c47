import { createHash } from 'node:crypto';
import { quantileOfSorted } from './quantile.ts';

export type Interval = readonly [low: number, high: number];

/** Sums from which WQL is made, one entry for each series. */
export interface SeriesLosses {
  /** [series] mean over the nine quantiles of 2 Σ pinball. */
  readonly loss: Float64Array;
  /** [series] Σ|y|. */
  readonly demand: Float64Array;
}

/** A relative difference of two methods' WQL, WQL(method) / WQL(baseline) − 1, with its interval; below 0 the method is better. */
export interface RelativeDifference {
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
  /** Two-sided confidence of the interval. */
  readonly confidence: number;
  /** Series that were resampled. */
  readonly series: number;
}

export interface BootstrapOptions {
  readonly seed: number;
  /** Default 1000. */
  readonly resamples?: number;
  /** Default 0.95. */
  readonly confidence?: number;
}

/**
 * Paired percentile bootstrap over series: both methods are summed over the same series, drawn with replacement (Efron and Tibshirani 1993, §13).
 *
 * @param method losses per series; the series and their order are the baseline's
 * @returns undefined when no series has a loss under the baseline (there is no ratio)
 * @throws RangeError (unless the two have the same number of series)
 */
export function bootstrapDifference(
  method: SeriesLosses,
  baseline: SeriesLosses,
  options: BootstrapOptions,
): RelativeDifference | undefined {
  const { seed, resamples = 1000, confidence = 0.95 } = options;
  if (method.loss.length !== baseline.loss.length)
    throw new RangeError('both methods must be scored on the same series');
  // A series that was never scored adds nothing to either sum and must not widen the interval.
  const scored = [...method.loss.keys()].filter(
    (series) =>
      (method.loss[series] as number) + (baseline.loss[series] as number) + (method.demand[series] as number) > 0,
  );
  const difference = (draw: (at: number) => number): number => {
    let ours = 0;
    let theirs = 0;
    for (let at = 0; at < scored.length; at += 1) {
      const series = scored[draw(at)] as number;
      ours += method.loss[series] as number;
      theirs += baseline.loss[series] as number;
    }
    return ours / theirs - 1;
  };
  const estimate = difference((at) => at);
  if (!Number.isFinite(estimate)) return undefined;
  const uniform = uniformSource(seed);
  const drawn = Float64Array.from({ length: resamples }, () => difference(() => Math.floor(uniform() * scored.length)))
    .filter(Number.isFinite)
    .sort();
  const tail = (1 - confidence) / 2;
  return {
    estimate,
    low: quantileOfSorted(drawn, tail),
    high: quantileOfSorted(drawn, 1 - tail),
    confidence,
    series: scored.length,
  };
}

/** Numbers in [0, 1), the same for the same seed on every machine (sfc32, seeded by SHA-256). */
function uniformSource(seed: number): () => number {
  const digest = createHash('sha256').update(`hansa/bootstrap/${seed}`).digest();
  let [a, b, c, counter] = [0, 4, 8, 12].map((at) => digest.readUInt32LE(at)) as [number, number, number, number];
  return () => {
    const result = (a + b + counter) >>> 0;
    counter = (counter + 1) >>> 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) >>> 0;
    c = (((c << 21) | (c >>> 11)) + result) >>> 0;
    return result / 2 ** 32;
  };
}
