import { dateOf } from '../../../../data/days.ts';
import type { Finding } from '../../../job.ts';
import type { Frequency } from '../../config.ts';
import { commonest, type DayCounts, gapsBetween } from './days.ts';

/** A file of sums shows it in as many dates. */
const FEWEST_DAYS = 4;
const NEARLY_ALL = 0.9;
const weekdays = ['Thursday', 'Friday', 'Saturday', 'Sunday', 'Monday', 'Tuesday', 'Wednesday'];

/** Days of a period, the fewest. */
const PERIOD_DAYS: Readonly<Record<Frequency, number>> = { day: 1, week: 7, month: 28 };

/** Sums that files hold, coarsest first: the fewest days between two of them, what their dates keep to, and the frequency that suits them. */
const sums = [
  { days: 360, name: 'yearly', keep: keepsToMonths, suits: undefined },
  { days: 89, name: 'quarterly', keep: keepsToMonths, suits: undefined },
  { days: 28, name: 'monthly', keep: keepsToMonths, suits: 'month' },
  { days: 14, name: 'fortnightly', keep: keepsToAWeekday, suits: 'month' },
  { days: 7, name: 'weekly', keep: keepsToAWeekday, suits: 'week' },
] as const;

const weekdayOf = (day: number) => ((day % 7) + 7) % 7;

/** What the days of the lines tell of how a file was made. */
export const rhythm = (counts: DayCounts, frequency: Frequency): Finding[] => [
  ...sumsOfPeriods(counts, frequency),
  ...exchangedDates(counts),
];

/** Tells sums of longer periods than the configured one: the periods between them would count as periods without a sale. */
function sumsOfPeriods({ days }: DayCounts, frequency: Frequency): Finding[] {
  if (days.length < FEWEST_DAYS) return [];
  const gaps = gapsBetween(days);
  // A few dates may have been moved by a holiday.
  const least = gaps[Math.floor((1 - NEARLY_ALL) * gaps.length)]!;
  const found = sums.find((kind) => kind.days > PERIOD_DAYS[frequency] && kind.days <= least && kind.keep(days));
  if (found === undefined) return [];
  const { value, share } = commonest(days.map(weekdayOf));
  const seen =
    found.keep === keepsToAWeekday
      ? `${share === 1 ? 'Every' : 'Nearly every'} line lies on a ${weekdays[value]}`
      : `The dates of the lines are as far apart as those of ${found.name} sums`;
  const remedy =
    found.suits === undefined
      ? 'Give the single sales, or sums by month at least.'
      : `If they are, set data.frequency to "${found.suits}"; if not, a longer period suits sales as rare as these.`;
  return [
    {
      kind: 'warning',
      sentence: `${seen}: are these ${found.name} sums? The ${frequency}s between them count as ${frequency}s without a sale. ${remedy}`,
      examples: [],
    },
  ];
}

function keepsToAWeekday(days: Int32Array): boolean {
  return commonest(days.map(weekdayOf)).share >= NEARLY_ALL;
}

/** Whether dates keep to a day of the month, to its first days or to its last ones. */
function keepsToMonths(days: Int32Array): boolean {
  const inMonth = days.map((day) => dateOf(day).getUTCDate());
  const nearly = (is: (date: number) => boolean) => inMonth.filter(is).length >= NEARLY_ALL * days.length;
  return commonest(inMonth).share >= NEARLY_ALL || nearly((date) => date <= 3) || nearly((date) => date >= 28);
}

const FEWEST_DAYS_WITHOUT_13TH = 24;

/** Tells dates whose day and month are exchanged, most likely: no day is above 12, though there are many dates. */
export function exchangedDates({ days }: DayCounts): Finding[] {
  if (days.length < FEWEST_DAYS_WITHOUT_13TH) return [];
  const inMonth = days.map((day) => dateOf(day).getUTCDate());
  if (inMonth.some((day) => day > 12) || new Set(inMonth).size < 6) return [];
  return [
    {
      kind: 'warning',
      sentence: `Of ${days.length} dates none is later in its month than the 12th: are day and month exchanged? If so, set data.sources[].dateFormat, such as to "YYYY-DD-MM".`,
      examples: [],
    },
  ];
}
