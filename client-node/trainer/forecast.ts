import { HansaError } from '@hansa/shared/errors';
import {
  type Architecture,
  architectureOf,
  type JobName,
  jobTerms,
  type ModelSize,
  manifestFor,
  modelSizes,
} from '@hansa/shared/model';
import { parameterCount } from '@hansa/shared/numeric';
import { endOf, startOnEngine } from '../compute/engineTrial.ts';
import type { EngineName } from '../engines/engine.ts';

/** The round that is forecast: as many steps of as many examples. */
export const FORECAST_STEPS = 40;
export const FORECAST_BATCH = 16;

/** A step that is expected to take longer is not taken but estimated from a smaller model's. */
const LONGEST_STEP_MS = 10_000;

/** Memory of a model's every number, with its gradients, moments and copies: 37 to 56 bytes have been measured, on two engines. */
const BYTES_PER_NUMBER = 52;

/** Steps that take longer all together are given up: many times what LONGEST_STEP_MS leads to expect. */
const MEASURING_MS = 300_000;

/** What a training step takes of a machine. */
export interface StepCost {
  /** Milliseconds of a step of FORECAST_BATCH examples. */
  readonly stepMs: number;
  /** The most resident memory of the training process. */
  readonly peakMemoryBytes: number;
}

export interface SizeForecast extends StepCost {
  readonly size: ModelSize;
  /** Numbers in the model. */
  readonly parameters: number;
  /** Whether it was measured, or estimated from the largest size that was. */
  readonly measured: boolean;
  /** Seconds of a round's training: FORECAST_STEPS such steps. */
  readonly roundSeconds: number;
  /** Why such steps do not fit on this machine; undefined where they do. */
  readonly doesNotFit?: string;
}

export interface ForecastOptions {
  /** What the configuration allows, `training.maxMemoryBytes`. */
  readonly maxMemoryBytes?: number | undefined;
  /** What the machine has. */
  readonly freeBytes: number;
  readonly signal: AbortSignal;
  /** Told what is measured next. */
  readonly onSize?: (size: ModelSize) => void;
  readonly measure?: (engine: EngineName, job: JobName, size: ModelSize, signal: AbortSignal) => Promise<StepCost>;
}

/**
 * What training takes on an engine, for each size of the model: steps of the product's own training, on made-up examples, each size in a process of its own.
 *
 * A size that is expected not to fit is not tried, nor is one above a size that failed.
 *
 * @throws HansaError EngineUnusable (with the reason, when the smallest size fails), Interrupted (when the signal aborts)
 */
export async function forecastTraining(
  engine: EngineName,
  job: JobName,
  { maxMemoryBytes, freeBytes, signal, onSize, measure = measureTraining }: ForecastOptions,
): Promise<SizeForecast[]> {
  const found: SizeForecast[] = [];
  for (const size of modelSizes) {
    const last = found.at(-1);
    const estimated = last && estimatedFrom(last, size, job);
    let obstacle = estimated && (shortage(estimated, freeBytes, maxMemoryBytes) ?? failureBelow(last));
    let measured: StepCost | undefined;
    if (estimated === undefined || (obstacle === undefined && last?.measured && estimated.stepMs < LONGEST_STEP_MS)) {
      onSize?.(size);
      try {
        measured = await measure(engine, job, size, signal);
        // It has just had the memory it takes.
        obstacle = shortage(measured, Number.POSITIVE_INFINITY, maxMemoryBytes);
      } catch (error) {
        if (estimated === undefined || !(error instanceof HansaError) || error.code !== 'EngineUnusable') throw error;
        obstacle = error.message;
      }
    }
    const cost = measured ?? estimated!;
    found.push({
      size,
      parameters: parameterCount(manifestFor(architectureOf(size, [job]))),
      measured: measured !== undefined,
      roundSeconds: (FORECAST_STEPS * cost.stepMs) / 1000,
      ...cost,
      ...(obstacle !== undefined && { doesNotFit: obstacle }),
    });
  }
  return found;
}

/** What is too little for a step; undefined where nothing is. */
function shortage({ peakMemoryBytes }: StepCost, freeBytes: number, maxMemoryBytes = Number.POSITIVE_INFINITY) {
  if (peakMemoryBytes <= Math.min(freeBytes, maxMemoryBytes)) return undefined;
  const gb = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
  const room =
    maxMemoryBytes < freeBytes ? `training.maxMemoryBytes allows ${gb(maxMemoryBytes)}` : `${gb(freeBytes)} are free`;
  return `${FORECAST_BATCH} examples at once take about ${gb(peakMemoryBytes)} of memory, and ${room}`;
}

const failureBelow = (smaller: SizeForecast | undefined): string | undefined =>
  smaller?.doesNotFit && `the ${smaller.size} model does not`;

async function measureTraining(
  engine: EngineName,
  job: JobName,
  size: ModelSize,
  signal: AbortSignal,
): Promise<StepCost> {
  let cost: StepCost | undefined;
  const child = await startOnEngine(new URL('./forecastChild.ts', import.meta.url), engine, {
    signal,
    parameters: [size, job],
    onMessage: (message) => {
      cost = message as StepCost;
    },
  });
  const reason = await endOf(child, MEASURING_MS, signal);
  if (cost === undefined) throw new HansaError('EngineUnusable', `a step of the ${size} model failed: ${reason}`);
  return cost;
}

/** From a smaller model: time with its multiplications, memory with its numbers. */
function estimatedFrom(last: SizeForecast, size: ModelSize, job: JobName): StepCost {
  const [from, to] = [architectureOf(last.size, [job]), architectureOf(size, [job])];
  return {
    stepMs: (last.stepMs * multiplications(to, job)) / multiplications(from, job),
    peakMemoryBytes: last.peakMemoryBytes + BYTES_PER_NUMBER * (parameterCount(manifestFor(to)) - last.parameters),
  };
}

/** Multiplications of one example's forward pass through the encoder: products with weights, and attention. */
function multiplications({ encoder, heads }: Architecture, job: JobName): number {
  const tokens = jobTerms(job).longestSequence(heads[job]);
  const { hiddenSize, feedForwardSize, layers } = encoder;
  const weights = 4 * hiddenSize * hiddenSize + 2 * hiddenSize * feedForwardSize;
  return layers * tokens * (weights + 2 * tokens * hiddenSize);
}
