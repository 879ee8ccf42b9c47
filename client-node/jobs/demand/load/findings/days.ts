import type { OrderDatabase } from '../../../../data/database.ts';

/** The days on which there are lines, ascending, with how many there are: parallel arrays. */
export interface DayCounts {
  /** Day numbers. */
  readonly days: Int32Array;
  readonly lines: Float64Array;
}

/** Counts the table `lines` by day. */
export async function dayCounts(database: OrderDatabase): Promise<DayCounts> {
  const rows = await database.rows(
    `SELECT date_diff('day', DATE '1970-01-01', day) AS day, count(*) AS lines FROM lines GROUP BY day ORDER BY day`,
  );
  return {
    days: Int32Array.from(rows, ({ day }) => Number(day)),
    lines: Float64Array.from(rows, ({ lines }) => Number(lines)),
  };
}

/** The gaps between neighbouring days, ascending. */
export function gapsBetween(days: Int32Array): Int32Array {
  return days
    .subarray(1)
    .map((day, index) => day - days[index]!)
    .sort();
}

/** The share 0..1 of values that make the commonest one, and which that is. */
export function commonest(values: Iterable<number>): { value: number; share: number } {
  const counts = new Map<number, number>();
  let all = 0;
  for (const value of values) {
    counts.set(value, (counts.get(value) ?? 0) + 1);
    all += 1;
  }
  const [value, count] = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0])[0] ?? [Number.NaN, 0];
  return { value, share: all === 0 ? 0 : count / all };
}
