import type { AcknowledgeShares } from '@hansa/shared/protocol/secagg';
import { describe, expect, it } from 'vitest';
import { bitsOf, type CohortView } from '../cohortView.ts';
import { sharersOf } from './acknowledgeShares.ts';

const order = [1, 2, 3, 4, 5];

const cohort: CohortView = {
  hash: new Uint8Array(32),
  signature: new Uint8Array(64),
  order,
  members: new Map(),
  thresholds: { holders: 5, threshold: 3, quorum: 3, minSurvivors: 3 },
};

const sharers = (accepted: Readonly<Record<number, readonly number[]>>, dropped: readonly number[] = []) =>
  sharersOf({
    cohort,
    dropped: new Set(dropped),
    acks: new Map(
      Object.entries(accepted).map(([holder, dealers]): [number, AcknowledgeShares] => [
        Number(holder),
        {
          sid: new Uint8Array(32),
          index: Number(holder),
          cohortHash: cohort.hash,
          accepted: bitsOf(cohort, dealers),
          signature: new Uint8Array(64),
        },
      ]),
    ),
  });

describe('U2', () => {
  it('is everybody whose shares enough holders keep, and who has acknowledged', () => {
    expect(sharers({ 1: order, 2: order, 3: order, 4: order, 5: order })).toEqual(order);
    expect(sharers({ 1: order, 2: order, 4: order })).toEqual([1, 2, 4]);
    expect(sharers({ 1: order, 2: order, 3: order, 4: order }, [3])).toEqual([1, 2, 4]);
  });

  it('counts no acceptance of a holder that is out itself', () => {
    // Nobody but itself accepts 5; without 5 only two accept 4.
    expect(sharers({ 1: [1, 2, 3], 2: [1, 2, 3], 3: [1, 2, 3, 4], 4: [1, 2, 3, 4], 5: [4, 5] })).toEqual([1, 2, 3]);
  });
});
