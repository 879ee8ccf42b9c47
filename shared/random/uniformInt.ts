import type { RandomSource } from './randomSource.ts';

/**
 * A whole number from 0 to `bound` - 1, each equally likely. Draws again where a remainder would favour some.
 *
 * @throws RangeError (unless 1 ≤ bound ≤ 2^32)
 */
export function uniformInt(random: RandomSource, bound: number): number {
  if (!Number.isInteger(bound) || bound < 1 || bound > 2 ** 32) throw new RangeError('bound must be from 1 to 2^32');
  const fair = 2 ** 32 - (2 ** 32 % bound);
  for (;;) {
    const drawn = Buffer.from(random.bytes(4)).readUInt32LE();
    if (drawn < fair) return drawn % bound;
  }
}
