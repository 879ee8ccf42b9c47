import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { seededRandom } from './seededRandom.ts';

describe('seededRandom', () => {
  it('gives SHA-256 of the seed and a counter, in requests of any sizes', () => {
    const hashes = Array.from({ length: 40 }, (_, counter) => createHash('sha256').update(`seed/${counter}`).digest());
    const random = seededRandom('seed');
    const read = [5, 0, 64, 31, 1, 1000].map((count) => random.bytes(count));
    expect(Buffer.concat(read)).toEqual(Buffer.concat(hashes).subarray(0, 1101));
  });
});
