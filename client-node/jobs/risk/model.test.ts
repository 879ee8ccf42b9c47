import { type Architecture, architectureOf, manifestFor } from '@hansa/shared/model';
import { MOST_CATEGORIES, MOST_NUMBERS } from '@hansa/shared/model/jobs/risk';
import { localTrainingSchema } from '@hansa/shared/protocol';
import { seededNumbers } from '@hansa/shared/random';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { activate, engineNames, missingPart } from '../../engines/engine.ts';
import { answersOf, lossAndGradient, lossOf, type ModelShape } from '../../gradient/gradient.ts';
import { initialWeights } from '../../model/initialise.ts';
import { trainLocally } from '../../training/localTraining.ts';
import { rowsOf } from '../examples.ts';
import { type OrderBatch, WORDS } from './orders.ts';
import { sampleOrders } from './sample.ts';
import { auroc } from './scores/ranking.ts';
import { crossEntropy } from './scores/riskScore.ts';

const architecture: Architecture = {
  ...architectureOf('nano', ['risk']),
  encoder: { hiddenSize: 8, layers: 2, attentionHeads: 2, feedForwardSize: 16, positions: 32 },
};
const shape: ModelShape = { architecture, job: 'risk', manifest: manifestFor(architecture) };
const all = (seed: string, count: number): OrderBatch => sampleOrders(seed, count).batch([...Array(count).keys()]);
const batch = all('model', 6);
const start = initialWeights(architecture, 1);
// Away from the start, where many gradients are nearly 0.
const numbers = seededNumbers('away');
const weights = start.map((weight) => weight + 0.3 * numbers.truncatedNormal());

const norm = (values: ArrayLike<number>): number =>
  Math.sqrt(Array.from(values).reduce((sum, value) => sum + value * value, 0));

let onCpu: { loss: number; gradient: Float32Array };
beforeAll(async () => {
  await activate('cpu');
  onCpu = await lossAndGradient(shape, weights, batch);
});

describe.each(engineNames.filter((name) => missingPart(name) === undefined))('on %s', (engine) => {
  beforeAll(() => activate(engine, { withoutCard: true }));

  it('gives the loss and the gradient of tfjs-cpu, and leaves no tensor behind', async () => {
    const before = tf.memory().numTensors;
    const found = await lossAndGradient(shape, weights, batch);
    expect(tf.memory().numTensors).toBe(before);
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
});

describe('the risk model', () => {
  beforeAll(() => activate('wasm'));

  it("answers with each merchant's own share of late orders before it has learned anything", async () => {
    expect([...(await answersOf(shape, start, batch))]).toEqual([...batch.base]);
  });

  it('has the mean weighted cross-entropy of its answers as its loss', async () => {
    const logits = await answersOf(shape, weights, batch);
    const expected = logits.reduce(
      (sum, logit, order) => sum + (batch.weight[order]! * crossEntropy(logit, batch.late[order]!)) / batch.count,
      0,
    );
    expect(await lossOf(shape, weights, batch)).toBeCloseTo(expected, 5);
  });

  it('stays finite for logits far off', async () => {
    const far = { ...batch, base: batch.base.map((_, order) => (order % 2 === 0 ? 500 : -500)) };
    const { loss, gradient } = await lossAndGradient(shape, start, far);
    expect(Number.isFinite(loss) && gradient.every(Number.isFinite)).toBe(true);
  });

  it('has gradients of halves that add up to that of the whole', async () => {
    const whole = (await lossAndGradient(shape, weights, batch)).gradient.slice();
    const [first, second] = [rowsOf(batch, 0, 3), rowsOf(batch, 3, 6)];
    const one = (await lossAndGradient(shape, weights, first)).gradient.slice();
    const other = (await lossAndGradient(shape, weights, second)).gradient;
    const difference = whole.map((value, index) => value - (one[index]! + other[index]!) / 2);
    expect(norm(difference)).toBeLessThan(1e-5 * norm(whole));
  });

  it('takes orders with fewer columns, even none of a kind, and refuses those with more', async () => {
    const none = { numbers: new Float32Array(0), present: new Float32Array(0), words: new Int32Array(0) };
    const few: OrderBatch = { ...batch, ...none };
    const bare: OrderBatch = {
      ...batch,
      categories: new Int32Array(0),
      pastRates: new Float32Array(0),
      pastCounts: new Float32Array(0),
      words: new Int32Array(0),
    };
    for (const orders of [few, bare]) {
      const { loss, gradient } = await lossAndGradient(shape, weights, orders);
      expect(loss).toBeGreaterThan(0);
      expect(gradient.every(Number.isFinite)).toBe(true);
    }
    const wide = (MOST_NUMBERS + 1) * batch.count;
    const many = { ...batch, numbers: new Float32Array(wide), present: new Float32Array(wide) };
    await expect(lossOf(shape, weights, many)).rejects.toThrow(
      new RangeError(`the model takes ${MOST_NUMBERS} numbers, ${MOST_CATEGORIES} categories and 4 texts`),
    );
  });

  it('reads every column: a change of any one changes the answers', async () => {
    const before = await answersOf(shape, weights, batch);
    const changed: Partial<OrderBatch>[] = [
      { numbers: batch.numbers.map((value) => value + 1) },
      { present: batch.present.map((is) => 1 - is) },
      { categories: batch.categories.map((hash) => hash ^ 1) },
      { pastRates: batch.pastRates.map((rate) => rate + 1) },
      { pastCounts: batch.pastCounts.map((of) => of + 1) },
      { words: new Int32Array(batch.words.length).map((_, at) => (at % WORDS === 0 ? at : -1)) },
      { order: batch.order.map((value) => value + 1) },
      { base: batch.base.map((value) => value + 1) },
    ];
    for (const change of changed) {
      const after = await answersOf(shape, weights, { ...batch, ...change });
      expect(norm(after.map((value, order) => value - before[order]!))).toBeGreaterThan(1e-3);
    }
  });

  it('learns what makes orders late, ranks others by it, and is calibrated on them', async () => {
    const training = localTrainingSchema.parse({ steps: 120, batchSize: 64, learningRate: 0.02, warmupSteps: 2 });
    const plan = { training, fall: 'cosine' as const, seed: '1', fullBatch: false };
    const trained = await trainLocally(shape, start, sampleOrders('learned', 1500), plan);
    const others = all('others', 500);
    const logits = await answersOf(shape, trained.weights, others);
    expect(auroc(logits, others.late)).toBeGreaterThan(0.75);
    expect(await lossOf(shape, trained.weights, others)).toBeLessThan(0.9 * (await lossOf(shape, start, others)));
  });
});
