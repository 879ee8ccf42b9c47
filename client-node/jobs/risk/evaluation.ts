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
    {
      name: 'auroc',
      label: 'AUROC',
      better: 'higher',
      meaning: 'how often a late order is ranked above a punctual one: 0.5 is chance, 1 is perfect',
    },
    {
      name: 'auprc',
      label: 'AUPRC',
      better: 'higher',
      meaning:
        'how many of the orders that are ranked highest are late, on average: chance is the share of late orders',
    },
    {
      name: 'brier',
      label: 'Brier',
      better: 'lower',
      meaning: 'mean square of the distance between the probability of lateness and what came',
    },
    {
      name: 'calibration',
      label: 'ECE',
      better: 'lower',
      meaning: 'by how much the probabilities of lateness are off, on average over groups of like ones',
    },
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
  async scoreBaselines(data, split, signal) {
    const orders = data as OrderData;
    const { late, count } = allOf(orders[split]);
    const lateOrders = late.filter((is) => is === 1).length;
    if (split === 'test' && (lateOrders === 0 || lateOrders === count)) {
      throw new HansaError(
        'InvalidData',
        `Of ${count} orders promised from testFrom on, ${lateOrders} were late: forecasts cannot be told apart on them. Choose an earlier testFrom.`,
      );
    }
    return new Map([
      ['pastRate', riskScore(pastRateLogits(orders, split), late)],
      ['logisticRegression', riskScore(await logisticLogits(orders, split, signal), late)],
    ]);
  },
  picture: async () => undefined,
};
