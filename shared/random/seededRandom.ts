import { createHash } from 'node:crypto';
import type { RandomSource } from './randomSource.ts';

/** A repeatable source for tests and the demo's data: SHA-256 of (seed, counter). Never for keys of a real node. */
export function seededRandom(seed: string | number): RandomSource {
  let counter = 0;
  let pool = Buffer.alloc(0);
  return {
    bytes(count) {
      const pieces = [pool];
      for (let length = pool.length; length < count; counter += 1) {
        const piece = createHash('sha256').update(`${seed}/${counter}`).digest();
        pieces.push(piece);
        length += piece.length;
      }
      // One concatenation for all pieces: appended one by one, the pool would be copied again for each.
      pool = Buffer.concat(pieces);
      const bytes = new Uint8Array(pool.subarray(0, count));
      pool = pool.subarray(count);
      return bytes;
    },
  };
}
