import { DEMAND_COLUMNS } from '@hansa/shared/model/jobs/demand';
import { type Row, writeIndependentSum, writeMixed, writeSamples, writeScaled } from './quantileRows.ts';
import { type BaseSeries, emptyForecast, factorsToDate, rowOf, type WholeForecast } from './wholeForecast.ts';

/** Paths of history that independent periods count for, where a sum is forecast from such paths. */
const INDEPENDENT_PATHS = 4;

/**
 * Empirical quantiles of the newest periods, times the effects of the periods ahead.
 *
 * A sum to date is forecast from paths: every stretch of the history of its length that ends within the window. Where there are few, quantiles of
 * independent periods help out.
 *
 * @param window periods; where half of them are not known, older ones stand in
 * @returns undefined where nothing is known
 */
export function recentQuantiles({ base, ahead }: BaseSeries, window: number): WholeForecast | undefined {
  const samples = newest(base, window);
  if (samples.length === 0) return undefined;
  samples.sort();
  const horizon = ahead.length;
  const forecast = emptyForecast(horizon);
  const one: Row = { into: new Float64Array(DEMAND_COLUMNS), at: 0 };
  writeSamples(one, samples);
  for (let step = 0; step < horizon; step++) writeScaled(rowOf(forecast.single, step), one, ahead[step]!);
  const mean = one.into[DEMAND_COLUMNS - 1]!;
  const independent: Row = { into: new Float64Array(DEMAND_COLUMNS), at: 0 };
  const sums = pathSums(base, ahead, window, mean);
  for (const factors of factorsToDate(ahead)) {
    const row = rowOf(forecast.toDate, factors.step);
    writeIndependentSum(row, one, factors);
    const paths = sums(factors.step);
    if (paths.length === 0) continue;
    paths.sort();
    independent.into.set(row.into.subarray(row.at, row.at + DEMAND_COLUMNS));
    writeSamples(row, paths);
    writeMixed(row, independent, INDEPENDENT_PATHS / (INDEPENDENT_PATHS + paths.length));
  }
  return forecast;
}

/** Known values of the newest `window` periods; where they are less than half of it, of up to twice as many periods. */
function newest(values: Float64Array, window: number): Float64Array {
  const found: number[] = [];
  const first = Math.max(0, values.length - 2 * window);
  for (let at = values.length - 1; at >= first; at--) {
    if (values.length - at > window && found.length * 2 >= window) break;
    if (!Number.isNaN(values[at]!)) found.push(values[at]!);
  }
  return Float64Array.from(found);
}

/**
 * Sums of stretches of the history, each value times the effect of the period ahead that it stands for.
 *
 * @param filler what stands in for a value that is not known
 * @returns the sums of stretches of `step` + 1 periods; to be asked for 0, 1, 2 … in order
 */
function pathSums(
  base: Float64Array,
  ahead: Float64Array,
  window: number,
  filler: number,
): (step: number) => Float64Array {
  const count = base.length;
  const first = Math.max(0, count - window - ahead.length + 1);
  const sums = new Float64Array(count - first);
  return (step) => {
    const last = count - 1 - step;
    for (let start = first; start <= last; start++) {
      const value = base[start + step]!;
      sums[start - first]! += ahead[step]! * (Number.isNaN(value) ? filler : value);
    }
    const from = Math.max(first, last + 1 - window);
    return last < from ? new Float64Array(0) : sums.slice(from - first, last + 1 - first);
  };
}
