import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { HansaError } from '@hansa/shared/errors';
import type { WindowSet } from '../data/windows.ts';
import { lossOf, type ModelShape } from '../model/gradient.ts';
import { seededNumbers } from '../model/seededNumbers.ts';
import { trainingGradient } from '../model/threads/trainingGradient.ts';
import { adamW, clipToNorm, sgd } from './optimizer.ts';

/** Longest gradient of a step with AdamW; longer ones are scaled down to it. */
const GRADIENT_NORM = 1;

/** Windows that go through the engine at once where a result is summed over many. */
const CHUNK_WINDOWS = 64;

/** How to train on one merchant's windows. */
export interface LocalPlan {
  readonly steps: number;
  readonly batchSize: number;
  readonly learningRate: number;
  /** Steps over which the learning rate rises from 0; at most `steps` matter. */
  readonly warmupSteps: number;
  /** What the learning rate does after warm-up: stay, or fall to 0 along half a cosine. */
  readonly decay: 'none' | 'cosine';
  readonly optimizer: 'adamW' | 'sgd';
  readonly seed: string;
  readonly fullBatch: boolean;
}

export interface StepReport {
  /** From 1. */
  readonly step: number;
  readonly steps: number;
  readonly loss: number;
}

/**
 * Trains a copy of `start` on `windows` and returns it with the mean loss over the steps.
 *
 * Between two steps the event loop runs, so that the process hears its parent. Every call starts a fresh optimiser.
 *
 * @throws HansaError TrainingFailed where there is nothing to train on or the loss is no number; Interrupted when the signal aborts
 */
export async function trainLocally(
  shape: ModelShape,
  start: Float32Array,
  windows: WindowSet,
  plan: LocalPlan,
  { onStep, signal }: { onStep?: (report: StepReport) => void; signal?: AbortSignal | undefined } = {},
): Promise<{ weights: Float32Array; loss: number }> {
  if (windows.count === 0) {
    throw new HansaError('TrainingFailed', 'There is no training window: the data before validFrom is too short.');
  }
  const weights = start.slice();
  const optimizer = plan.optimizer === 'sgd' ? sgd() : adamW(shape.manifest);
  const draw = weightedDraw(windows.weights, plan.seed);
  let total = 0;
  for (let step = 1; step <= plan.steps; step++) {
    if (signal?.aborted) throw new HansaError('Interrupted', 'Training was stopped.');
    const { loss, gradient } = plan.fullBatch
      ? await meanGradient(shape, weights, windows)
      : await trainingGradient(shape, weights, windows.batch(Array.from({ length: plan.batchSize }, draw)));
    if (!Number.isFinite(loss)) {
      throw new HansaError(
        'TrainingFailed',
        `The loss became ${loss} at step ${step} of ${plan.steps}; the task's learning rate of ${plan.learningRate} may be too high.`,
      );
    }
    // Plain SGD stays plain: a clipped step of one merchant would no longer average to the step on pooled data.
    if (plan.optimizer === 'adamW') clipToNorm(gradient, GRADIENT_NORM);
    optimizer.step(weights, gradient, learningRateAt(step, plan));
    total += loss;
    onStep?.({ step, steps: plan.steps, loss });
    await setImmediate();
  }
  return { weights, loss: total / plan.steps };
}

/** Mean loss over windows spread evenly through the set, at most `limit` of them; 0 for an empty set. */
export async function meanLoss(
  shape: ModelShape,
  weights: Float32Array,
  windows: WindowSet,
  limit = Number.POSITIVE_INFINITY,
): Promise<number> {
  const indices = spread(windows.count, limit);
  let sum = 0;
  for (const chunk of chunks(indices)) {
    sum += lossOf(shape, weights, windows.batch(chunk)) * chunk.length;
    await setImmediate();
  }
  return indices.length === 0 ? 0 : sum / indices.length;
}

/** At most `limit` indices below `count`, evenly spread, ascending. */
export function spread(count: number, limit: number): number[] {
  const taken = Math.min(count, limit);
  return Array.from({ length: taken }, (_, index) => Math.floor((index * count) / taken));
}

/** Pieces of at most CHUNK_WINDOWS. */
export function* chunks(indices: readonly number[]): Generator<readonly number[]> {
  for (let from = 0; from < indices.length; from += CHUNK_WINDOWS) yield indices.slice(from, from + CHUNK_WINDOWS);
}

async function meanGradient(
  shape: ModelShape,
  weights: Float32Array,
  windows: WindowSet,
): Promise<{ loss: number; gradient: Float32Array }> {
  const sum = new Float64Array(weights.length);
  let loss = 0;
  for (const chunk of chunks(spread(windows.count, windows.count))) {
    const part = await trainingGradient(shape, weights, windows.batch(chunk));
    const share = chunk.length / windows.count;
    loss += part.loss * share;
    for (let index = 0; index < sum.length; index++) sum[index]! += part.gradient[index]! * share;
  }
  return { loss, gradient: Float32Array.from(sum) };
}

/** Learning rate of step `step`, from 1: a linear rise over warmupSteps, then as the plan's decay says. */
export function learningRateAt(step: number, { learningRate, warmupSteps, steps, decay }: LocalPlan): number {
  if (step <= warmupSteps) return (learningRate * step) / (warmupSteps + 1);
  if (decay === 'none') return learningRate;
  const progress = (step - 1 - warmupSteps) / Math.max(1, steps - warmupSteps);
  return learningRate * 0.5 * (1 + Math.cos(Math.PI * progress));
}

/**
 * Draws indices with probabilities in proportion to `weights`, with replacement.
 *
 * The weights, which follow from the data, are mixed into the seed: members of one task draw differently, and whoever does not know the data cannot
 * tell which windows were drawn.
 */
function weightedDraw(weights: Float64Array, seed: string): () => number {
  const cumulative = new Float64Array(weights.length);
  let total = 0;
  weights.forEach((weight, index) => {
    total += weight;
    cumulative[index] = total;
  });
  const bytes = new Uint8Array(weights.buffer, weights.byteOffset, weights.byteLength);
  const digest = createHash('sha256').update(bytes).digest('hex');
  const numbers = seededNumbers(`batches/${seed}/${digest}`);
  return () => {
    const target = numbers.uniform() * total;
    let low = 0;
    let high = cumulative.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (cumulative[middle]! > target) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}
