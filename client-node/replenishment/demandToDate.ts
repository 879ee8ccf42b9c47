import { dayNumber } from '../data/days.ts';
import type { SeriesForecast } from '../forecasting/seriesForecast.ts';

/** Demand of one series from the first day of its forecast to the end of any day. */
export interface DemandToDate {
  /** Of the quantiles, ascending. */
  readonly levels: readonly number[];
  /** Days that the forecast covers, 1 or more. */
  readonly days: number;
  /** Units, at least 0, in the first `days` days (0 or more, fractions too). */
  mean(days: number): number;
  /** [levels] units, ascending, at least 0; none falls as `days` grows. */
  quantiles(days: number): Float64Array;
}

/**
 * Reads the cumulative rows of a forecast at any day.
 *
 * Between two rows the mean is linear, and so is the signed square of each quantile's distance from it: what periods bring is taken to be independent within
 * that stretch, so that half a week is less certain, for its size, than a week. Beyond the last row mean and quantiles grow in proportion: a level that is
 * wrong stays wrong.
 *
 * @throws RangeError (when the forecast has no period)
 */
export function demandToDate(forecast: SeriesForecast): DemandToDate {
  const { levels, meanToDate, quantilesToDate } = forecast;
  const ends = endsOf(forecast);
  const count = ends.length;
  if (count === 0) throw new RangeError('a forecast without periods');
  const last = ends[count - 1]!;
  const nothing = new Float64Array(levels.length);
  const rowBefore = (row: number) => (row === 0 ? nothing : quantilesToDate[row - 1]!);
  const place = (days: number) => {
    const row = ends.findIndex((end) => days <= end);
    const from = row === 0 ? 0 : ends[row - 1]!;
    return { row, share: (days - from) / (ends[row]! - from) };
  };
  const mean = (days: number): number => {
    if (days >= last) return (meanToDate[count - 1]! * days) / last;
    const { row, share } = place(Math.max(0, days));
    const before = row === 0 ? 0 : meanToDate[row - 1]!;
    return before + share * (meanToDate[row]! - before);
  };
  return {
    levels,
    days: last,
    mean,
    quantiles(days) {
      if (days >= last) return Float64Array.from(quantilesToDate[count - 1]!, (units) => (units * days) / last);
      const { row, share } = place(Math.max(0, days));
      const [before, after] = [rowBefore(row), quantilesToDate[row]!];
      const [meanBefore, meanAfter] = [row === 0 ? 0 : meanToDate[row - 1]!, meanToDate[row]!];
      const centre = meanBefore + share * (meanAfter - meanBefore);
      let least = 0;
      return Float64Array.from(after, (to, level) => {
        const from = before[level]!;
        const squared = (1 - share) * signedSquare(from - meanBefore) + share * signedSquare(to - meanAfter);
        const units = centre + Math.sign(squared) * Math.sqrt(Math.abs(squared));
        // A cumulative row never falls below the one before it, whatever rounding or a model says.
        least = Math.max(least, Math.min(Math.max(from, to), Math.max(from, units)));
        return least;
      });
    },
  };
}

const signedSquare = (value: number): number => value * Math.abs(value);

/** Days from the first period's first day to the end of each period. */
function endsOf({ periods, frequency }: SeriesForecast): number[] {
  const first = periods.length === 0 ? 0 : dayNumber(periods[0]!);
  return periods.map((period, at) => {
    const next = periods[at + 1];
    return (next === undefined ? dayNumber(period) + lengthOf(period, frequency) : dayNumber(next)) - first;
  });
}

function lengthOf(period: string, frequency: SeriesForecast['frequency']): number {
  if (frequency === 'day') return 1;
  if (frequency === 'week') return 7;
  const [year, month] = period.split('-').map(Number) as [number, number];
  return new Date(Date.UTC(year, month, 0)).getUTCDate();
}
