import type { Frequency } from '../config.ts';
import { periodOf, periodStart } from './calendar.ts';

/** A weekday on which fewer than this share of the weeks have a sale is one on which the shop is closed. */
const OPEN_SHARE = 0.1;
const FEWEST_WEEKS = 4;
/** Periods that tell whether a file carries one day of each. */
const FEWEST_PERIODS = 3;

/** The first and last period that a file covers as a whole. */
export interface WholePeriods {
  readonly first: number;
  readonly last: number;
}

/**
 * Which periods a file covers from their first to their last open day.
 *
 * A file that was summed to periods before carries one day of each, and all of them are whole. Elsewhere the first period is whole where it has a line on or
 * before the first day on which the shop opens, the last one where it has a line on or after the last such day.
 *
 * @param days day numbers with lines, ascending, at least one
 */
export function wholePeriods(frequency: Frequency, days: Int32Array): WholePeriods {
  const firstDay = days[0]!;
  const lastDay = days[days.length - 1]!;
  const first = periodOf(frequency, firstDay);
  const last = periodOf(frequency, lastDay);
  if (frequency === 'day') return { first, last };
  const periods = new Set(days.map((day) => periodOf(frequency, day)));
  if (periods.size === days.length && periods.size >= FEWEST_PERIODS) return { first, last };
  const isOpen = openWeekdays(days);
  const anyOpen = (from: number, to: number) => {
    for (let day = from; day <= to; day += 1) if (isOpen[weekdayOf(day)]) return true;
    return false;
  };
  return {
    first: anyOpen(periodStart(frequency, first), firstDay - 1) ? first + 1 : first,
    last: anyOpen(lastDay + 1, periodStart(frequency, last + 1) - 1) ? last - 1 : last,
  };
}

const weekdayOf = (day: number) => ((day % 7) + 7) % 7;

/** By weekday, whether the shop opens: on all of them where there are too few weeks to tell. */
function openWeekdays(days: Int32Array): boolean[] {
  const counts = new Array<number>(7).fill(0);
  for (const day of days) counts[weekdayOf(day)]! += 1;
  const weeks = (days[days.length - 1]! - days[0]!) / 7;
  return counts.map((count) => weeks < FEWEST_WEEKS || count >= OPEN_SHARE * weeks);
}
