import type { RoundRecord } from '@hansa/shared/protocol';
import { describe, expect, it } from 'vitest';
import { chosenRate, pilotOf } from './pilots.ts';
import type { Training } from './train.ts';

const training = (...rounds: Partial<RoundRecord>[]): Training => ({ rounds }) as unknown as Training;

describe('a pilot', () => {
  it('tells the validation loss of its last committed round', () => {
    const rounds = [
      { outcome: 'committed', validationLoss: 0.5 },
      { outcome: 'abandoned' },
      { outcome: 'committed', validationLoss: 0.4 },
      { outcome: 'abandoned' },
    ] as const;
    expect(pilotOf(0.001, training(...rounds))).toMatchObject({ learningRate: 0.001, validationLoss: 0.4 });
    expect(() => pilotOf(0.001, training({ outcome: 'abandoned' }))).toThrow('no validation loss');
  });

  it('wins by the lowest loss, the first of equals; without pilots there is nothing to choose', () => {
    const pilot = (learningRate: number, validationLoss: number) => ({
      learningRate,
      validationLoss,
      training: training(),
    });
    expect(chosenRate([pilot(0.001, 0.3), pilot(0.003, 0.2), pilot(0.01, 0.2)], 1)).toBe(0.003);
    expect(chosenRate([], 0.02)).toBe(0.02);
  });
});
