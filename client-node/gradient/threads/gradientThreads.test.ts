import { architectureAround, architectureOf, manifestFor, placeOf } from '@hansa/shared/model';
import { MOST_TEXTS } from '@hansa/shared/model/jobs/risk';
import { layOut } from '@hansa/shared/numeric';
import { seededNumbers } from '@hansa/shared/random';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activate } from '../../engines/engine.ts';
import { sampleBatch } from '../../jobs/demand/sample.ts';
import { TOKENS } from '../../jobs/risk/orders.ts';
import { sampleOrders } from '../../jobs/risk/sample.ts';
import { initialWeights } from '../../model/initialise.ts';
import { release } from '../frozenWeights.ts';
import { lossAndGradient, type ModelShape } from '../gradient.ts';
import { GradientThreads } from './gradientThreads.ts';

const architecture = architectureOf('nano');
const shape = (): ModelShape => ({
  architecture,
  manifest: manifestFor(architecture),
  job: 'demand',
});
const weightsOf = (seed: number) => {
  const numbers = seededNumbers(`threads/${seed}`);
  return initialWeights(architecture, seed).map((weight) => weight + 0.1 * numbers.truncatedNormal());
};

function relativeError(found: Float32Array, expected: Float32Array): number {
  const norm = (values: Float32Array) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  return norm(found.map((value, at) => value - expected[at]!)) / norm(expected);
}

describe('gradient threads', () => {
  let threads: GradientThreads;
  beforeAll(async () => {
    await activate('wasm');
    threads = new GradientThreads(2);
  });
  afterAll(() => threads.close());

  it.each([1, 2, 3])('give what one thread gives, in %i parts, and the same bits every time', async (parts) => {
    const one = shape();
    // No part is as long as another.
    for (const [seed, count] of [
      [1, 10],
      [2, 4],
    ] as const) {
      const batch = sampleBatch(`threads/${seed}`, count);
      const weights = weightsOf(seed);
      const expected = await lossAndGradient(one, weights, batch);
      const { loss, gradient } = await threads.lossAndGradient(one, weights, batch, parts);
      const found = { loss, gradient: gradient.slice() };
      expect(found.loss).toBeCloseTo(expected.loss, 6);
      expect(relativeError(found.gradient, expected.gradient)).toBeLessThan(2e-6);
      expect(await threads.lossAndGradient(one, weights, batch, parts)).toEqual(found);
    }
  });

  it('see the model they are asked about', async () => {
    const batch = sampleBatch('threads', 6);
    const tiny = architectureOf('tiny');
    const other: ModelShape = { architecture: tiny, job: 'demand', manifest: manifestFor(tiny) };
    const found = [];
    for (const [one, weights] of [
      [shape(), weightsOf(3)],
      [other, initialWeights(tiny, 3)],
    ] as const) {
      found.push(await threads.lossAndGradient(one, weights, batch, 3));
      expect(relativeError(found.at(-1)!.gradient, (await lossAndGradient(one, weights, batch)).gradient)).toBeLessThan(
        2e-6,
      );
    }
    expect(found[0]!.loss).not.toBe(found[1]!.loss);
  });

  it('are given what is frozen, and let go of it with the next model', async () => {
    const batch = sampleBatch('threads', 6);
    const all = weightsOf(1);
    const manifest = manifestFor(architecture);
    const heads = manifest.find(({ name }) => placeOf(name)?.segment === 'head')!.offset;
    const isHead = ({ name }: { name: string }) => placeOf(name)?.segment === 'head';
    for (const seed of [1, 2]) {
      const vector = new Float32Array(new SharedArrayBuffer(4 * heads));
      vector.set(weightsOf(seed).subarray(0, heads));
      const frozen = { manifest: manifest.filter((entry) => !isHead(entry)), vector };
      const headOnly: ModelShape = { ...shape(), manifest: layOut(manifest.filter(isHead)), frozen: [frozen] };
      const weights = all.slice(heads);
      const found = await threads.lossAndGradient(headOnly, weights, batch, 3);
      const whole = new Float32Array(all);
      whole.set(vector);
      const expected = await lossAndGradient(shape(), whole, batch);
      expect(found.loss).toBeCloseTo(expected.loss, 6);
      expect(relativeError(found.gradient, expected.gradient.slice(heads))).toBeLessThan(2e-6);
      release(frozen);
    }
  });

  it('look up words where this thread has them', async () => {
    const vocabularySize = 30;
    const reading = architectureAround(architecture.encoder, ['risk'], { vocabularySize, pooling: 'mean' });
    const manifest = manifestFor(reading).slice(1);
    const all = initialWeights(reading, 1).map((weight, at) => weight + 0.1 * Math.sin(at));
    const words = new Float32Array(new SharedArrayBuffer(4 * manifest[0]!.offset));
    words.set(all.subarray(0, words.length));
    const weights = all.slice(words.length);
    const one: ModelShape = { architecture: reading, job: 'risk', manifest: layOut(manifest), words };
    const tokens = Int32Array.from({ length: 6 * MOST_TEXTS * TOKENS }, (_, at) => (at * 7) % vocabularySize);
    const batch = { ...sampleOrders('threads', 6).batch([0, 1, 2, 3, 4, 5]), tokens };
    const expected = await lossAndGradient(one, weights, batch);
    const found = await threads.lossAndGradient(one, weights, batch, 3);
    expect(found.loss).toBeCloseTo(expected.loss, 6);
    expect(relativeError(found.gradient, expected.gradient)).toBeLessThan(2e-6);
  });

  it('pass on what is wrong with a batch, and go on', async () => {
    const batch = sampleBatch('threads', 6);
    await expect(
      threads.lossAndGradient(shape(), weightsOf(1), { ...batch, futurePatches: 9 }, 2),
    ).rejects.toBeInstanceOf(RangeError);
    const one = shape();
    const found = await threads.lossAndGradient(one, weightsOf(1), batch, 2);
    expect(relativeError(found.gradient, (await lossAndGradient(one, weightsOf(1), batch)).gradient)).toBeLessThan(
      2e-6,
    );
  });

  it('end in a named error when they are closed', async () => {
    const closed = new GradientThreads(1);
    const work = closed.lossAndGradient(shape(), weightsOf(1), sampleBatch('threads', 4), 2);
    await closed.close();
    await expect(work).rejects.toMatchObject({ code: 'ProcessFailed' });
    await expect(closed.lossAndGradient(shape(), weightsOf(1), sampleBatch('threads', 4), 2)).rejects.toMatchObject({
      code: 'ProcessFailed',
    });
  });
});
