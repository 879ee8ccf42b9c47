import { type Architecture, architectureOf, manifestFor } from '@hansa/shared/model';
import { MOST_CATEGORIES, MOST_NUMBERS } from '@hansa/shared/model/jobs/risk';
import { localTrainingSchema } from '@hansa/shared/protocol';
import { beforeAll, describe, expect, it } from 'vitest';
import { activate } from '../../engines/engine.ts';
import { answersOf, lossAndGradient, lossOf, type ModelShape } from '../../gradient/gradient.ts';
import { initialWeights } from '../../model/initialise.ts';
import { trainLocally } from '../../training/localTraining.ts';
import { rowsOf } from '../examples.ts';
import { awayFrom, lossGradientContract, norm } from '../lossGradient.contract.ts';
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
const weights = awayFrom(start);

lossGradientContract(shape, weights, batch);

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
