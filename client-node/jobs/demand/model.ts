import type { JobModel } from '../job.ts';
import { demandEvaluation } from './evaluation.ts';
import { demandForecaster } from './forecaster.ts';
import { forecastDemand } from './forward.ts';
import { demandLoss } from './head.ts';
import { type DemandInputs, type DemandTargets, demandInputs, demandTargets } from './inputs.ts';
import { sampleWindows } from './sample.ts';
import type { WindowBatch } from './windows.ts';

/** Quantiles and mean of what each item will sell: [n · F · 14, 14] in units of each window's scale. */
export const demandModel: JobModel<WindowBatch, DemandInputs, DemandTargets> = {
  inputs: demandInputs,
  targets: demandTargets,
  forward: forecastDemand,
  loss: demandLoss,
  sample: sampleWindows,
  evaluation: demandEvaluation,
  forecaster: demandForecaster,
};
