const DAY_MS = 86_400_000;

/** The day, in UTC, of a time in milliseconds since 1970-01-01. */
export const dayOfTime = (ms: number): number => Math.floor(ms / DAY_MS);

/** A day number as the instant at which it begins in UTC. */
export const dateOf = (day: number): Date => new Date(day * DAY_MS);

/** Days since 1970-01-01 of a date written YYYY-MM-DD. */
export function dayNumber(isoDate: string): number {
  return Date.parse(`${isoDate}T00:00:00Z`) / DAY_MS;
}

/** A day number written YYYY-MM-DD. */
export function isoDate(day: number): string {
  return dateOf(day).toISOString().slice(0, 10);
}
