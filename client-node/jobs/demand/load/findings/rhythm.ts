import type { Finding } from '../../../job.ts';
import type { Frequency } from '../../config.ts';
import { commonest, type DayCounts, gapsBetween } from './days.ts';

/** A file of sums shows it in as many dates. */
const FEWEST_DAYS = 4;
const NEARLY_ALL = 0.9;
const weekdays = ['Thursday', 'Friday', 'Saturday', 'Sunday', 'Monday', 'Tuesday', 'Wednesday'];

/** Sums that files hold, coarsest first: the gap in days from which it is theirs, and the frequency that suits; none is coarser than months. */
const sums = [
  { gap: 360, name: 'yearly', suits: undefined },
  { gap: 89, name: 'quarterly', suits: undefined },
  { gap: 28, name: 'monthly', suits: 'month' },
  { gap: 14, name: 'fortnightly', suits: 'month' },
  { gap: 7, name: 'weekly', suits: 'week' },
] as const;
const coarseness: readonly Frequency[] = ['day', 'week', 'month'];

const dateOf = (day: number) => new Date(day * 86_400_000);

/** What the days of the lines tell of how a file was made. */
export const rhythm = (counts: DayCounts, frequency: Frequency): Finding[] => [
  ...sumsOfPeriods(counts, frequency),
  ...exchangedDates(counts),
];

/** Tells sums of longer periods than the configured one: the periods between them would count as periods without a sale. */
export function sumsOfPeriods({ days }: DayCounts, frequency: Frequency): Finding[] {
  if (days.length < FEWEST_DAYS) return [];
  const gaps = gapsBetween(days);
  // A few dates may have been moved by a holiday.
  const least = gaps[Math.floor((1 - NEARLY_ALL) * gaps.length)]!;
  const found = sums.find(({ gap, suits }) => least >= gap && (gap < 28 || monthly(days)) && suits !== frequency);
  if (found === undefined) return [];
  const { name, suits } = found;
  if (suits !== undefined && coarseness.indexOf(suits) < coarseness.indexOf(frequency)) return [];
  const weekday = commonest(days.map((day) => ((day % 7) + 7) % 7));
  if (name === 'weekly' && weekday.share < NEARLY_ALL) return [];
  const seen =
    name === 'weekly' || name === 'fortnightly'
      ? weekday.share < NEARLY_ALL
        ? undefined
        : `${weekday.share === 1 ? 'Every' : 'Nearly every'} line lies on a ${weekdays[weekday.value]}`
      : 'The dates of the lines are about as far apart as their sums are long';
  if (seen === undefined) return [];
  const remedy =
    suits === undefined
      ? 'Give the single sales, or sums by month at least.'
      : suits === frequency
        ? 'Give the single sales.'
        : `If so, set data.frequency to "${suits}"; if not, a longer period suits sales as rare as these.`;
  return [
    {
      kind: 'warning',
      sentence: `${seen}: are these ${name} sums? The ${frequency}s between them count as ${frequency}s without a sale. ${remedy}`,
      examples: [],
    },
  ];
}

/** Whether dates keep to a day of the month, its first ones or its last ones. */
function monthly(days: Int32Array): boolean {
  const inMonth = (day: number) => dateOf(day).getUTCDate();
  const toEnd = (day: number) => dateOf(day + 1).getUTCDate();
  const few = (of: (day: number) => number) => days.filter((day) => of(day) <= 3).length >= NEARLY_ALL * days.length;
  return (
    commonest(days.map(inMonth)).share >= NEARLY_ALL ||
    few(inMonth) ||
    days.filter((day) => toEnd(day) === 1 || inMonth(day) >= 28).length >= NEARLY_ALL * days.length
  );
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
