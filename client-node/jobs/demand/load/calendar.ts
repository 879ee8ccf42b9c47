import { PERIOD_CHANNELS } from '@hansa/shared/model/jobs/demand';
import type { Frequency } from '../config.ts';
import { CHANNEL } from '../windows.ts';

const DAY_MS = 86_400_000;
// 1970-01-01 was a Thursday: weeks begin on Monday, and week 0 on 1969-12-29.
const WEEK_SHIFT_DAYS = 3;

/** Number of the period that a day lies in: days since 1970, weeks (Monday to Sunday) since 1969-12-29, months since 1970-01. */
export function periodOf(frequency: Frequency, day: number): number {
  if (frequency === 'day') return day;
  if (frequency === 'week') return Math.floor((day + WEEK_SHIFT_DAYS) / 7);
  const date = new Date(day * DAY_MS);
  return (date.getUTCFullYear() - 1970) * 12 + date.getUTCMonth();
}

/** First day of a period, as a day number. */
export function periodStart(frequency: Frequency, period: number): number {
  if (frequency === 'day') return period;
  if (frequency === 'week') return period * 7 - WEEK_SHIFT_DAYS;
  return Date.UTC(1970, period, 1) / DAY_MS;
}

/** First period that begins on or after a day. */
export function firstPeriodFrom(frequency: Frequency, day: number): number {
  const period = periodOf(frequency, day);
  return periodStart(frequency, period) === day ? period : period + 1;
}

/** SQL for the number of the period that the DATE expression `day` lies in; the twin of {@link periodOf}. */
export function periodSql(frequency: Frequency, day: string): string {
  if (frequency === 'day') return `date_diff('day', DATE '1970-01-01', ${day})`;
  if (frequency === 'week') return `CAST(floor(date_diff('day', DATE '1969-12-29', ${day}) / 7.0) AS INTEGER)`;
  return `((year(${day}) - 1970) * 12 + month(${day}) - 1)`;
}

/**
 * Writes a period's calendar channels at `offset` of `into`: sine and cosine of the place in the week (days only), in the month (days and weeks),
 * and in the year with its second and third harmonic, all at the period's middle day; channels that mean nothing at a frequency stay 0.
 */
function writeCalendar(frequency: Frequency, period: number, into: Float32Array, offset: number): void {
  const half = { day: 0, week: 3, month: 14 }[frequency];
  const day = periodStart(frequency, period) + half;
  const date = new Date(day * DAY_MS);
  const year = date.getUTCFullYear();
  const turn = (sine: number, share: number) => {
    into[offset + sine] = Math.sin(2 * Math.PI * share);
    into[offset + sine + 1] = Math.cos(2 * Math.PI * share);
  };
  if (frequency === 'day') turn(CHANNEL.weekSin, date.getUTCDay() / 7);
  if (frequency !== 'month') {
    const days = new Date(Date.UTC(year, date.getUTCMonth() + 1, 0)).getUTCDate();
    turn(CHANNEL.monthSin, (date.getUTCDate() - 1) / days);
  }
  const ofYear = (day - Date.UTC(year, 0, 1) / DAY_MS) / 365.25;
  turn(CHANNEL.yearSin, ofYear);
  turn(CHANNEL.halfYearSin, 2 * ofYear);
  turn(CHANNEL.thirdYearSin, 3 * ofYear);
}

/** Calendar channels of the periods first .. last, one row of 19 numbers each (the others 0). */
export function calendarTable(frequency: Frequency, first: number, last: number): Float32Array {
  const table = new Float32Array((last - first + 1) * PERIOD_CHANNELS);
  for (let period = first; period <= last; period += 1) {
    writeCalendar(frequency, period, table, (period - first) * PERIOD_CHANNELS);
  }
  return table;
}
