import { quantileOfSorted } from '../../../statistics/quantile.ts';
import { SCORED_QUANTILES } from '../scores.ts';
import { fitSmoothing, type SmoothingFit } from './fitSmoothing.ts';
import { smooth, smoothAhead } from './smoothingModel.ts';

/** Periods that a model is fitted to, the newest ones. */
const MOST_PERIODS = 400;
/** A season longer than this has too many states for one series to tell, as in R's `ets`. */
const LONGEST_SEASON = 24;

/**
 * Exponential smoothing in state-space form (Hyndman, Koehler, Ord and Snyder 2008): additive errors; no trend or a damped one; no season or an additive
 * one, where the history has two of them and a season at most 24 periods. Each form is fitted for itself, and the one with the least corrected Akaike information
 * forecasts. Quantiles are those of its own one-step errors, as many times wider as the forecast variance grows, floored at 0.
 *
 * @param history demand up to the origin, oldest first; NaN = not known
 * @param season periods in a season
 * @returns [periods, 9] units, at least 0, ascending within a period
 */
export function exponentialSmoothing(history: Float64Array, season: number, periods: number): Float64Array {
  const values = history.subarray(Math.max(0, history.length - MOST_PERIODS));
  const levels = SCORED_QUANTILES.length;
  const forecast = new Float64Array(periods * levels);
  const seasons = season > 1 && season <= LONGEST_SEASON && values.length >= 2 * season ? [1, season] : [1];
  let best: SmoothingFit | undefined;
  for (const length of seasons) {
    for (const hasTrend of [false, true]) {
      const fit = fitSmoothing(values, { hasTrend, season: length });
      if (fit !== undefined && (best === undefined || fit.information < best.information)) best = fit;
    }
  }
  // Nothing is known.
  if (best === undefined) return forecast;
  const errors: number[] = [];
  const { end } = smooth(values, best.weights, best.start, errors);
  const { points, widths } = smoothAhead(end, best.weights, periods);
  const sorted = Float64Array.from(errors).sort();
  const spread = SCORED_QUANTILES.map((level) => quantileOfSorted(sorted, level));
  for (let step = 0; step < periods; step += 1) {
    for (let at = 0; at < levels; at += 1) {
      const value = (points[step] as number) + (widths[step] as number) * (spread[at] as number);
      forecast[step * levels + at] = Math.max(0, value);
    }
  }
  return forecast;
}
