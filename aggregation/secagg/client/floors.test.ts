import { describe, expect, it } from 'vitest';
import type { CohortView } from '../cohortView.ts';
import { checkHolders } from './floors.ts';

const cohort: CohortView = {
  hash: new Uint8Array(32),
  signature: new Uint8Array(64),
  order: [1, 2, 3, 4, 5, 6, 7],
  members: new Map(),
  thresholds: { holders: 4, threshold: 3, quorum: 4, minSurvivors: 4 },
};

describe('the holders that a set of members leaves to a node', () => {
  const holders = new Set([2, 3, 5, 7]);

  it('must be as many as rebuild its secrets, however large the set is', () => {
    expect(() => checkHolders({ cohort, holders }, 'U2', [1, 2, 3, 5])).not.toThrow();
    expect(() => checkHolders({ cohort, holders }, 'U2', [1, 2, 3, 4, 6])).toThrow(
      expect.objectContaining({ code: 'TooFewSurvivors' }),
    );
  });
});
