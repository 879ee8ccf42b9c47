/** B: the largest sum that a 32-bit word holds with its sign. */
export const wordLimit = 2 ** 31 - 1;

/** What the scale depends on. */
export interface FixedPointBounds {
  /** c: no number to encode is larger than this, in either direction. */
  readonly clipNorm: number;
  /** n: how many encoded numbers are added at most. */
  readonly maxCohort: number;
}

/**
 * log2 of S = 2^⌊log2((⌊B/n⌋−1)/c)⌋: the largest power of two for which n numbers in [−c, c] cannot leave the 32-bit ring when summed.
 *
 * Source: SA-1, "Ring".
 *
 * @throws RangeError (unless 1e-12 ≤ c ≤ 1e12 and 1 ≤ n ≤ B/2)
 */
export function scaleLog2For({ clipNorm, maxCohort }: FixedPointBounds): number {
  if (!(clipNorm >= 1e-12 && clipNorm <= 1e12)) throw new RangeError('clipNorm must be from 1e-12 to 1e12');
  if (!Number.isInteger(maxCohort) || maxCohort < 1 || maxCohort > wordLimit / 2)
    throw new RangeError('maxCohort must be a whole number from 1');
  const largest = (Math.floor(wordLimit / maxCohort) - 1) / clipNorm;
  let exponent = Math.floor(Math.log2(largest));
  // The logarithm is rounded, powers of two are exact: they decide the last unit.
  while (2 ** exponent > largest) exponent -= 1;
  while (2 ** (exponent + 1) <= largest) exponent += 1;
  return exponent;
}

/** Whether n numbers in [−c, c], scaled by 2^scaleLog2 and rounded, sum to at most B in size: n·(S·c + 1) ≤ B after rounding down. */
export function fitsWithoutWrap(bounds: FixedPointBounds, scaleLog2: number): boolean {
  return 2 ** scaleLog2 * bounds.clipNorm <= Math.floor(wordLimit / bounds.maxCohort) - 1;
}
