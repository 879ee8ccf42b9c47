import { HansaError } from '@hansa/shared/errors';
import { architectureOf, type ModelSize, manifestFor } from '@hansa/shared/model';
import { beforeAll, describe, expect, it } from 'vitest';
import { activate } from '../../engines/engine.ts';
import { sampleBatch } from '../../jobs/demand/sample.ts';
import type { Batch } from '../../jobs/examples.ts';
import { initialWeights } from '../../model/initialise.ts';
import { lossAndGradient, type ModelShape } from '../gradient.ts';
import { gradientMaker } from './trainingGradient.ts';

const modelOf = (size: ModelSize): { shape: ModelShape; weights: Float32Array } => {
  const architecture = architectureOf(size);
  return {
    shape: { architecture, job: 'demand', manifest: manifestFor(architecture) },
    weights: initialWeights(architecture, 1),
  };
};
const tiny = modelOf('tiny');
const nano = modelOf('nano');

/** Threads that only tell how they were asked. */
function observed(fault?: Error) {
  const asked: { threads: number; parts: number }[] = [];
  let closed = 0;
  return {
    asked,
    closed: () => closed,
    start: (threads: number) => ({
      lossAndGradient: async (shape: ModelShape, weights: Float32Array, batch: Batch, parts: number) => {
        asked.push({ threads, parts });
        if (fault !== undefined) throw fault;
        return lossAndGradient(shape, weights, batch);
      },
      close: async () => {
        closed += 1;
      },
    }),
  };
}
describe('trainingGradient', () => {
  beforeAll(() => activate('wasm'));

  it('has a part for each core, four at most, of four windows at least', async () => {
    const { asked, start } = observed();
    for (const [cores, windows] of [
      [2, 8],
      [3, 9],
      [16, 16],
      [1, 16],
      [4, 7],
    ] as const) {
      await gradientMaker({ cores, start })(tiny.shape, tiny.weights, sampleBatch('parts', windows));
    }
    expect(asked).toEqual([
      { threads: 1, parts: 2 },
      { threads: 2, parts: 2 },
      { threads: 3, parts: 4 },
    ]);
  });

  it('leaves small models and other engines to one core', async () => {
    const { asked, start } = observed();
    const batch = sampleBatch('parts', 8);
    await gradientMaker({ cores: 2, start })(nano.shape, nano.weights, batch);
    await activate('cpu');
    await gradientMaker({ cores: 2, start })(tiny.shape, tiny.weights, sampleBatch('parts', 8));
    await activate('wasm');
    expect(asked).toEqual([]);
  });

  it('goes on alone where threads fail, and tries them no more', async () => {
    const { asked, closed, start } = observed(new HansaError('ProcessFailed', 'A thread has ended.'));
    const batch = sampleBatch('parts', 8);
    const gradientOf = gradientMaker({ cores: 2, start });
    const expected = await lossAndGradient(tiny.shape, tiny.weights, batch);
    for (let step = 0; step < 2; step++) expect(await gradientOf(tiny.shape, tiny.weights, batch)).toEqual(expected);
    expect(asked).toHaveLength(1);
    expect(closed()).toBe(1);
  });

  it('passes on every other fault', async () => {
    const fault = new RangeError('the batch does not fit');
    const { start } = observed(fault);
    const gradientOf = gradientMaker({ cores: 2, start });
    await expect(gradientOf(tiny.shape, tiny.weights, sampleBatch('parts', 8))).rejects.toBe(fault);
  });
});
