import { DEMAND_COLUMNS } from '@hansa/shared/model/jobs/demand';
import { type Row, writeIndependentSum, writeSamples, writeScaled } from './quantileRows.ts';
import { type BaseSeries, emptyForecast, factorsToDate, rowOf, type WholeForecast } from './wholeForecast.ts';

/** Shares of the newest value in the level, of which the one with the least one-step errors is taken. */
const RATES = [0.05, 0.1, 0.2, 0.35, 0.6];
/** Periods that the first level is the mean of. */
const FIRST_LEVEL = 8;
/** Origins that errors are taken at. */
const MOST_ORIGINS = 52;
/** With fewer the errors say too little. */
const LEAST_ORIGINS = 6;

/**
 * Simple exponential smoothing (Brown 1959) of demand without its effects; the quantiles are those of its own errors in the past, step by step and for
 * sums to date.
 *
 * @returns undefined where the history is too short to have errors
 */
export function smoothing({ base, ahead }: BaseSeries): WholeForecast | undefined {
  const known = base.filter((value) => !Number.isNaN(value));
  if (known.length < LEAST_ORIGINS + 2) return undefined;
  const start =
    known.subarray(0, FIRST_LEVEL).reduce((sum, value) => sum + value, 0) / Math.min(FIRST_LEVEL, known.length);
  let best: { levels: Float64Array; error: number } | undefined;
  for (const rate of RATES) {
    const tried = smooth(base, rate, start);
    if (best === undefined || tried.error < best.error) best = tried;
  }
  const { levels } = best!;
  const count = base.length;
  const horizon = ahead.length;
  const level = levels[count]!;
  const forecast = emptyForecast(horizon);
  const errors = new Float64Array(MOST_ORIGINS);
  const sums = new Float64Array(count);
  const one: Row = { into: new Float64Array(DEMAND_COLUMNS), at: 0 };
  for (const { step, sum, squares } of factorsToDate(ahead)) {
    let origins = 0;
    // Origin o forecasts base[o + step] from levels[o]; the newest origins first.
    for (let origin = count - 1 - step; origin > 0 && origins < MOST_ORIGINS; origin--) {
      const value = base[origin + step]!;
      if (Number.isNaN(value)) continue;
      errors[origins++] = Math.max(0, level + value - levels[origin]!);
    }
    const single = rowOf(forecast.single, step);
    // Of fewer errors those of the step before stand in; the first has enough of them, or there would be no forecast at all.
    if (origins >= LEAST_ORIGINS) writeSamples(one, errors.slice(0, origins).sort());
    writeScaled(single, one, ahead[step]!);
    for (let origin = 1; origin + step < count; origin++) {
      const value = base[origin + step]!;
      sums[origin]! += Number.isNaN(value) ? 0 : ahead[step]! * (value - levels[origin]!);
    }
    const paths = sums.subarray(Math.max(1, count - step - MOST_ORIGINS), Math.max(1, count - step));
    const toDate = rowOf(forecast.toDate, step);
    if (paths.length >= LEAST_ORIGINS) {
      writeSamples(toDate, paths.map((error) => Math.max(0, level * sum + error)).sort());
    } else writeIndependentSum(toDate, one, { sum, squares });
  }
  return forecast;
}

/** levels[t] is the forecast of base[t] from what came before it; the last, levels[T], is that of the future. */
function smooth(base: Float64Array, rate: number, start: number): { levels: Float64Array; error: number } {
  const levels = new Float64Array(base.length + 1);
  levels[0] = start;
  let error = 0;
  for (let at = 0; at < base.length; at++) {
    const value = base[at]!;
    const missing = Number.isNaN(value) ? 0 : value - levels[at]!;
    error += Math.abs(missing);
    levels[at + 1] = levels[at]! + rate * missing;
  }
  return { levels, error };
}
