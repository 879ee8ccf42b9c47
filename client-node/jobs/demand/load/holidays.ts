import { HansaError } from '@hansa/shared/errors';
import { dayNumber, isoDate } from '../../../data/days.ts';
import type { DataConfig, Frequency } from '../config.ts';
import { periodStart } from './calendar.ts';

const DAY_MS = 86_400_000;

/**
 * The share of each period's days that are public holidays in a country, or a region of it.
 *
 * @throws HansaError InvalidConfig (for a country or region that is not known)
 */
export async function publicHolidays(
  { country, region }: NonNullable<DataConfig['holidays']>,
  frequency: Frequency,
): Promise<(period: number) => number> {
  // Its tables take a quarter of a second to read: for those who ask for them.
  const { default: Holidays } = await import('date-holidays');
  const known = new Holidays();
  refuseUnknown('country', country, Object.keys(known.getCountries()));
  if (region !== undefined) refuseUnknown('region', region, Object.keys(known.getStates(country) ?? {}));
  const calendar = region === undefined ? new Holidays(country) : new Holidays(country, region);
  const years = new Map<number, ReadonlySet<number>>();
  const ofYear = (year: number) => {
    const found = years.get(year) ?? daysOf(calendar.getHolidays(year));
    years.set(year, found);
    return found;
  };
  const isHoliday = (day: number) => ofYear(Number(isoDate(day).slice(0, 4))).has(day);
  return (period) => {
    const [from, to] = [periodStart(frequency, period), periodStart(frequency, period + 1)];
    let holidays = 0;
    for (let day = from; day < to; day += 1) if (isHoliday(day)) holidays += 1;
    return holidays / (to - from);
  };
}

/** Days on which shops keep a public holiday, as they are written there. */
function daysOf(
  holidays: readonly { readonly type: string; readonly date: string; readonly start: Date; readonly end: Date }[],
): ReadonlySet<number> {
  const days = new Set<number>();
  for (const { type, date, start, end } of holidays) {
    if (type !== 'public') continue;
    const first = dayNumber(date.slice(0, 10));
    const length = Math.max(1, Math.round((end.getTime() - start.getTime()) / DAY_MS));
    for (let day = first; day < first + length; day += 1) days.add(day);
  }
  return days;
}

function refuseUnknown(what: 'country' | 'region', given: string, known: readonly string[]): void {
  if (known.includes(given)) return;
  const named = known.length === 0 ? 'none is known there' : `known are ${known.join(', ')}`;
  throw new HansaError(
    'InvalidConfig',
    `data.holidays.${what} is "${given}", of which no holidays are known; ${named}.`,
  );
}
