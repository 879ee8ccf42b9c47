/** A larger offset can make messages look expired, or valid for too long. */
export const LARGE_CLOCK_OFFSET_MS = 60_000;

const units = [
  ['days', 86_400_000],
  ['hours', 3_600_000],
  ['minutes', 60_000],
] as const;

/** By how much a clock is off, as "2.0 days ahead of the coordinator's"; `offsetMs` above 0 is ahead. */
export function describeClockOffset(offsetMs: number): string {
  const size = Math.abs(offsetMs);
  // The largest unit of which there are two, so that the figure says something.
  const [name, unitMs] = units.find(([, ms]) => size >= 2 * ms) ?? (['s', 1000] as const);
  const figure = name === 's' ? (size / unitMs).toFixed(0) : (size / unitMs).toFixed(1);
  return `${figure} ${name} ${offsetMs < 0 ? 'behind' : 'ahead of'} the coordinator's`;
}

/** What to add to a refusal for time where the clock may be its reason: begins with a comma; empty where the offset is small or not known. */
export function blameClock(offsetMs: number | undefined): string {
  if (offsetMs === undefined || Math.abs(offsetMs) <= LARGE_CLOCK_OFFSET_MS) return '';
  return `, and this machine's clock is ${describeClockOffset(offsetMs)} (set the time, NTP)`;
}
