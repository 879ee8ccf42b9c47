/**
 * The members of a set as bits in the cohort's order: position p is bit p mod 8 (lowest first) of byte ⌊p / 8⌋.
 *
 * `size` is the cohort's size; positions are 0-based, any order, duplicates allowed.
 *
 * @throws RangeError (for a position outside)
 */
export function bitmapOf(size: number, positions: Iterable<number>): Uint8Array {
  const bits = new Uint8Array(Math.ceil(size / 8));
  for (const position of positions) {
    if (!Number.isInteger(position) || position < 0 || position >= size)
      throw new RangeError(`position ${position} is outside a cohort of ${size}`);
    bits[position >> 3] = bits[position >> 3]! | (1 << (position & 7));
  }
  return bits;
}

/** The positions in a bitmap, ascending; undefined where its length is not that of a cohort of `size` or a bit past the end is set. */
export function positionsOf(size: number, bits: Uint8Array): number[] | undefined {
  if (bits.length !== Math.ceil(size / 8)) return undefined;
  const positions: number[] = [];
  for (let position = 0; position < bits.length * 8; position++) {
    if (((bits[position >> 3]! >> (position & 7)) & 1) === 0) continue;
    if (position >= size) return undefined;
    positions.push(position);
  }
  return positions;
}
