import { architectureOf, manifestFor } from '@hansa/shared/model';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { activate, missingPart } from '../compute/engine.ts';
import { lossAndGradient, type ModelShape } from './gradient.ts';
import { initialWeights } from './initialise.ts';
import { sampleBatch } from './sampleWindows.ts';

const missing = missingPart('tfjs-node');

const cases = (
  [
    ['nano', 3],
    ['nano', 5],
    ['tiny', 4],
  ] as const
).map(([size, windows]) => {
  const architecture = architectureOf(size);
  const shape: ModelShape = {
    architecture,
    manifest: manifestFor(architecture),
    calendar: { season: 7, horizonPeriods: 28 },
  };
  const weights = initialWeights(architecture, 1);
  const batches = ['one', 'another', 'a third'].map((seed) => sampleBatch(seed, windows));
  return { size, windows, gradients: () => batches.map((batch) => lossAndGradient(shape, weights, batch)) };
});

/** |a − b| / |b| */
function difference(a: Float32Array, b: Float32Array): number {
  const norm = (values: Float32Array) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  return norm(a.map((value, at) => value - b[at]!)) / norm(b);
}

describe.skipIf(missing !== undefined)(
  `one graph of the native engine's${missing === undefined ? '' : ` (skipped: ${missing})`}`,
  () => {
    const warnings = vi.spyOn(process, 'emitWarning').mockReturnValue(undefined);
    let onWasm: readonly ReturnType<typeof lossAndGradient>[][];
    beforeAll(async () => {
      await activate('wasm');
      onWasm = cases.map(({ gradients }) => gradients());
      await activate('tfjs-node');
    });
    afterAll(() => warnings.mockRestore());

    it.each(cases.map(({ size, windows, gradients }, at) => ({ size, windows, gradients, at })))(
      'gives the gradient of $size on $windows windows',
      ({ gradients, at }) => {
        const before = tf.memory().numTensors;
        // Twice through: the graph proves itself on the first two batches, and is all there is afterwards.
        for (const found of [gradients(), gradients()]) {
          found.forEach(({ loss, gradient }, batch) => {
            const expected = onWasm[at]![batch]!;
            expect(Math.abs(loss - expected.loss)).toBeLessThan(1e-5 * expected.loss);
            expect(difference(gradient, expected.gradient)).toBeLessThan(1e-5);
          });
        }
        // It would have warned if a gradient had been more than 1e-6 off what its operations give one by one.
        expect(warnings.mock.calls).toEqual([]);
        expect(tf.memory().numTensors).toBe(before);
      },
    );
  },
);
