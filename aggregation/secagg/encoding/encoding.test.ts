import { createHash } from 'node:crypto';
import { SecretBytes } from '@hansa/shared/crypto';
import type { SecAggConfig } from '@hansa/shared/protocol/secagg';
import { seededRandom } from '@hansa/shared/random';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MaskPlan } from '../masks.ts';
import { contributionOf, meanOf, openVectors, readMean, vectorOf } from '../testing/encoded.ts';
import { leagueConfig, withScales } from '../testing/setting.ts';
import { collect } from '../testing/vectors.ts';
import { assertConfigFits, assertEncodingFits } from './fits.ts';
import { byteLengthOf } from './layout.ts';
import { maskedTiles, quantisedTiles } from './maskedTiles.ts';
import { decodeTail, encodeTail } from './tail.ts';
import { weightOf } from './weight.ts';

/** S of the only part. */
const scaleOf = ({ parts }: SecAggConfig): number => 2 ** parts[0]!.scaleLog2;

const clipped = (values: Float32Array, clipNorm: number): Float64Array => {
  const norm = Math.hypot(...values);
  return Float64Array.from(values, (value) => (norm > clipNorm ? (value * clipNorm) / norm : value));
};

describe('the encoding', () => {
  it('gives the weighted mean of the clipped updates, each coordinate within |U3|·W/(2S·Σa)', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: 6, maxLength: 6 }),
            fc.integer({ min: 1, max: 16 }),
          ),
          {
            minLength: 1,
            maxLength: 12,
          },
        ),
        fc.constantFrom(0.5, 4, 100),
        (members, clipNorm) => {
          const config = leagueConfig(12, { clipNorm, weightMax: 16, vectorLength: 6 });
          const updates = members.map(([values]) => Float32Array.from(values));
          const vectors = members.map(([, weight], at) => vectorOf(config, updates[at]!, weight));
          const opened = openVectors(config, vectors);
          const weightSum = members.reduce((sum, [, weight]) => sum + weight, 0);
          expect(opened.weightSum).toBe(weightSum);
          const { mean } = readMean(config, opened);
          const bound = (members.length * 16) / (2 * scaleOf(config) * weightSum);
          for (let at = 0; at < 6; at++) {
            const exact = members.reduce(
              (sum, [, weight], member) => sum + weight * clipped(updates[member]!, clipNorm)[at]!,
              0,
            );
            expect(Math.abs(mean[at]! - exact / weightSum)).toBeLessThanOrEqual(bound * (1 + 1e-6) + 1e-12);
          }
          expect(Math.hypot(...mean)).toBeLessThanOrEqual(clipNorm * (1 + 1e-5));
        },
      ),
      { numRuns: 200, seed: 11 },
    );
  });

  it('of equal weights is the plain mean within one quantisation step and 1e-6 of its size', () => {
    const config = leagueConfig(5, { clipNorm: 50, vectorLength: 2000, weighting: 'uniform', weightMax: 1 });
    const updates = Array.from({ length: 5 }, (_, member) =>
      Float32Array.from(new Int16Array(seededRandom(member).bytes(4000).buffer), (value) => value / 1e5),
    );
    const mean = meanOf(
      config,
      updates.map((update) => vectorOf(config, update)),
    );
    const step = 1 / scaleOf(config);
    for (let at = 0; at < 2000; at++) {
      const exact = updates.reduce((sum, update) => sum + update[at]!, 0) / 5;
      expect(Math.abs(Math.fround(mean[at]!) - exact)).toBeLessThanOrEqual(step + 1e-6 * Math.abs(exact));
    }
  });

  it.each([1, -1])('is exact with the largest cohort, every member at %i times the clip and with weight W', (sign) => {
    for (const maxCohort of [2, 5, 128])
      for (const clipNorm of [1e-3, 1, 3, 1000]) {
        const config = leagueConfig(maxCohort, { clipNorm, vectorLength: 3, minCohort: 2 });
        const update = Float32Array.of(0, sign * 2 * clipNorm, 0);
        const bytes = vectorOf(config, update);
        const mean = meanOf(config, Array(maxCohort).fill(bytes));
        expect(mean[0]).toBe(0);
        expect(Math.abs(mean[1]! - sign * clipNorm)).toBeLessThanOrEqual(1 / scaleOf(config));
      }
  });

  it('clips before it scales: a small member has its share of influence, not all of it', () => {
    const config = leagueConfig(5, { clipNorm: 1, weightMax: 4, vectorLength: 1 });
    const [word] = new Int32Array(vectorOf(config, Float32Array.of(1000), 1).buffer);
    expect(word).toBe(scaleOf(config) / 4);
  });

  it('refuses an update that is not finite before a byte is given, and one of another length', () => {
    const config = leagueConfig(5, { vectorLength: 40_000 });
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const update = new Float32Array(40_000);
      update[39_999] = value;
      expect(() => quantisedTiles(contributionOf(config, update)).next()).toThrow(
        expect.objectContaining({ code: 'TrainingFailed' }),
      );
    }
    expect(() => quantisedTiles(contributionOf(config, new Float32Array(39_999))).next()).toThrow(RangeError);
  });
});

describe('masked tiles', () => {
  const key = (name: string) => new SecretBytes(seededRandom(name).bytes(32));
  const plan = (): MaskPlan => ({
    self: { key: key('self'), sign: 1 },
    pairs: [
      { key: key('one'), sign: 1 },
      { key: key('two'), sign: -1 },
    ],
  });
  // Around the edges of a tile and of a cipher block: the weight and the loss are the two words after the body.
  const maskTileWords = 16_384;
  it.each([
    1,
    2,
    3,
    4,
    5,
    maskTileWords - 2,
    maskTileWords - 1,
    maskTileWords,
    maskTileWords + 1,
    2 * maskTileWords + 7,
  ])('of %i numbers open to what was masked, tail included', (vectorLength) => {
    const config = leagueConfig(5, { vectorLength });
    const update = Float32Array.from({ length: vectorLength }, (_, at) => Math.sin(at) / 100);
    const plain = collect(quantisedTiles(contributionOf(config, update, 3)));
    const masked = collect(maskedTiles(contributionOf(config, update, 3), plan()));
    expect(masked.bytes).toHaveLength(byteLengthOf(config));
    expect(masked.result.byteLength).toBe(byteLengthOf(config));
    expect(masked.result.vectorHash).toEqual(new Uint8Array(createHash('sha256').update(masked.bytes).digest()));
    expect(masked.bytes).not.toEqual(plain.bytes);
    const { self, pairs } = plan();
    const opened = openVectors(config, [masked.bytes], [self, ...pairs]);
    expect(opened.weightSum).toBe(3);
    expect(opened.means.loss).toBeCloseTo(1, 5);
    const { summary } = readMean(config, opened);
    expect(summary.resultHash).toEqual(plain.result.vectorHash);
  });

  it('with a mask left out, or of the wrong sign, are out of range', () => {
    const config = leagueConfig(5, { vectorLength: 100 });
    const masked = collect(maskedTiles(contributionOf(config, new Float32Array(100)), plan())).bytes;
    const { self, pairs } = plan();
    for (const masks of [[self, pairs[0]!], pairs, [self, pairs[0]!, { ...pairs[1]!, sign: 1 as const }]])
      expect(() => readMean(config, openVectors(config, [masked], masks))).toThrow(
        expect.objectContaining({ code: 'SumOutOfRange' }),
      );
  });

  it('one of whose words no clipped update has is out of range before any of its tile is given', () => {
    const config = leagueConfig(5, { vectorLength: 100, clipNorm: 1, tail: [] });
    const words = new Int32Array(101);
    for (const [at, word] of [
      [0, scaleOf(config) + 2],
      [99, -scaleOf(config) - 2],
    ] as const) {
      words.fill(0)[at] = word;
      words[100] = 4;
      const tiles = openVectors(config, [new Uint8Array(words.buffer)]).tiles();
      expect(() => tiles.next()).toThrow(expect.objectContaining({ code: 'SumOutOfRange' }));
    }
  });

  it('whose sum has more than the norm of clipped updates is out of range although every word is in range', () => {
    const config = leagueConfig(5, { vectorLength: 100, clipNorm: 1, tail: [] });
    const words = new Int32Array(101).fill(scaleOf(config) / 2);
    words[100] = 4;
    const tiles = openVectors(config, [new Uint8Array(words.buffer)]).tiles();
    expect(tiles.next().done).toBe(false);
    expect(() => tiles.next()).toThrow(expect.objectContaining({ code: 'SumOutOfRange' }));
  });
});

describe('the tail', () => {
  const config = leagueConfig(5, {
    tail: [
      { name: 'loss', low: 0, high: 10, steps: 1_000_000 },
      { name: 'bias', low: -1, high: 1, steps: 2000 },
    ],
  });

  it('carries clipped numbers and gives their means', () => {
    const first = encodeTail(config, 1, { loss: 2.5, bias: -0.5 });
    const second = encodeTail(config, 4, { loss: 99, bias: -7 });
    const sum = first.map((word, at) => word + second[at]!);
    const { weightSum, means } = decodeTail(config, 2, sum);
    expect(weightSum).toBe(5);
    expect(means.loss).toBeCloseTo(6.25, 5);
    expect(means.bias).toBeCloseTo(-0.75, 3);
  });

  it('refuses impossible weights, missing numbers and NaN', () => {
    for (const weight of [0, 5, 1.5])
      expect(() => encodeTail(config, weight, { loss: 1, bias: 0 })).toThrow(RangeError);
    expect(() => encodeTail(config, 1, { loss: 1 })).toThrow(RangeError);
    expect(() => encodeTail(config, 1, { loss: Number.NaN, bias: 0 })).toThrow(
      expect.objectContaining({ code: 'TrainingFailed' }),
    );
    const uniform = { ...config, weighting: 'uniform' as const };
    expect(() => encodeTail(uniform, 3, { loss: 1, bias: 0 })).toThrow(RangeError);
  });

  it.each([
    ['weights above W', Uint32Array.of(9, 0, 0)],
    ['weights below 1', Uint32Array.of(1, 0, 0)],
    ['a number beyond its range', Uint32Array.of(5, 2_000_001, 0)],
    ['a negative number', Uint32Array.of(5, 0, 0xffff_ffff)],
  ])('with %s is out of range', (_, words) => {
    expect(() => decodeTail(config, 2, words)).toThrow(expect.objectContaining({ code: 'SumOutOfRange' }));
  });
});

describe('a configuration', () => {
  const config = leagueConfig(5);
  it.each<[string, Partial<SecAggConfig>]>([
    ['a scale one power too large', withScales(config, (scaleLog2) => scaleLog2 + 1)],
    ['too few steps below the clip', withScales(config, () => 7)],
    ['a tail word that can wrap', { tail: [{ name: 'loss', low: 0, high: 1, steps: 2 ** 31 - 1 }] }],
    ['an empty range', { tail: [{ name: 'loss', low: 1, high: 1, steps: 10 }] }],
    ['a name twice', { tail: [1, 2].map(() => ({ name: 'loss', low: 0, high: 1, steps: 10 })) }],
    ['a second weight', { tail: [{ name: 'weight', low: 0, high: 1, steps: 10 }] }],
  ])('with %s is refused when the task is made', (_, change) => {
    expect(() => assertEncodingFits({ ...config, ...change })).toThrow(
      expect.objectContaining({ code: 'InvalidTask' }),
    );
  });

  it.each<[string, Partial<SecAggConfig>]>([
    ['a minimum above the maximum', { minCohort: 6 }],
    ['more survivors than members', { minSurvivors: 5, minCohort: 4 }],
    ['more corrupt members than a threshold bears', { gammaPermille: 333, minCohort: 4, maxCohort: 4 }],
  ])('with %s is refused', (_, change) => {
    expect(() => assertConfigFits({ ...config, ...change })).toThrow(expect.objectContaining({ code: 'InvalidTask' }));
  });

  it('that fits is taken', () => {
    expect(() => assertConfigFits(config)).not.toThrow();
    expect(() => assertConfigFits(withScales(config, () => 8))).not.toThrow();
  });
});

describe('weights', () => {
  const cap = 400;
  const levels = 4;
  it.each([
    [1, 1, 1],
    [25, 1, 1],
    [26, 1, 2],
    [100, 1, 2],
    [101, 2, 3],
    [200, 2, 3],
    [225, 3, 3],
    [226, 3, 4],
    [399, 4, 4],
    [400, 4, 4],
    [1_000_000, 4, 4],
  ])('of %i examples are %i by number and %i by its root, up to the cap', (examples, byNumber, byRoot) => {
    expect(weightOf({ kind: 'examples', cap, levels }, examples)).toBe(byNumber);
    expect(weightOf({ kind: 'rootOfExamples', cap, levels }, examples)).toBe(byRoot);
    expect(weightOf({ kind: 'uniform' }, examples)).toBe(1);
  });

  it('are the least whole numbers that are not below the rule, in exact arithmetic', () => {
    const positive = (max: number) => fc.integer({ min: 1, max });
    fc.assert(
      fc.property(positive(16), positive(1e9), positive(2e9), (most, limit, examples) => {
        const counted = BigInt(Math.min(examples, limit));
        const [w, of] = [BigInt(most), BigInt(limit)];
        const linear = BigInt(weightOf({ kind: 'examples', cap: limit, levels: most }, examples));
        expect(linear * of >= w * counted && (linear - 1n) * of < w * counted).toBe(true);
        const root = BigInt(weightOf({ kind: 'rootOfExamples', cap: limit, levels: most }, examples));
        expect(root ** 2n * of >= w ** 2n * counted && (root - 1n) ** 2n * of < w ** 2n * counted).toBe(true);
      }),
      { numRuns: 2000, seed: 3 },
    );
  });

  it('refuse what is no count', () => {
    for (const examples of [0, 0.5, -1, Number.NaN])
      expect(() => weightOf({ kind: 'examples', cap, levels }, examples)).toThrow(RangeError);
  });
});
