import { createCipheriv } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ReducerLeague } from '../testing/reducerLeague.ts';
import { leagueConfig, withScales } from '../testing/setting.ts';
import { assertEncodingFits } from './fits.ts';
import { rotate } from './rotation.ts';

/** The signs that a rotation takes from its seed, from byte `start` on. */
const signsOf = (seed: Uint8Array, start: number, count: number): number[] => {
  const stream = createCipheriv('aes-256-ctr', seed, Buffer.alloc(16)).update(Buffer.alloc(start + count));
  return Array.from({ length: count }, (_, bit) => 1 - 2 * ((stream[start + (bit >> 3)]! >> (bit & 7)) & 1));
};

describe('the ring of 16 bits, with few numbers', () => {
  it('is refused with a scale one power too large', () => {
    const config = leagueConfig(5, { wordBits: 16 });
    expect(() => assertEncodingFits(config)).not.toThrow();
    expect(() => assertEncodingFits(withScales(config, (scaleLog2) => scaleLog2 + 1))).toThrow(
      expect.objectContaining({ code: 'InvalidTask' }),
    );
  });

  it('turns three numbers in two passes with signs of their own', () => {
    for (let byte = 0; byte < 16; byte++) {
      const seed = new Uint8Array(32).fill(byte);
      const values = Float32Array.of(1, 2, 4);
      rotate(values, seed);
      const mix = ([left, right]: number[], [first, second]: number[]): [number, number] => [
        (left! * first! + right! * second!) / Math.SQRT2,
        (left! * first! - right! * second!) / Math.SQRT2,
      ];
      const [head, middle] = mix([1, 2], signsOf(seed, 0, 2));
      const expected = [head, ...mix([middle, 4], signsOf(seed, 16, 2))];
      for (const [place, value] of expected.entries()) expect(values[place]).toBeCloseTo(value, 5);
    }
  });

  it('gives the exact sum of a whole round in which a member drops out', () => {
    const league = new ReducerLeague({ size: 5, seed: 'small', config: { wordBits: 16, vectorLength: 3 } });
    league.fates.set(ReducerLeague.indexOf(3), 'vector');
    league.open();
    while (league.server.phase !== 'unmasking') {
      if (league.server.phase === 'ready') league.startRound();
      else league.exchange();
    }
    expect(league.plan!.survivors).toHaveLength(4);
    expect(league.openedWords(league.plan!)).toEqual(league.exactSum(league.plan!.survivors));
  });
});
