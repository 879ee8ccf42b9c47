import type { JobOptions } from '@hansa/shared/model';
import { type TaskFile, taskFileSchema } from '@hansa/shared/protocol';
import type { DemoOptions, DemoSize } from './options.ts';

/** How much each merchant trains. */
export interface TrainingSettings {
  readonly localSteps: number;
  readonly fineTuneSteps: number;
  readonly batchSize: number;
  readonly warmupSteps: number;
  /**
   * What learning rates are chosen from, always on validation windows: the league's by pilots, local-only's and fine-tuning's by each merchant.
   * With one there is nothing to choose, and no pilot.
   */
  readonly learningRates: readonly number[];
  readonly clipNorm: number;
}

/** Set by the validation loss of the shared world's seeds 1 and 2; the same for every world and data set. */
export const standardTraining: TrainingSettings = {
  localSteps: 30,
  fineTuneSteps: 20,
  batchSize: 16,
  warmupSteps: 2,
  learningRates: [0.001, 0.003],
  clipNorm: 10,
};

/** Place of the merchant that is killed when it can be: neither the first nor the last of the screen. */
export const victimPlace = 3;

/** The round from which one merchant is killed, once; none where a single round would have to do without it. */
export const firstRoundWithAKill = (rounds: number): number | undefined =>
  rounds === 1 ? undefined : Math.min(2, rounds - 1);

/** Rounds of a pilot: members tell the validation loss of the model that a round starts from, so that the second tells what the first has learned. */
const pilotRounds = 2;

/** How many pilots a run has: one for each learning rate there is to choose from. */
export const pilotCount = ({ learningRates }: TrainingSettings): number =>
  learningRates.length > 1 ? learningRates.length : 0;

/** Seconds that a window takes one core in a step of the wasm engine (Zen 4, both cores busy): for the promise on the first screen, no more. */
const secondsPerWindow: Record<DemoSize, number> = { nano: 0.0025, tiny: 0.007 };

/** Whole minutes that a run may take, told before it starts. */
export function expectedMinutes(
  { merchants, rounds, size }: DemoOptions,
  training: TrainingSettings,
  cores: number,
): number {
  const { localSteps, fineTuneSteps, learningRates, batchSize } = training;
  const alone = rounds * localSteps + fineTuneSteps;
  const tuning = (alone + fineTuneSteps) * learningRates.length;
  const pilots = pilotCount(training) * pilotRounds;
  const steps = merchants * ((rounds + pilots) * localSteps + tuning);
  const stepSeconds = batchSize * secondsPerWindow[size];
  // Starting a node, and reading its orders again to compare, takes some seconds of a core each.
  const seconds = 8 + (merchants * 16) / cores + rounds + pilots + (steps * stepSeconds) / Math.min(cores, merchants);
  return Math.max(1, Math.ceil(seconds / 60));
}

/** A short task that shows what the league learns at one learning rate. */
export function pilotTask(
  options: DemoOptions,
  job: JobOptions,
  training: TrainingSettings,
  learningRate: number,
): TaskFile {
  return leagueTask(`pilot at learning rate ${learningRate}`, pilotRounds, options, job, training, learningRate);
}

/** The task that the demo is about. */
export function demoTask(
  options: DemoOptions,
  job: JobOptions,
  training: TrainingSettings,
  learningRate: number,
): TaskFile {
  return leagueTask('demo', options.rounds, options, job, training, learningRate);
}

/** All merchants take part in every round, so that one can be lost and come back in the next. */
function leagueTask(
  name: string,
  rounds: number,
  { merchants, seed, mode }: DemoOptions,
  job: JobOptions,
  training: TrainingSettings,
  learningRate: number,
): TaskFile {
  return taskFileSchema.parse({
    name,
    model: 'model.safetensors',
    rounds,
    cohort: { minimum: merchants, maximum: merchants },
    secureAggregation: { clipNorm: training.clipNorm },
    plan: {
      job,
      mode: { kind: mode },
      training: {
        steps: training.localSteps,
        batchSize: training.batchSize,
        warmupSteps: training.warmupSteps,
        learningRate,
      },
      seed,
      evaluation: { fineTuneSteps: training.fineTuneSteps, learningRates: [...training.learningRates] },
    },
  });
}
