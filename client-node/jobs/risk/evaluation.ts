import { setImmediate } from 'node:timers/promises';
import { HansaError } from '@hansa/shared/errors';
import { chunks, spread } from '../examples.ts';
import type { JobEvaluation } from '../job.ts';
import { allOf } from './baselines/allOf.ts';
import { logisticLogits } from './baselines/logisticRegression.ts';
import { pastRateLogits } from './baselines/pastRate.ts';
import type { OrderBatch, OrderData } from './orders.ts';
import { riskScore } from './scores/riskScore.ts';

/** Forecasts of lateness are judged by how they rank orders, and by how far their probabilities can be trusted. */
export const riskEvaluation: JobEvaluation = {
  metrics: [
    { name: 'auroc', label: 'AUROC', better: 'higher' },
    { name: 'auprc', label: 'AUPRC', better: 'higher' },
    { name: 'brier', label: 'Brier', better: 'lower' },
    { name: 'calibration', label: 'ECE', better: 'lower' },
  ],
  baselines: [
    { name: 'pastRate', label: 'past late rate' },
    { name: 'logisticRegression', label: 'logistic regression' },
  ],
  async score(data, split, answer, { limit = Number.POSITIVE_INFINITY, examplesAtOnce, signal }) {
    const orders = data[split];
    const logits: number[] = [];
    const late: number[] = [];
    for (const chunk of chunks(spread(orders.count, limit), examplesAtOnce)) {
      if (signal?.aborted) throw new HansaError('Interrupted', 'Evaluation was stopped.');
      const batch = orders.batch(chunk) as OrderBatch;
      logits.push(...(await answer(batch)));
      late.push(...batch.late);
      await setImmediate();
    }
    return riskScore(logits, late);
  },
  async scoreBaseline(data, name, signal) {
    const orders = data as OrderData;
    const { late, count } = allOf(orders.test);
    const lateOrders = late.filter((is) => is === 1).length;
    if (lateOrders === 0 || lateOrders === count) {
      throw new HansaError(
        'InvalidData',
        `Of ${count} orders promised from testFrom on, ${lateOrders} were late: forecasts cannot be told apart on them. Choose an earlier testFrom.`,
      );
    }
    const logits = name === 'pastRate' ? pastRateLogits(orders) : await logisticLogits(orders, signal);
    return riskScore(logits, late);
  },
  picture: async () => undefined,
};
