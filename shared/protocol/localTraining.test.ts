import { describe, expect, it } from 'vitest';
import { learningRateOfRound, localTrainingSchema } from './localTraining.ts';

const training = (decay?: object) =>
  localTrainingSchema.parse({ steps: 1, batchSize: 1, learningRate: 0.4, ...(decay && { decay }) });
const rates = (decay: object | undefined, rounds: number) =>
  Array.from({ length: rounds }, (_, place) => learningRateOfRound(training(decay), place + 1, rounds));

describe('learningRateOfRound', () => {
  it('stays the same without a decay', () => expect(rates(undefined, 3)).toEqual([0.4, 0.4, 0.4]));

  it('falls along half a cosine to its floor', () => {
    const [first, middle, last] = rates({ kind: 'cosine', floor: 0.5 }, 3);
    expect(first).toBe(0.4);
    expect(middle).toBeCloseTo(0.3, 12);
    expect(last).toBeCloseTo(0.2, 12);
    expect(rates({ kind: 'cosine' }, 1)).toEqual([0.4]);
  });

  it('falls in steps', () => {
    expect(rates({ kind: 'step', everyRounds: 2, factor: 0.5 }, 5)).toEqual([0.4, 0.4, 0.2, 0.2, 0.1]);
  });

  it('has the last round’s rate beyond it', () => {
    for (const decay of [{ kind: 'cosine' }, { kind: 'step', everyRounds: 1 }]) {
      const [, last] = rates(decay, 2);
      expect(learningRateOfRound(training(decay), 7, 2)).toBe(last);
    }
  });
});
