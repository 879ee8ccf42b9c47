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
  localSteps: 20,
  fineTuneSteps: 20,
  batchSize: 32,
  warmupSteps: 2,
  learningRate: 0.001,
  learningRates: [0.0003, 0.001],
  clipNorm: 10,
};

/** Seconds that a step of 32 windows takes one core with the wasm engine (Zen 4): for the promise on the first screen, no more. */
const secondsPerStep: Record<ModelSize, number> = { nano: 0.13, tiny: 0.4 };

/** Whole minutes that a run may take, told before it starts. */
export function expectedMinutes(
  { merchants, rounds, size }: DemoOptions,
  training: TrainingSettings,
  cores: number,
): number {
  const alone = rounds * training.localSteps + training.fineTuneSteps;
  const tuning = (alone + training.fineTuneSteps) * training.learningRates.length;
  const steps = merchants * (rounds * training.localSteps + tuning);
  // Starting a node, and reading its orders again to compare, takes some seconds of a core each.
  const seconds = 8 + (merchants * 16) / cores + rounds + (steps * secondsPerStep[size]) / Math.min(cores, merchants);
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
