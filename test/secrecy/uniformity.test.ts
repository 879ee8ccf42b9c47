import { seededRandom } from '@hansa/shared/random';
import { describe, expect, it } from 'vitest';
import { chiSquareTail, normalTails, uniformityOf, uniformityTests } from './uniformity.ts';

const random = (seed: string, words: number): Uint32Array =>
  new Uint32Array(seededRandom(seed).bytes(4 * words).buffer);
const bytesOf = (words: Uint32Array): Uint8Array => new Uint8Array(words.buffer);

describe('the tests of uniformity', () => {
  it('know the tails of the chi-square and the normal distribution', () => {
    // Tables: chi-square 3.841 (1), 18.307 (10), 293.248 (255) at 5 %; z = 4.8916 at 1e-6.
    expect(chiSquareTail(3.841459, 1)).toBeCloseTo(0.05, 6);
    expect(chiSquareTail(18.307038, 10)).toBeCloseTo(0.05, 6);
    expect(chiSquareTail(293.247835, 255)).toBeCloseTo(0.05, 6);
    expect(normalTails(4.891638) / 1e-6).toBeCloseTo(1, 4);
  });

  it('let random words pass, and spread their p-values evenly', () => {
    const low = Array.from({ length: 40 }, (_, seed) => uniformityTests(bytesOf(random(`uniform/${seed}`, 2000))))
      .flat()
      .filter(({ pValue }) => pValue < 0.1).length;
    // 40 vectors × 40 tests: about 160 below 0.1.
    expect(low).toBeGreaterThan(110);
    expect(low).toBeLessThan(210);
    const vectors = Array.from({ length: 40 }, (_, seed) => bytesOf(random(`uniform/${seed}`, 2000)));
    expect(uniformityOf(vectors)).toMatchObject({ rejected: false, tests: 1600 });
  });

  it.each<[string, (words: Uint32Array) => Uint32Array]>([
    ['small numbers', (words) => words.map((word) => (word >> 20) >>> 0)],
    ['one bit that is always zero', (words) => words.map((word) => (word & ~(1 << 13)) >>> 0)],
    ['one bit that is 1 in three of five', (words) => words.map((word, at) => (at % 5 === 0 ? word | 1 : word) >>> 0)],
    ['a byte that misses values', (words) => words.map((word) => ((word & 0xff) < 40 ? word + 100 : word) >>> 0)],
    ['words that follow their neighbours', (words) => words.map((word, at) => (at % 3 === 0 ? word : words[at - 1]!))],
    ['words that add up in pairs', (words) => words.map((word, at) => (at % 2 === 0 ? word : ~words[at - 1]!) >>> 0)],
    ['the lower nine tenths of the range', (words) => words.map((word) => Math.floor(word * 0.9))],
  ])('reject %s', (_, spoil) => {
    expect(uniformityOf([bytesOf(spoil(random('spoil', 4000)))]).rejected).toBe(true);
  });

  it('need something to test', () => {
    expect(() => uniformityOf([])).toThrow(RangeError);
    expect(() => uniformityTests(new Uint8Array(1020))).toThrow(RangeError);
  });
});
