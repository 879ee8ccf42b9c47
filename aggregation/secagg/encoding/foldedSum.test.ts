import { createCipheriv } from 'node:crypto';
import { SecretBytes } from '@hansa/shared/crypto';
import { seededRandom } from '@hansa/shared/random';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MaskTerm } from '../masks.ts';
import { leagueConfig } from '../testing/setting.ts';
import { collect, wordsOf } from '../testing/vectors.ts';
import { FoldedSum } from './foldedSum.ts';
import { type LayoutConfig, layoutOf } from './layout.ts';
import { maskedTiles, updateOf } from './maskedTiles.ts';
import { expandMasks } from './masks.ts';

const configOf = (wordBits: 16 | 32, vectorLength: number): LayoutConfig => leagueConfig(5, { wordBits, vectorLength });

const vectorOf = (config: LayoutConfig, name: string | number) => seededRandom(name).bytes(layoutOf(config).sizeBytes);

/** Word by word, in each word's ring. */
const summed = (config: LayoutConfig, parts: readonly (readonly [1 | -1, Uint8Array])[]): Uint32Array => {
  const each = parts.map(([sign, bytes]) => ({ sign, words: wordsOf(config, bytes) }));
  return each[0]!.words.map((_, at) => {
    const total = each.reduce((sum, { sign, words }) => sum + sign * words[at]!, 0);
    const ring = at < config.vectorLength ? 2 ** config.wordBits : 2 ** 32;
    return ((total % ring) + ring) % ring;
  });
};

const expectWords = (config: LayoutConfig, bytes: Uint8Array, expected: Uint32Array): void =>
  expect(Buffer.compare(Buffer.from(wordsOf(config, bytes).buffer), Buffer.from(expected.buffer))).toBe(0);

const pieces = fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 100_000 })), {
  minLength: 1,
  maxLength: 40,
});

const wordBits = fc.constantFrom<16 | 32>(16, 32);
const lengths = fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 16_000, max: 50_000 }));

/** Cuts bytes into pieces of these sizes, over and over. */
function* cut(bytes: Uint8Array, sizes: readonly number[]): Generator<[number, Uint8Array]> {
  for (let at = 0, turn = 0; at < bytes.length; at += sizes[turn++ % sizes.length]!)
    yield [at, bytes.subarray(at, at + sizes[turn % sizes.length]!)];
}

describe('a folded sum', () => {
  it('is the sum of the vectors however they are cut, and in whatever order the pieces come', () => {
    fc.assert(
      fc.property(wordBits, lengths, pieces, pieces, (bits, length, first, second) => {
        const config = configOf(bits, length);
        const [left, right] = [vectorOf(config, 'left'), vectorOf(config, 'right')];
        const sum = new FoldedSum(config);
        const [a, b] = [[...cut(left, first)], [...cut(right, second)]];
        while (a.length + b.length > 0)
          for (const queue of [a, b]) {
            const piece = queue.shift();
            if (piece !== undefined) sum.add(...piece);
          }
        expectWords(
          config,
          sum.bytes,
          summed(config, [
            [1, left],
            [1, right],
          ]),
        );
      }),
      { numRuns: 60, seed: 31 },
    );
  });

  it('forgets what a member sent before it dropped out, to the byte', () => {
    fc.assert(
      fc.property(
        wordBits,
        lengths,
        pieces,
        pieces,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (bits, length, first, second, share) => {
          const config = configOf(bits, length);
          const [stays, leaves] = [vectorOf(config, 'stays'), vectorOf(config, 'leaves')];
          const prefix = leaves.subarray(0, Math.floor(share * leaves.length));
          const sum = new FoldedSum(config);
          for (const piece of cut(prefix, first)) sum.add(...piece);
          sum.add(0, stays);
          for (const piece of cut(prefix, second)) sum.subtract(...piece);
          expect(Buffer.compare(sum.bytes, stays)).toBe(0);
        },
      ),
      { numRuns: 60, seed: 37 },
    );
  });

  it('refuses what lies beyond the vector', () => {
    const sum = new FoldedSum(configOf(32, 10));
    expect(() => sum.add(0, new Uint8Array(49))).toThrow(RangeError);
    for (const offset of [-1, 0.5, 48]) expect(() => sum.add(offset, new Uint8Array(1))).toThrow(RangeError);
    expect(sum.bytes.every((byte) => byte === 0)).toBe(true);
  });
});

describe('masks', () => {
  const masks: readonly MaskTerm[] = [1, -1, 1].map((sign, at) => ({
    key: new SecretBytes(seededRandom(`mask ${at}`).bytes(32)),
    sign: sign as 1 | -1,
  }));
  const streams = (config: LayoutConfig): [1 | -1, Uint8Array][] =>
    masks.map(({ key, sign }) => [
      sign,
      createCipheriv('aes-256-ctr', key.expose(), Buffer.alloc(16)).update(Buffer.alloc(layoutOf(config).sizeBytes)),
    ]);

  it('expand to the sum of their streams word by word in each ring, in ranges as in one go', () => {
    fc.assert(
      fc.property(wordBits, lengths, fc.array(fc.nat(12_000), { maxLength: 4 }), (bits, length, cuts) => {
        const config = configOf(bits, length);
        const { sizeBytes } = layoutOf(config);
        const ends = cuts.map((block) => 16 * block).filter((end) => end < sizeBytes);
        const edges = [0, ...new Set(ends)].sort((left, right) => left - right);
        const parts = edges.map((start, at) => expandMasks(config, masks, { start, end: edges[at + 1] ?? sizeBytes }));
        expectWords(config, Buffer.concat(parts), summed(config, streams(config)));
        const used = Uint8Array.from(vectorOf(config, 'used'));
        expect(expandMasks(config, masks, { start: 0, end: sizeBytes }, used)).toBe(used);
        expect(Buffer.compare(used, Buffer.concat(parts))).toBe(0);
        expandMasks(config, [], { start: 0, end: sizeBytes }, used);
        expect(used.every((byte) => byte === 0)).toBe(true);
      }),
      { numRuns: 60, seed: 41 },
    );
  });

  it('made beforehand give the same masked vector as on the way', () => {
    for (const bits of [16, 32] as const)
      for (const vectorLength of [1, 37, 40_001]) {
        const config = leagueConfig(5, { wordBits: bits, vectorLength });
        const contribution = {
          config,
          update: updateOf(Float32Array.from({ length: vectorLength }, (_, at) => Math.cos(at) / 100)),
          weight: 2,
          tail: { loss: 3 },
          rotationSeed: new Uint8Array(32),
        };
        const [self, ...pairs] = masks;
        const maskSum = expandMasks(config, masks);
        expect(collect(maskedTiles(contribution, maskSum))).toEqual(
          collect(maskedTiles(contribution, { self: self!, pairs })),
        );
        expect(() => maskedTiles(contribution, maskSum.subarray(4)).next()).toThrow(RangeError);
      }
  });

  it('are as many as they like: more than are expanded side by side', () => {
    const config = configOf(16, 5001);
    const many = Array.from({ length: 70 }, (_, at) => masks[at % 3]!);
    const exact = summed(
      config,
      many.map((_, at) => streams(config)[at % 3]!),
    );
    expectWords(config, expandMasks(config, many), exact);
  });

  it('refuse a range that is no part of the vector', () => {
    const config = configOf(32, 100);
    for (const [start, end] of [
      [-16, 16],
      [8, 32],
      [0, 20],
      [32, 16],
      [0, layoutOf(config).sizeBytes + 16],
    ] as const)
      expect(() => expandMasks(config, masks, { start, end })).toThrow(RangeError);
  });
});
