import type { SecAggConfig, UpdatePart } from '@hansa/shared/protocol/secagg';
import { seededRandom } from '@hansa/shared/random';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { meanOf, vectorOf } from '../testing/encoded.ts';
import { ReducerLeague } from '../testing/reducerLeague.ts';
import { type LeagueConfig, leagueConfig, withScales } from '../testing/setting.ts';
import { unmaskedSum, wordsOf } from '../testing/vectors.ts';
import { assertEncodingFits, coordinateBoundOf, largestWordOf } from './fits.ts';
import { layoutOf } from './layout.ts';

const shortWordLimit = 2 ** 15 - 1;

const shortConfig = (cohort: number, change: LeagueConfig = {}): SecAggConfig =>
  leagueConfig(cohort, { wordBits: 16, weighting: 'uniform', weightMax: 1, ...change });

/** The only part. */
const partOf = ({ parts }: SecAggConfig): UpdatePart => parts[0]!;

const normOf = (values: Iterable<number>): number =>
  Math.sqrt([...values].reduce((sum, value) => sum + value * value, 0));

describe('the ring of 16 bits', () => {
  it('has a scale, wherever it is taken, that cannot wrap and is the largest such power of two', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 128 }),
        fc.double({ min: 1e-6, max: 1e6, noNaN: true }),
        fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 2 ** 28 })),
        (maxCohort, clipNorm, vectorLength) => {
          const config = shortConfig(maxCohort, { maxCohort, clipNorm, vectorLength });
          expect(() => assertEncodingFits(config)).not.toThrow();
          expect(maxCohort * largestWordOf(config, partOf(config))).toBeLessThanOrEqual(shortWordLimit);
          const larger = withScales(config, (scaleLog2) => scaleLog2 + 1);
          expect(maxCohort * largestWordOf(larger, partOf(larger))).toBeGreaterThan(shortWordLimit);
          expect(() => assertEncodingFits(larger)).toThrow(expect.objectContaining({ code: 'InvalidTask' }));
        },
      ),
      { numRuns: 500, seed: 17 },
    );
  });

  it('is refused where a number would be told in fewer than 8 steps', () => {
    const config = shortConfig(10);
    const { scaleLog2 } = partOf(config);
    const steps = 2 ** scaleLog2 * coordinateBoundOf(config, partOf(config));
    const least = scaleLog2 - Math.floor(Math.log2(steps / 8));
    expect(() => assertEncodingFits(withScales(config, () => least))).not.toThrow();
    expect(() => assertEncodingFits(withScales(config, () => least - 1))).toThrow(/fewer than 8 steps/);
    // A cohort so large that its share of the ring is less than that.
    expect(() => assertEncodingFits(shortConfig(10, { maxCohort: 5000 }))).toThrow(
      expect.objectContaining({ code: 'InvalidTask' }),
    );
  });

  // Lengths: one number, odd ones, those where the rotation has one pass and two, some whose clamp is below the clip, a tile's end.
  const lengths = [1, 2, 3, 5, 8, 37, 1000, 4097, 32_767, 32_768, 32_769];

  it.each(lengths)('of %i numbers: tail at a multiple of 4, all sums exact word for word', (vectorLength) => {
    const config = shortConfig(9, { vectorLength, weighting: 'buckets', weightMax: 4 });
    const { bodySizeBytes, sizeBytes } = layoutOf(config);
    expect(bodySizeBytes).toBe(2 * (vectorLength + (vectorLength % 2)));
    expect(sizeBytes).toBe(bodySizeBytes + 8);
    const vectors = Array.from({ length: 9 }, (_, member) =>
      vectorOf(
        config,
        Float32Array.from({ length: vectorLength }, (_, at) => Math.sin(at + member)),
        1 + (member % 4),
      ),
    );
    const sum = unmaskedSum(config, { survivors: vectors.map((_, at) => at), masks: [] }, (at) => vectors[at]!);
    const each = vectors.map((vector) => wordsOf(config, vector));
    for (const [at, word] of wordsOf(config, sum).entries()) {
      const signed = each.reduce(
        (total, words) => total + (at < vectorLength ? (words[at]! << 16) >> 16 : words[at]!),
        0,
      );
      if (at < vectorLength) expect(Math.abs(signed)).toBeLessThanOrEqual(shortWordLimit);
      expect(at < vectorLength ? (word << 16) >> 16 : word).toBe(signed);
    }
  });

  it.each([
    ['a single number', (length: number) => new Float32Array(length).fill(1000, 0, 1)],
    ['the last number', (length: number) => new Float32Array(length).fill(-1000, length - 1)],
    ['all numbers', (length: number) => new Float32Array(length).fill(1000)],
  ])('is exact to the rounding with the largest cohort, each member at its clip in %s', (_, make) => {
    for (const maxCohort of [2, 10, 128])
      for (const vectorLength of [1, 37, 4097]) {
        const config = shortConfig(maxCohort, { maxCohort, vectorLength, clipNorm: 3, minCohort: 2 });
        const vector = vectorOf(config, make(vectorLength));
        const mean = meanOf(config, Array(maxCohort).fill(vector));
        const update = make(vectorLength);
        const exact = update.map((value) => (value * 3) / normOf(update));
        // Each rotated number is off by half a step at most, and rotating back keeps the norm of what it is off by.
        const bound = (Math.sqrt(vectorLength) / 2) * 2 ** -partOf(config).scaleLog2;
        expect(normOf(mean.map((value, at) => value - exact[at]!))).toBeLessThanOrEqual(bound + 1e-5);
      }
  });

  it('gives the weighted mean of any updates within the rounding, and never leaves the ring', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 70 }),
        fc.array(
          fc.tuple(fc.integer(), fc.integer({ min: 1, max: 4 }), fc.double({ min: 0.01, max: 20, noNaN: true })),
          {
            minLength: 1,
            maxLength: 12,
          },
        ),
        (vectorLength, members) => {
          const config = shortConfig(12, { vectorLength, weighting: 'buckets', weightMax: 4 });
          const updates = members.map(([name, , norm]) => {
            const numbers = Float32Array.from(seededRandom(name).bytes(vectorLength), (byte) => byte - 127.5);
            return numbers.map((value) => (value * norm) / normOf(numbers));
          });
          const mean = meanOf(
            config,
            updates.map((update, at) => vectorOf(config, update, members[at]![1])),
          );
          const weightSum = members.reduce((sum, [, weight]) => sum + weight, 0);
          const exact = mean.map((_, at) =>
            members.reduce((sum, [, weight, norm], member) => {
              const factor = Math.min(1, partOf(config).clipNorm / norm);
              return sum + (weight * factor * updates[member]![at]!) / weightSum;
            }, 0),
          );
          const bound =
            (members.length * 4 * Math.sqrt(vectorLength)) / (2 * 2 ** partOf(config).scaleLog2 * weightSum);
          expect(normOf(mean.map((value, at) => value - exact[at]!))).toBeLessThanOrEqual(bound + 1e-5);
        },
      ),
      { numRuns: 200, seed: 23 },
    );
  });

  it('goes through a whole round with a drop-out, exact word for word, and half the bytes', () => {
    const league = new ReducerLeague({
      size: 8,
      seed: 'short ring',
      config: { wordBits: 16, vectorLength: 4097, clipNorm: 2 },
    });
    league.fates.set(ReducerLeague.indexOf(3), 'vector');
    league.open();
    while (league.server.phase !== 'unmasking')
      league.server.phase === 'ready' ? league.startRound() : league.exchange();
    const survivors = league.plan!.survivors;
    expect(survivors).toHaveLength(7);
    expect(league.vectors.get(survivors[0]!)).toHaveLength(2 * 4098 + 8);
    const sum = league.finish();
    expect(sum).toEqual(league.exactSum(survivors));
    expect(league.run().server.phase).toBe('committed');
  });

  it('with a mask left out is out of range', () => {
    const league = new ReducerLeague({ size: 5, seed: 'short', config: { wordBits: 16, vectorLength: 1000 } });
    league.open();
    while (league.server.phase !== 'unmasking')
      league.server.phase === 'ready' ? league.startRound() : league.exchange();
    const plan = league.plan!;
    for (const left of plan.masks)
      expect(() => league.openedWords({ ...plan, masks: plan.masks.filter((mask) => mask !== left) })).toThrow(
        expect.objectContaining({ code: 'SumOutOfRange' }),
      );
  });
});
