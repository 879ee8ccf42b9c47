import { quantisedTiles } from '@hansa/aggregation/secagg/encoding';
import type { UnmaskPlan } from '@hansa/aggregation/secagg/server';
import { collect, ReducerLeague } from '@hansa/aggregation/secagg/testing';
import { MaskStream } from '@hansa/shared/crypto';
import { HansaError } from '@hansa/shared/errors';
import { seededRandom } from '@hansa/shared/random';
import { describe, expect, it } from 'vitest';
import { uniformityOf } from './uniformity.ts';

const vectorLength = 5000;

/** What training gives: mostly small numbers around zero, a few larger. */
function update(node: number): Float32Array {
  const bytes = seededRandom(`update/${node}`).bytes(8 * vectorLength);
  const words = new Uint32Array(bytes.buffer);
  return Float32Array.from({ length: vectorLength }, (_, at) => {
    const [u, v] = [(words[2 * at]! + 1) / 2 ** 32, words[2 * at + 1]! / 2 ** 32];
    return 1e-3 * Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v);
  });
}

/** A round of six, one of which vanished before its vector was complete, up to where the sum can be opened. */
function round(): ReducerLeague {
  const league = new ReducerLeague({ size: 6, seed: 'secrecy', update, config: { vectorLength, clipNorm: 10 } });
  league.fates.set(ReducerLeague.indexOf(2), 'vector');
  league.open();
  while (league.server.phase !== 'unmasking') league.server.phase === 'ready' ? league.startRound() : league.exchange();
  return league;
}

describe('what the coordinator holds of a round', () => {
  const league = round();
  const plan = league.plan!;
  const vectors = plan.survivors.map((index) => league.vectors.get(index)!);

  it('is masked vectors that all look uniform', () => {
    expect(vectors).toHaveLength(5);
    expect(uniformityOf(vectors)).toMatchObject({ rejected: false });
  });

  it('and would not, with the masks removed', () => {
    for (const index of plan.survivors)
      expect(uniformityOf([collect(quantisedTiles(league.nodes.get(index)!.contribution)).bytes])).toMatchObject({
        rejected: true,
      });
  });

  it('adds up to the exact sum only when every mask is taken away', () => {
    const exact = league.exactSum(plan.survivors);
    expect(league.openedWords(plan)).toEqual(exact);
    // Five self masks, and the pairwise masks of the vanished member with each of the five.
    expect(plan.masks).toHaveLength(10);
    for (const left of plan.masks) {
      const partial: UnmaskPlan = { ...plan, masks: plan.masks.filter((mask) => mask !== left) };
      expect(() => league.openedWords(partial)).toThrow(HansaError);
    }
  });

  it('looks uniform still when a single mask is left in the sum', () => {
    const sum = (masks: UnmaskPlan['masks']): Uint8Array => {
      const words = new Uint32Array(vectorLength);
      for (const bytes of vectors) {
        const vector = new Uint32Array(Uint8Array.from(bytes).buffer);
        for (let at = 0; at < vectorLength; at++) words[at] = words[at]! + vector[at]!;
      }
      for (const { key, sign } of masks) {
        const stream = new Uint32Array(vectorLength);
        new MaskStream(key).next(4 * vectorLength, new Uint8Array(stream.buffer), 0);
        for (let at = 0; at < vectorLength; at++) words[at] = words[at]! - sign * stream[at]!;
      }
      return new Uint8Array(words.buffer);
    };
    expect(uniformityOf([sum(plan.masks)]).rejected).toBe(true);
    for (const left of plan.masks)
      expect(uniformityOf([sum(plan.masks.filter((mask) => mask !== left))]).rejected).toBe(false);
  });
});
