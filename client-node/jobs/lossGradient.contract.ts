import { seededNumbers } from '@hansa/shared/random';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { activate, engineNames, missingPart } from '../engines/engine.ts';
import { answersOf, lossAndGradient, lossOf, type ModelShape } from '../gradient/gradient.ts';
import type { Batch } from './examples.ts';

/** The engines whose parts are here. */
export const enginesHere = engineNames.filter((name) => missingPart(name) === undefined);

export const norm = (values: ArrayLike<number>): number =>
  Math.sqrt(Array.from(values).reduce((sum, value) => sum + value * value, 0));

/** Weights some way from the start, where many gradients are nearly 0. */
export function awayFrom(start: Float32Array): Float32Array {
  const numbers = seededNumbers('away');
  return start.map((weight) => weight + 0.3 * numbers.truncatedNormal());
}

/** What holds for the loss of every job, on every engine. */
export function lossGradientContract(shape: ModelShape, weights: Float32Array, batch: Batch): void {
  let onCpu: { loss: number; gradient: Float32Array };
  beforeAll(async () => {
    await activate('cpu');
    onCpu = await lossAndGradient(shape, weights, batch);
  });

  describe.each(enginesHere)('on %s', (engine) => {
    beforeAll(() => activate(engine, { withoutCard: true }));

    it('gives the loss and the gradient of tfjs-cpu', async () => {
      const found = await lossAndGradient(shape, weights, batch);
      expect(found.loss).toBeCloseTo(onCpu.loss, 5);
      expect(await lossOf(shape, weights, batch)).toBeCloseTo(onCpu.loss, 5);
      const difference = found.gradient.map((value, index) => value - onCpu.gradient[index]!);
      expect(norm(difference)).toBeLessThan(1e-5 * norm(onCpu.gradient));
    });

    it('gives a gradient that finite differences confirm, along random directions and the gradient itself', async () => {
      const directions = [1, 2, 3].map((seed) => {
        const drawn = seededNumbers(`direction ${seed}`);
        return weights.map(() => drawn.truncatedNormal());
      });
      for (const direction of [...directions, onCpu.gradient]) {
        const step = 3e-3 / norm(direction);
        const moved = (by: number) =>
          lossOf(
            shape,
            weights.map((weight, index) => weight + by * direction[index]!),
            batch,
          );
        const slope = ((await moved(step)) - (await moved(-step))) / (2 * step);
        const expected = onCpu.gradient.reduce((sum, value, index) => sum + value * direction[index]!, 0);
        expect(Math.abs(slope - expected)).toBeLessThan(0.02 * norm(onCpu.gradient) * norm(direction) + 1e-6);
      }
    });

    it('leaves no tensor behind', async () => {
      const before = tf.memory().numTensors;
      await lossAndGradient(shape, weights, batch);
      await answersOf(shape, weights, batch);
      await lossOf(shape, weights, batch);
      expect(tf.memory().numTensors).toBe(before);
    });
  });
}
