import { DEMAND_COLUMNS, DEMAND_QUANTILES } from '@hansa/shared/model/jobs/demand';
import { smoothing } from '../../../client-node/jobs/demand/anchors/smoothing.ts';
import { quantileOfSorted } from '../../../client-node/statistics/quantile.ts';

/** Sums to date of a forecast: [weeks][DEMAND_QUANTILES] and [weeks]. */
export interface ToDate {
  readonly quantilesToDate: readonly (readonly number[])[];
  readonly meanToDate: readonly number[];
}

const YEAR = 52;
/** With fewer errors of sums the year's own variation stands in. */
const LEAST_ERRORS = 8;

/**
 * What was sold in the same weeks of the year before; its quantiles are that plus those of the errors that such forecasts made in the past, each of the sum
 * itself.
 *
 * @param history weekly units, more than a year of them
 */
export function seasonalNaiveToDate(history: Float64Array, weeks: number): ToDate {
  const count = history.length;
  const sumFrom = (start: number, length: number) =>
    history.subarray(start, start + length).reduce((sum, value) => sum + value, 0);
  const quantilesToDate: number[][] = [];
  const meanToDate: number[] = [];
  for (let length = 1; length <= weeks; length++) {
    const point = sumFrom(count - YEAR, length);
    const errors: number[] = [];
    for (let origin = YEAR; origin + length <= count; origin++)
      errors.push(sumFrom(origin, length) - sumFrom(origin - YEAR, length));
    const sorted = Float64Array.from(errors).sort();
    if (sorted.length < LEAST_ERRORS) throw new RangeError('too little history for a seasonal naive forecast');
    const row = DEMAND_QUANTILES.map((level) => Math.max(0, point + quantileOfSorted(sorted, level)));
    // What is not forecast to fall is never less to date.
    quantilesToDate.push(row.map((value, level) => Math.max(value, quantilesToDate.at(-1)?.[level] ?? 0)));
    meanToDate.push(point);
  }
  return { quantilesToDate, meanToDate };
}

/** Simple exponential smoothing, ETS(A,N,N), its rate fitted to the series, with the quantiles of its own errors of sums. */
export function smoothingToDate(history: Float64Array, weeks: number): ToDate {
  const ahead = new Float64Array(weeks).fill(1);
  const known = {
    frequency: 'week' as const,
    sold: history,
    horizon: weeks,
    covariates: new Float32Array(0),
    width: 0,
    closed: undefined,
    firstWeekday: 0,
    merchantSeason: new Float64Array(history.length + weeks).fill(1),
    peers: () => new Float64Array(0),
  };
  const forecast = smoothing({ known, base: history, ahead });
  if (forecast === undefined) throw new RangeError('too little history for smoothing');
  const rows = Array.from({ length: weeks }, (_, week) => [
    ...forecast.toDate.subarray(week * DEMAND_COLUMNS, (week + 1) * DEMAND_COLUMNS),
  ]);
  return {
    quantilesToDate: rows.map((row) => row.slice(0, DEMAND_QUANTILES.length)),
    meanToDate: rows.map((row) => row[DEMAND_QUANTILES.length]!),
  };
}
