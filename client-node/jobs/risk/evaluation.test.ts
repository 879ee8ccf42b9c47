import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { scratch } from '../../data/scratch.ts';
import type { Batch } from '../examples.ts';
import { allOf } from './baselines/allOf.ts';
import { pastRateLogits } from './baselines/pastRate.ts';
import { riskEvaluation } from './evaluation.ts';
import { loadOrders } from './load/loadOrders.ts';
import { HEADER, lateOrders, riskConfig } from './load/orderFixtures.ts';
import type { OrderBatch } from './orders.ts';

let room: Awaited<ReturnType<typeof scratch>>;
beforeEach(async () => {
  room = await scratch();
});
afterEach(() => room.remove());

const load = async (lines: readonly string[], changes: { carrier?: string } = {}) => {
  await room.write('orders.csv', [HEADER, ...lines].join('\n'));
  return loadOrders(riskConfig(changes), room.folder);
};
const orders = lateOrders('evaluation');

describe('the evaluation of risk', () => {
  it('scores the answers to a split, in its order', async () => {
    const data = await load(orders);
    const { score } = riskEvaluation;
    const perfect = async (batch: Batch) => (batch as OrderBatch).late.map((is) => 20 * is - 10);
    const best = await score(data, 'test', perfect, { examplesAtOnce: 7 });
    expect(best.values).toMatchObject({ auroc: 1, auprc: 1 });
    expect(best.values.brier).toBeLessThan(1e-6);
    const base = await score(data, 'test', async (batch) => (batch as OrderBatch).base, {
      examplesAtOnce: 7,
    });
    expect(base.values.auroc).toBe(0.5);
    expect(base.loss).toBeGreaterThan(best.loss);
    expect(best.changeFrom(base)?.change).toBeCloseTo(1, 9);
    const few = await score(data, 'validation', perfect, { examplesAtOnce: 64, limit: 3 });
    expect(few.values.brier).toBeLessThan(1e-6);
  });

  it("has baselines that see the vendor's past, of which the regression knows more than the rate", async () => {
    const data = await load(orders);
    const signal = new AbortController().signal;
    const scores = await riskEvaluation.scoreBaselines(data, 'test', signal);
    const [rate, regression] = [scores.get('pastRate')!, scores.get('logisticRegression')!];
    expect(rate.values.auroc).toBeGreaterThan(0.65);
    expect(regression.values.auroc).toBeGreaterThan(rate.values.auroc!);
    expect(regression.loss).toBeLessThan(rate.loss);
  });

  it('takes the past late rate of the category that does best on validation, unless the configuration names one', async () => {
    const chosen = pastRateLogits(await load(orders));
    expect(chosen).toEqual(pastRateLogits(await load(orders, { carrier: 'vendor' })));
    const byMode = pastRateLogits(await load(orders, { carrier: 'mode' }));
    expect(byMode).not.toEqual(chosen);
    const { running, pastRates, count } = allOf((await load(orders)).test);
    for (let order = 0; order < count; order++) {
      expect(byMode[order]).toBeCloseTo(running[order]! + pastRates[2 * order]!, 6);
    }
  });

  it('says that a hold-out without late orders tells nothing, and stops when it is asked to', async () => {
    const cells = orders.map((line) => line.split(','));
    const onTime = await load(cells.map((row) => (row[2]! < '2024-07-01' ? row : row.with(3, row[2]!)).join(',')));
    await expect(riskEvaluation.scoreBaselines(onTime, 'test', undefined)).rejects.toMatchObject({
      code: 'InvalidData',
      message: expect.stringContaining('0 were late'),
    });
    const data = await load(orders);
    const stopped = AbortSignal.abort();
    await expect(riskEvaluation.scoreBaselines(data, 'test', stopped)).rejects.toMatchObject({
      code: 'Interrupted',
    });
  });
});
