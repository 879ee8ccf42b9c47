import { architectureOf, manifestFor } from '@hansa/shared/model';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { activate, missingPart } from '../compute/engine.ts';
import { lossAndGradient, type ModelShape } from './gradient.ts';
import { initialWeights } from './initialise.ts';
import { sampleBatch } from './sampleWindows.ts';

const missing = missingPart('tfjs-node');

const norm = (values: Float32Array) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

describe.skipIf(missing !== undefined)(
  `one graph of the native engine's${missing === undefined ? '' : ` (skipped: ${missing})`}`,
  () => {
    const warnings = vi.spyOn(process, 'emitWarning').mockReturnValue(undefined);
    beforeAll(() => activate('tfjs-node'));
    afterAll(() => warnings.mockRestore());

    it.each([
      ['nano', 3],
      ['nano', 5],
      ['tiny', 4],
    ] as const)('gives the gradient of %s on %i windows that its operations give one by one', async (size, windows) => {
      const architecture = architectureOf(size);
      const shape: ModelShape = {
        architecture,
        manifest: manifestFor(architecture),
        calendar: { season: 7, horizonPeriods: 28 },
      };
      const weights = initialWeights(architecture, 1);
      const [batch, another] = [sampleBatch('graph', windows), sampleBatch('another', windows)];
      const stepOn = (of: typeof batch) => lossAndGradient(shape, weights, of);
      const before = tf.memory().numTensors;
      // The first is recorded, the second compared with its graph, the third comes from the graph alone.
      const [one, , graph] = [await stepOn(batch), await stepOn(another), await stepOn(batch)];
      expect(warnings.mock.calls).toEqual([]);
      expect(Math.abs(graph.loss - one.loss)).toBeLessThanOrEqual(1e-6 * one.loss);
      const difference = graph.gradient.map((value, at) => value - one.gradient[at]!);
      expect(norm(difference)).toBeLessThan(1e-6 * norm(one.gradient));
      const other = await stepOn(another);
      expect(norm(other.gradient.map((value, at) => value - one.gradient[at]!))).toBeGreaterThan(0);
      expect(tf.memory().numTensors).toBe(before);
    });
  },
);
