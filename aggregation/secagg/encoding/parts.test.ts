import { createHash } from 'node:crypto';
import type { SecAggConfig } from '@hansa/shared/protocol/secagg';
import { seededRandom } from '@hansa/shared/random';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { meanOf, vectorOf } from '../testing/encoded.ts';
import { ReducerLeague } from '../testing/reducerLeague.ts';
import { type LeagueConfig, leagueConfig } from '../testing/setting.ts';
import { wordsOf } from '../testing/vectors.ts';
import { assertEncodingFits, largestWordOf } from './fits.ts';
import { placedParts } from './parts.ts';

const normOf = (values: ArrayLike<number>): number => {
  let squares = 0;
  for (let at = 0; at < values.length; at++) squares += values[at]! ** 2;
  return Math.sqrt(squares);
};

/** Numbers from −½ to ½, of the norm that is asked for. */
const random = (length: number, name: string | number, norm: number): Float32Array => {
  const values = Float32Array.from(seededRandom(`parts/${name}`).bytes(length), (byte) => byte / 255 - 0.5);
  const factor = norm / normOf(values);
  return values.map((value) => value * factor);
};

const joined = (pieces: readonly Float32Array[]): Float32Array => {
  const whole = new Float32Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
};

const rings = fc.constantFrom<16 | 32>(16, 32);
// Short ones, and some in whose midst a tile of either ring ends.
const lengths = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 1, max: 90 }) },
  { weight: 1, arbitrary: fc.integer({ min: 16_000, max: 36_000 }) },
);
const clips = fc.double({ min: 1e-3, max: 1e3, noNaN: true });
const drawnParts = fc
  .array(fc.record({ length: lengths, clipNorm: clips }), { minLength: 1, maxLength: 5 })
  .map((parts) => parts.map((part, at) => ({ name: `part${at}`, ...part })));

describe('an update of one part', () => {
  // What the code made before there were parts: SHA-256 of two members' quantised vectors, and of the mean that opens from their sum.
  it.each<[16 | 32, number, number, string, string]>([
    [
      32,
      1,
      26,
      '8f7f1d85cdd82f5284be7687b6c4e136d69e1d3128d4cb24ff1df8781d0c44b9',
      '9220dc9f67f5808d404e726f4ccf41f6ccb331b9bcf51e98f2fbc17c37dbed9d',
    ],
    [
      32,
      37,
      26,
      'ffa5ce778e69545aa35ce0d206e410dbe3d88d3b5d9753810510c2dc08fc707a',
      '63d29e51e03ca9230d2eae01de5c3ed53d34ee797b73c7ce0eef377545a07f98',
    ],
    [
      32,
      16385,
      26,
      'cd03252e3bed8fd80d7c0de7be18aa4e70af35a16478fe3c016e5d356b160052',
      'bdba3475d276b3f778570090f735ec27807c5dd047344db8e5c2f3b3e8b7834f',
    ],
    [
      32,
      100001,
      26,
      'cc1abdafaf2e17b0f6583c8028420f2ac8a749e2fa075cac32dd7608ec40d183',
      '50d768fa1a55c2111aca7601f7ab474a1ee06778d31bf9ce72f693dd501f9311',
    ],
    [
      16,
      1,
      10,
      '49b977ab2c7bedc1d69920cc1b0fabb90b4279248c354e7f5f260f098015c244',
      '2a51a9ed377473af1003fcf16ce9edf9ff3fda939c9c7fedfea65f7c2084485d',
    ],
    [
      16,
      37,
      10,
      'f57ee47c53473927f72e3ce7edf9b30f9a6848fcfd14096232f0f0354624964e',
      '770ca3c34b50ddb587516389cbeea82055312c6791ff50e0a70c61ba3e3c95a7',
    ],
    [
      16,
      16385,
      14,
      '35cca3c0fef63d536652d1092212c5567e98b1a9dc88e84099dac96718f4494e',
      'b9f24e2f342e5cb46586dd18c79341a6e819666602c545f18d6ce7fd6c1d0640',
    ],
    [
      16,
      100001,
      15,
      '54ad6c8490f9221f114160ef62a9b4d8ac137cc402bb48c1d4effc1fcb47d3b4',
      'a577e8690391d84e442695c0695dabbe805ca925dd4fb0b06fcde667b79f2a68',
    ],
  ])(
    'in the ring of %i bits, of %i numbers, is the same bits as ever',
    (wordBits, vectorLength, scale, words, mean) => {
      const config = leagueConfig(9, { wordBits, vectorLength, clipNorm: 3 });
      expect(config.parts).toEqual([{ name: 'update', length: vectorLength, clipNorm: 3, scaleLog2: scale }]);
      const vectors = [1, 2].map((member) => {
        const numbers = new Int16Array(seededRandom(`golden/${member}`).bytes(2 * vectorLength).buffer);
        return vectorOf(
          config,
          Float32Array.from(numbers, (value) => value / 2 ** 17),
          member + 1,
        );
      });
      const hashOf = (...pieces: Uint8Array[]) =>
        pieces.reduce((hash, piece) => hash.update(piece), createHash('sha256')).digest('hex');
      expect(hashOf(...vectors)).toBe(words);
      expect(hashOf(new Uint8Array(meanOf(config, vectors).buffer))).toBe(mean);
    },
  );
});

describe('the parts of an update', () => {
  it('sum to the means that each of them has alone', () => {
    fc.assert(
      fc.property(
        rings,
        drawnParts,
        fc.array(
          fc.tuple(
            fc.integer({ min: 1, max: 4 }),
            fc.array(fc.double({ min: 0.1, max: 3, noNaN: true }), { minLength: 5, maxLength: 5 }),
          ),
          {
            minLength: 1,
            maxLength: 4,
          },
        ),
        (wordBits, parts, members) => {
          const config = leagueConfig(6, { wordBits, parts });
          const updates = members.map(([, norms], member) =>
            parts.map(({ name, length, clipNorm }, at) => random(length, `${member}/${name}`, norms[at]! * clipNorm)),
          );
          const vectors = updates.map((pieces, member) => vectorOf(config, joined(pieces), members[member]![0]));
          const mean = meanOf(config, vectors);
          const weightSum = members.reduce((sum, [weight]) => sum + weight, 0);
          for (const [at, { start, end, length, clipNorm, scaleLog2 }] of placedParts(config.parts).entries()) {
            const found = mean.subarray(start, end);
            const alone = leagueConfig(6, { wordBits, parts: [parts[at]!] });
            const meanAlone = meanOf(
              alone,
              updates.map((pieces, member) => vectorOf(alone, pieces[at]!, members[member]![0])),
            );
            // Without a rotation the words are the same; with one only the roundings of two rotations lie between.
            if (wordBits === 32) expect(found).toEqual(meanAlone);
            const exact = found.map((_, place) =>
              members.reduce((sum, [weight, norms], member) => {
                const factor = Math.min(1, 1 / norms[at]!);
                return sum + (weight * factor * updates[member]![at]![place]!) / weightSum;
              }, 0),
            );
            const bound = (members.length * 4 * Math.sqrt(length)) / (2 * 2 ** scaleLog2 * weightSum);
            expect(normOf(found.map((value, place) => value - exact[place]!))).toBeLessThanOrEqual(
              bound * (1 + 1e-6) + 1e-5 * clipNorm,
            );
          }
        },
      ),
      { numRuns: 40, seed: 43 },
    );
  });

  it('each have the largest scale at which their sum cannot wrap', () => {
    fc.assert(
      fc.property(
        rings,
        drawnParts,
        fc.integer({ min: 2, max: 60 }),
        fc.nat(),
        (wordBits, parts, maxCohort, chosen) => {
          const config = leagueConfig(2, { wordBits, parts, maxCohort });
          expect(() => assertEncodingFits(config)).not.toThrow();
          const at = chosen % parts.length;
          const scaled = (change: number): SecAggConfig => ({
            ...config,
            parts: config.parts.map((part, place) =>
              place === at ? { ...part, scaleLog2: part.scaleLog2 + change } : part,
            ),
          });
          const refusal = { code: 'InvalidTask', message: expect.stringContaining(`part "part${at}"`) };
          expect(() => assertEncodingFits(scaled(1))).toThrow(expect.objectContaining(refusal));
          expect(() => assertEncodingFits(scaled(-30))).toThrow(expect.objectContaining(refusal));
          if (wordBits === 16)
            expect(maxCohort * largestWordOf(config, config.parts[at]!)).toBeLessThanOrEqual(2 ** 15 - 1);
        },
      ),
      { numRuns: 300, seed: 47 },
    );
  });

  const three = (wordBits: 16 | 32): LeagueConfig => ({
    wordBits,
    parts: [
      { name: 'encoder', length: 16_000, clipNorm: 1 },
      { name: 'embedder', length: 801, clipNorm: 20 },
      { name: 'head', length: 30_000, clipNorm: 0.1 },
    ],
  });

  it.each([16, 32] as const)(
    'are clipped apart in the ring of %i bits: one that is over its clip leaves the others as they are',
    (wordBits) => {
      const config = leagueConfig(5, three(wordBits));
      const places = placedParts(config.parts);
      // Each at half its clip; then one of them at five times as much.
      const pieces = config.parts.map(({ name, length, clipNorm }) => random(length, name, clipNorm / 2));
      const before = wordsOf(config, vectorOf(config, joined(pieces)));
      for (const [large, { clipNorm, scaleLog2, start, end }] of places.entries()) {
        const changed = pieces.map((piece, at) => (at === large ? piece.map((value) => 10 * value) : piece));
        const vector = vectorOf(config, joined(changed));
        const after = wordsOf(config, vector);
        for (const [at, place] of places.entries())
          expect(
            Buffer.compare(
              Buffer.from(after.slice(place.start, place.end).buffer),
              Buffer.from(before.slice(place.start, place.end).buffer),
            ) === 0,
          ).toBe(at !== large);
        const rounding = (Math.sqrt(end - start) / 2) * 2 ** -scaleLog2;
        const norm = normOf(meanOf(config, [vector]).subarray(start, end));
        expect(Math.abs(norm - clipNorm)).toBeLessThanOrEqual(rounding + 1e-5 * clipNorm);
      }
    },
  );

  it.each([16, 32] as const)(
    'are checked apart in the ring of %i bits: the sum is refused and the part named',
    (wordBits) => {
      const config = leagueConfig(5, { ...three(wordBits), weighting: 'uniform', weightMax: 1 });
      const honest = vectorOf(
        config,
        joined(config.parts.map(({ name, length, clipNorm }) => random(length, name, clipNorm / 2))),
      );
      for (const part of placedParts(config.parts)) {
        const refusal = { code: 'SumOutOfRange', message: expect.stringContaining(`part "${part.name}"`) };
        const { name, start, end, clipNorm, scaleLog2 } = part;
        const hostile = (first: number, word: number, count: number): Uint8Array => {
          const vector = honest.slice();
          const words = wordBits === 16 ? new Int16Array(vector.buffer) : new Int32Array(vector.buffer, 0, end);
          words.fill(word, first, first + count);
          return vector;
        };
        const limit = wordBits === 16 ? 2 * largestWordOf(config, part) : Math.ceil(2 * 2 ** scaleLog2 * clipNorm) + 1;
        // A word beyond the range in the first and the last number of the part, which another part's clip may allow.
        for (const first of [start, end - 1])
          for (const word of [limit + 1, -limit - 1])
            expect(() =>
              meanOf(config, [hostile(first, word, 1), vectorOf(config, new Float32Array(config.vectorLength))]),
            ).toThrow(expect.objectContaining(refusal));
        // Words that are in range each, of a norm that no clipped part has.
        const word = Math.floor((2 ** scaleLog2 * clipNorm * 2) / Math.sqrt(part.length));
        expect(word).toBeLessThanOrEqual(limit / 2);
        expect(() => meanOf(config, [hostile(start, word, part.length)]), name).toThrow(
          expect.objectContaining(refusal),
        );
      }
      expect(() => meanOf(config, [honest])).not.toThrow();
    },
  );

  it.each([16, 32] as const)(
    'go through a whole round with a drop-out in the ring of %i bits, exact word for word',
    (wordBits) => {
      const parts = [
        { name: 'update', length: 4097, clipNorm: 2 },
        { name: 'controls', length: 4097, clipNorm: 50 },
      ];
      const league = new ReducerLeague({ size: 6, seed: 'parts', config: { wordBits, parts } });
      league.fates.set(ReducerLeague.indexOf(2), 'vector');
      league.open();
      while (league.server.phase !== 'unmasking')
        league.server.phase === 'ready' ? league.startRound() : league.exchange();
      const { survivors } = league.plan!;
      expect(survivors).toHaveLength(5);
      expect(league.finish()).toEqual(league.exactSum(survivors));
      expect(league.run().server.phase).toBe('committed');
    },
  );
});
