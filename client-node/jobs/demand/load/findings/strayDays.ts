import type { DayCounts } from './days.ts';

/** Lines that are so far from all others must be fewer than this share of all. */
const STRAY_SHARE = 0.01;
const FEW_LINES = 3;
const ISOLATED_DAYS = 366;
/** A line of today may bear tomorrow's date where the merchant's day began earlier. */
const AHEAD_DAYS = 1;

/** Which days are kept: from `from` to `to`. */
export interface KeptDays {
  readonly from: number;
  readonly to: number;
  /** Lines outside. */
  readonly strayLines: number;
  /** Lines after today, whether they are few or not. */
  readonly futureLines: number;
}

/**
 * Finds dates that are mistyped, most likely: after today, or a year and more from the nearest other line at either end, where only few lines are there.
 *
 * @param today day number
 */
export function keptDays({ days, lines }: DayCounts, today: number): KeptDays {
  const total = lines.reduce((sum, count) => sum + count, 0);
  const few = (count: number) => count <= Math.max(STRAY_SHARE * total, total > 100 ? FEW_LINES : 0);
  let first = 0;
  let last = days.length - 1;
  let futureLines = 0;
  while (last >= 0 && days[last]! > today + AHEAD_DAYS) futureLines += lines[last--]!;
  if (!few(futureLines)) last = days.length - 1;

  let before = 0;
  for (let at = first; at < last; at += 1) {
    before += lines[at]!;
    if (!few(before)) break;
    if (days[at + 1]! - days[at]! > ISOLATED_DAYS) first = at + 1;
  }
  let after = 0;
  for (let at = last; at > first; at -= 1) {
    after += lines[at]!;
    if (!few(after)) break;
    if (days[at]! - days[at - 1]! > ISOLATED_DAYS) last = at - 1;
  }
  const kept = lines.subarray(first, last + 1).reduce((sum, count) => sum + count, 0);
  return { from: days[first] ?? 0, to: days[last] ?? 0, strayLines: total - kept, futureLines };
}
