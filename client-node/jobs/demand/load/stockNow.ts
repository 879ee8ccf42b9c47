import type { Frequency } from '../config.ts';
import type { SeriesTable } from './series.ts';

/** Periods after which nobody can tell any more what is left of a stock that was stated: about four weeks. */
const STATED_PERIODS: Readonly<Record<Frequency, number>> = { day: 28, week: 4, month: 1 };

/** Units on hand before an origin, as order files tell: the stock that they stated last, less what was sold in the periods after; NaN where they state none of late. */
export function stockNow(table: SeriesTable, frequency: Frequency, series: number, origin: number): number {
  const { stock, sold, offsets, firstPeriods } = table;
  if (stock === undefined) return Number.NaN;
  const from = offsets[series] as number;
  const end = from + origin - (firstPeriods[series] as number);
  let since = 0;
  for (let cell = end - 1; cell >= Math.max(from, end - STATED_PERIODS[frequency]); cell -= 1) {
    if (!Number.isNaN(stock[cell])) return Math.max(0, (stock[cell] as number) - since);
    since += sold[cell] as number;
  }
  return Number.NaN;
}
