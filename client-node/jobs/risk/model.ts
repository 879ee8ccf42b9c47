import type { JobModel } from '../job.ts';
import { riskEvaluation } from './evaluation.ts';
import { forecastLateness } from './forward.ts';
import { type RiskInputs, type RiskTargets, riskInputs, riskTargets } from './inputs.ts';
import { riskLoss } from './loss.ts';
import type { OrderBatch } from './orders.ts';
import { sampleOrders } from './sample.ts';

/** Whether each order will be late: [n, 1] logits. */
export const riskModel: JobModel<OrderBatch, RiskInputs, RiskTargets> = {
  inputs: riskInputs,
  targets: riskTargets,
  forward: forecastLateness,
  loss: riskLoss,
  sample: sampleOrders,
  evaluation: riskEvaluation,
};
