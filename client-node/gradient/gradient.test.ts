import { architectureOf, type ModelSize, manifestFor, placeOf } from '@hansa/shared/model';
import { layOut, type TensorEntry } from '@hansa/shared/numeric';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { activate, missingPart } from '../engines/engine.ts';
import { sampleBatch } from '../jobs/demand/sample.ts';
import { initialWeights } from '../model/initialise.ts';
import { release } from './frozenWeights.ts';
import { lossAndGradient, type ModelShape } from './gradient.ts';

const missing = missingPart('tfjs-node');

/** A model of which everything is trained, or the heads alone. */
function modelOf(size: ModelSize, trained: 'everything' | 'the heads'): { shape: ModelShape; weights: Float32Array } {
  const architecture = architectureOf(size);
  const job = 'demand';
  const manifest = manifestFor(architecture);
  const weights = initialWeights(architecture, 1);
  if (trained === 'everything') return { shape: { architecture, job, manifest }, weights };
  const heads = manifest.find(({ name }) => placeOf(name)?.segment === 'head')!.offset;
  const isHead = ({ name }: TensorEntry) => placeOf(name)?.segment === 'head';
  const frozen = { manifest: manifest.filter((entry) => !isHead(entry)), vector: weights.slice(0, heads) };
  return {
    shape: { architecture, job, manifest: layOut(manifest.filter(isHead)), frozen: [frozen] },
    weights: weights.slice(heads),
  };
}

const cases = (
  [
    ['nano', 'everything', 3],
    ['nano', 'everything', 5],
    ['nano', 'the heads', 3],
    ['tiny', 'everything', 4],
  ] as const
).map(([size, trained, windows]) => {
  const { shape, weights } = modelOf(size, trained);
  const batches = ['one', 'another', 'a third'].map((seed) => sampleBatch(seed, windows));
  const gradients = async () => {
    const found: Awaited<ReturnType<typeof lossAndGradient>>[] = [];
    for (const batch of batches) found.push(await lossAndGradient(shape, weights, batch));
    return found;
  };
  return { size, trained, windows, gradients, release: () => shape.frozen?.forEach(release) };
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
    const onWasm: Awaited<ReturnType<typeof lossAndGradient>>[][] = [];
    beforeAll(async () => {
      await activate('wasm');
      for (const { gradients, release } of cases) {
        onWasm.push(await gradients());
        release();
      }
      await activate('tfjs-node');
    });
    afterAll(() => warnings.mockRestore());

    it.each(cases.map((one, at) => ({ ...one, at })))(
      'gives the gradient of $trained of $size on $windows windows',
      async ({ gradients, release, at }) => {
        const before = tf.memory().numTensors;
        // Twice through: the graph proves itself on the first two batches, and is all there is afterwards.
        for (const found of [await gradients(), await gradients()]) {
          found.forEach(({ loss, gradient }, batch) => {
            const expected = onWasm[at]![batch]!;
            expect(Math.abs(loss - expected.loss)).toBeLessThan(1e-5 * expected.loss);
            expect(difference(gradient, expected.gradient)).toBeLessThan(1e-5);
          });
        }
        // It would have warned if a gradient had been more than 1e-6 off what its operations give one by one.
        expect(warnings.mock.calls).toEqual([]);
        release();
        expect(tf.memory().numTensors).toBe(before);
      },
    );
  },
);
