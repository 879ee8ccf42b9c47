import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readWords, sumHash } from './exactness.ts';

describe('the check of the sums', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'hansa-sums-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('adds mod 2^32 and hashes little-endian words', () => {
    const expected = Buffer.from([1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
    const sum = sumHash([Uint32Array.of(0xffffffff, 0x7fffffff), Uint32Array.of(2, 0x80000000)]);
    expect(sum).toBe(createHash('sha256').update(expected).digest('hex'));
  });

  it('sees one unit of one word of one vector', () => {
    const vectors = [1, 2, 3].map((k) => Uint32Array.from({ length: 50 }, (_, i) => (i * 2_654_435_761 * k) >>> 0));
    const right = sumHash(vectors);
    vectors[1]![17]!++;
    expect(sumHash(vectors)).not.toBe(right);
    expect(sumHash(vectors.slice(1))).not.toBe(right);
  });

  it('reads what a node keeps', () => {
    const file = join(folder, 'a.u32');
    writeFileSync(file, Buffer.from([1, 2, 3, 4, 255, 0, 0, 0]));
    expect([...readWords(file)]).toEqual([0x04030201, 255]);
    expect(() => sumHash([])).toThrow(RangeError);
    expect(() => sumHash([Uint32Array.of(1), Uint32Array.of(1, 2)])).toThrow(RangeError);
  });
});
