const dayMs = 86_400_000;

/** Days since 1970-01-01 of a date YYYY-MM-DD. */
export function dayNumber(date: string): number {
  return Date.parse(`${date}T00:00:00Z`) / dayMs;
}

/** The date YYYY-MM-DD of a day number. */
export function dateOf(day: number): string {
  return new Date(day * dayMs).toISOString().slice(0, 10);
}

/** 0 is Monday, 6 is Sunday. */
export function weekdayOf(day: number): number {
  return (((day + 3) % 7) + 7) % 7;
}

/** The day numbers on which month and day fall in the years around `from` to `to`, one year on each side included. */
export function yearlyDays(month: number, day: number, from: number, to: number): number[] {
  const first = new Date(from * dayMs).getUTCFullYear() - 1;
  const last = new Date(to * dayMs).getUTCFullYear() + 1;
  return Array.from({ length: last - first + 1 }, (_, i) => Date.UTC(first + i, month - 1, day) / dayMs);
}
