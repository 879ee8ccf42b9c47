import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** The words of a little-endian u32 file. */
export function readWords(path: string): Uint32Array {
  const bytes = readFileSync(path);
  const words = new Uint32Array(bytes.length / 4);
  for (let i = 0; i < words.length; i++) words[i] = bytes.readUInt32LE(4 * i);
  return words;
}

/**
 * SHA-256 of Σ mod 2^32 of vectors of equal length, as little-endian words: what a round's record must say of its unmasked sum.
 *
 * @throws RangeError (when there is no vector or their lengths differ)
 */
export function sumHash(vectors: readonly Uint32Array[]): string {
  const [first, ...rest] = vectors;
  if (first === undefined) throw new RangeError('a sum of no vectors');
  const sum = first.slice();
  for (const vector of rest) {
    if (vector.length !== sum.length) throw new RangeError(`vectors of ${sum.length} and ${vector.length} words`);
    for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + vector[i]!;
  }
  const bytes = Buffer.alloc(4 * sum.length);
  for (let i = 0; i < sum.length; i++) bytes.writeUInt32LE(sum[i]!, 4 * i);
  return createHash('sha256').update(bytes).digest('hex');
}
