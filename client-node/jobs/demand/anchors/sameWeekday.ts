import { writeSamples } from './quantileRows.ts';
import { emptyForecast, rowOf, type WholeForecast } from './wholeForecast.ts';

const WEEK = 7;
const LEAST_SAMPLES = 4;

/**
 * Empirical quantiles of the same weekday in the newest weeks, effects and all; sums to date from stretches that began on the same weekday.
 *
 * @param sold [T] NaN = not known
 * @param window periods
 * @returns undefined where any weekday or sum has too few samples
 */
export function sameWeekday(sold: Float64Array, horizon: number, window: number): WholeForecast | undefined {
  const count = sold.length;
  const forecast = emptyForecast(horizon);
  const starts: number[] = [];
  for (let start = count - WEEK; start >= 0 && start >= count - window - horizon; start -= WEEK) starts.push(start);
  const sums = new Float64Array(starts.length);
  for (let step = 0; step < horizon; step++) {
    const samples: number[] = [];
    for (let at = count + step - WEEK * Math.ceil((step + 1) / WEEK); at >= 0 && at >= count - window; at -= WEEK) {
      if (!Number.isNaN(sold[at]!)) samples.push(sold[at]!);
    }
    // A sum with a day that is not known is none.
    const toDate: number[] = [];
    for (const [index, start] of starts.entries()) {
      if (start + step >= count) continue;
      sums[index]! += sold[start + step]!;
      if (!Number.isNaN(sums[index]!)) toDate.push(sums[index]!);
    }
    if (samples.length < LEAST_SAMPLES || toDate.length < LEAST_SAMPLES) return undefined;
    writeSamples(rowOf(forecast.single, step), Float64Array.from(samples).sort());
    writeSamples(rowOf(forecast.toDate, step), Float64Array.from(toDate).sort());
  }
  return forecast;
}
