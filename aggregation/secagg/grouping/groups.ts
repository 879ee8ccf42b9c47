import { hashOf } from '@hansa/shared/protocol/secagg';

/**
 * Cuts members into ⌈n / largest⌉ groups whose sizes differ by one at most: sorted by H(enc("place", seedHash, i)), then sliced in order.
 *
 * Each group ascending. Nobody who did not know the whole seed beforehand can have chosen a place.
 */
export function groupsOf(seedHash: Uint8Array, members: readonly number[], largest: number): readonly number[][] {
  const placed = members
    .map((index) => ({ index, place: Buffer.from(hashOf('place', seedHash, index)) }))
    .sort((left, right) => Buffer.compare(left.place, right.place));
  const count = Math.ceil(members.length / largest);
  return Array.from({ length: count }, (_, group) => {
    const from = Math.floor((group * members.length) / count);
    const to = Math.floor(((group + 1) * members.length) / count);
    return placed
      .slice(from, to)
      .map(({ index }) => index)
      .sort((left, right) => left - right);
  });
}
