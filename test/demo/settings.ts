import type { ModelSize } from '@hansa/shared/model';
import { type TaskFile, taskFileSchema } from '@hansa/shared/protocol';
import type { DemoOptions } from './options.ts';

/** How much each merchant trains. */
export interface TrainingSettings {
  readonly localSteps: number;
  readonly fineTuneSteps: number;
  readonly batchSize: number;
  readonly warmupSteps: number;
  /** Of the rounds. */
  readonly learningRate: number;
  /** What local-only and fine-tuning choose from on each merchant's own validation windows. */
  readonly learningRates: readonly number[];
  readonly clipNorm: number;
}

/** Set on validation, never on the hold-out; the same for every world and data set. */
export const standardTraining: TrainingSettings = {
  localSteps: 40,
  fineTuneSteps: 40,
  batchSize: 32,
  warmupSteps: 4,
  learningRate: 0.001,
  learningRates: [0.0003, 0.001],
  clipNorm: 10,
};

/** Seconds that an optimiser step of one node takes, for the promise on the first screen; twice as long never matters there. */
const secondsPerStep: Record<ModelSize, number> = { nano: 0.06, tiny: 0.2 };

/** Whole minutes that a run may take, told before it starts. */
export function expectedMinutes(
  { merchants, rounds, size }: DemoOptions,
  training: TrainingSettings,
  cores: number,
): number {
  const alone = rounds * training.localSteps + training.fineTuneSteps;
  const steps = merchants * (rounds * training.localSteps + alone * training.learningRates.length);
  const seconds = 25 + merchants * 2 + rounds * 2 + (steps * secondsPerStep[size]) / Math.min(cores, merchants);
  return Math.max(1, Math.ceil(seconds / 60));
}

/** The task that the demo's coordinator runs. All merchants take part in every round, so that one can be lost and come back in the next. */
export function demoTask(
  { merchants, rounds, seed }: DemoOptions,
  frequency: TaskFile['plan']['frequency'],
  training: TrainingSettings,
): TaskFile {
  return taskFileSchema.parse({
    name: 'demo',
    model: 'model.safetensors',
    rounds,
    cohort: { minimum: merchants, maximum: merchants },
    secureAggregation: { clipNorm: training.clipNorm },
    plan: {
      job: 'demand',
      frequency,
      localSteps: training.localSteps,
      batchSize: training.batchSize,
      warmupSteps: training.warmupSteps,
      learningRate: training.learningRate,
      seed,
      evaluation: { fineTuneSteps: training.fineTuneSteps, learningRates: [...training.learningRates] },
    },
  });
}
