import { quantileOfSorted } from '../../../statistics/quantile.ts';
import { SCORED_QUANTILES } from '../scores.ts';

/**
 * Forecasts what was sold a season ago, repeated over the horizon, with quantiles from its own errors in the history.
 *
 * Step h looks back lag = season · ⌈h / season⌉ periods; its quantiles are the point plus the empirical quantiles (linear between order statistics)
 * of y[t] − y[t − lag] over the history, floored at 0. With fewer than two such errors the errors of one season stand in; a history of less than a
 * season and two periods is forecast by its mean, with the errors of the mean.
 *
 * @param history demand up to the origin, oldest first; NaN = not known (sold out), where the season before stands in
 * @param season periods in a season: 7, 52 or 12
 * @param periods length of the forecast, 1 or more
 * @returns [periods, 9] units, at least 0, ascending within a period
 */
export function seasonalNaive(history: Float64Array, season: number, periods: number): Float64Array {
  if (!(Number.isInteger(season) && season > 0 && Number.isInteger(periods) && periods > 0)) {
    throw new RangeError('season and periods must be whole numbers above 0');
  }
  const levels = SCORED_QUANTILES.length;
  const forecast = new Float64Array(periods * levels);
  const oneSeason = seasonalErrors(history, season);
  const mean = meanOfKnown(history);
  const aroundMean = history
    .filter((value) => !Number.isNaN(value))
    .map((value) => value - mean)
    .sort();
  let lag = 0;
  let spread: number[] = [];
  for (let step = 0; step < periods; step += 1) {
    const needed = season * Math.ceil((step + 1) / season);
    const point = oneSeason.length < 2 ? undefined : seasonBefore(history, step, needed, season);
    if (needed !== lag) {
      lag = needed;
      const own = lag === season ? oneSeason : seasonalErrors(history, lag);
      const errors = oneSeason.length < 2 ? aroundMean : own.length < 2 ? oneSeason : own;
      spread = SCORED_QUANTILES.map((level) => quantileOfSorted(errors, level));
    }
    for (let level = 0; level < levels; level += 1) {
      forecast[step * levels + level] = Math.max(0, (point ?? mean) + (spread[level] as number));
    }
  }
  return forecast;
}

// Where the value a season ago is not known, the seasons before it are asked.
function seasonBefore(history: Float64Array, step: number, lag: number, season: number): number | undefined {
  for (let at = history.length + step - lag; at >= 0; at -= season) {
    const value = history[at] as number;
    if (!Number.isNaN(value)) return value;
  }
  return undefined;
}

function seasonalErrors(history: Float64Array, lag: number): Float64Array {
  return history
    .subarray(lag)
    .map((value, index) => value - (history[index] as number))
    .filter((error) => !Number.isNaN(error))
    .sort();
}

function meanOfKnown(history: Float64Array): number {
  const known = history.filter((value) => !Number.isNaN(value));
  return known.length === 0 ? 0 : known.reduce((total, value) => total + value, 0) / known.length;
}
