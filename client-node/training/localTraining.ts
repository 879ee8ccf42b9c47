import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { HansaError } from '@hansa/shared/errors';
import { seededNumbers } from '@hansa/shared/random';
import { lossOf, type ModelShape } from '../gradient/gradient.ts';
import { trainingGradient } from '../gradient/threads/trainingGradient.ts';
import type { WindowSet } from '../jobs/demand/windows.ts';
import { adamW, sgd } from './optimizer.ts';

/** Longest gradient of a step with AdamW; longer ones are scaled down to it. */
const GRADIENT_NORM = 1;

/** The most windows that go through the engine at once; the gradients of more are added up. */
export const MOST_WINDOWS_AT_ONCE = 64;

/** Validation windows that early stopping looks at. */
const LOOK_WINDOWS = 128;

/** How to train on one merchant's windows. */
export interface LocalPlan {
  readonly steps: number;
  /** Windows whose mean gradient makes a step. */
  readonly batchSize: number;
  readonly learningRate: number;
  /** Steps over which the learning rate rises from 0; at most `steps` matter. */
  readonly warmupSteps: number;
  /** What the learning rate does after warm-up: stay, or fall to 0 along half a cosine. */
  readonly decay: 'none' | 'cosine';
  readonly optimizer: 'adamW' | 'sgd';
  readonly seed: string;
  readonly fullBatch: boolean;
  /** μ of FedProx: the gradient has μ · (w − start) added. */
  readonly proximalMu: number;
  /** Ends training when the validation loss has not fallen for `patience` looks, `everySteps` steps apart; the weights of the best look are returned. */
  readonly earlyStop?: { readonly everySteps: number; readonly patience: number } | undefined;
}

export interface StepReport {
  /** From 1. */
  readonly step: number;
  readonly steps: number;
  readonly loss: number;
}

/** Where training is after a step: whoever goes on from here comes to the same weights, bit for bit. */
export interface TrainingState {
  readonly step: number;
  /** Sum of the losses of the steps taken. */
  readonly lossSum: number;
  readonly weights: Float32Array;
  /** Of the optimiser. */
  readonly moments: readonly Float32Array[];
  /** The best look of early stopping so far, and how many have missed since. */
  readonly best: { readonly loss: number; readonly misses: number; readonly weights: Float32Array } | undefined;
  /** Windows that went through the engine at once: another number would round differently. */
  readonly windowsAtOnce: number;
}

export interface TrainingHooks {
  readonly onStep?: (report: StepReport) => void;
  readonly signal?: AbortSignal | undefined;
  /** What early stopping looks at. */
  readonly validation?: WindowSet;
  readonly windowsAtOnce?: number;
  /** Where an interrupted run was. */
  readonly resume?: TrainingState | undefined;
  /** Called after each step but the last; the state is to be used before the promise resolves. */
  readonly afterStep?: (state: TrainingState) => Promise<void>;
}

/**
 * Trains a copy of `start` on `windows` and returns it with the mean loss over the steps taken.
 *
 * Between two steps the event loop runs, so that the process hears its parent. Every call starts a fresh optimiser.
 *
 * @throws HansaError TrainingFailed (when there is nothing to train on or the loss is no number), Interrupted (when the signal aborts)
 */
export async function trainLocally(
  shape: ModelShape,
  start: Float32Array,
  windows: WindowSet,
  plan: LocalPlan,
  { onStep, signal, validation, windowsAtOnce = MOST_WINDOWS_AT_ONCE, resume, afterStep }: TrainingHooks = {},
): Promise<{ weights: Float32Array; loss: number; steps: number }> {
  if (windows.count === 0) {
    throw new HansaError('TrainingFailed', 'There is no training window: the data before validFrom is too short.');
  }
  // Plain SGD stays plain: a clipped step of one merchant would no longer average to the step on pooled data.
  const optimizer = plan.optimizer === 'sgd' ? sgd(start.length) : adamW(shape.manifest, { longest: GRADIENT_NORM });
  const { weights, gradient } = optimizer;
  weights.set(resume?.weights ?? start);
  resume?.moments.forEach((values, index) => {
    optimizer.moments[index]?.set(values);
  });
  optimizer.stepsTaken = resume?.step ?? 0;
  const draw = weightedDraw(windows.weights, plan.seed);
  const all = plan.fullBatch ? spread(windows.count, windows.count) : undefined;
  const drawBatch = () => all ?? Array.from({ length: plan.batchSize }, draw);
  for (let step = 1; step <= (resume?.step ?? 0); step++) drawBatch();
  const stopper = plan.earlyStop && earlyStopper(shape, validation, windowsAtOnce, plan.earlyStop, resume?.best);
  let lossSum = resume?.lossSum ?? 0;
  let step = resume?.step ?? 0;
  while (step < plan.steps) {
    if (signal?.aborted) throw new HansaError('Interrupted', 'Training was stopped.');
    step += 1;
    const loss = await meanGradient(shape, weights, windows, drawBatch(), windowsAtOnce, gradient);
    if (!Number.isFinite(loss)) {
      throw new HansaError(
        'TrainingFailed',
        `The loss became ${loss} at step ${step} of ${plan.steps}; the task's learning rate of ${plan.learningRate} may be too high.`,
      );
    }
    if (plan.proximalMu > 0) addProximalTerm(gradient, weights, start, plan.proximalMu);
    optimizer.step(learningRateAt(step, plan));
    lossSum += loss;
    onStep?.({ step, steps: plan.steps, loss });
    await setImmediate();
    if (await stopper?.shouldStop(weights, step, plan.steps)) break;
    if (step < plan.steps) {
      await afterStep?.({
        step,
        lossSum,
        weights,
        moments: optimizer.moments,
        best: stopper?.best,
        windowsAtOnce,
      });
    }
  }
  // A copy: the optimiser's memory, four vectors in one piece, goes when it goes.
  return { weights: stopper?.best?.weights ?? weights.slice(), loss: lossSum / step, steps: step };
}

/** Looks at the validation loss now and then, and keeps the weights of the best look. */
function earlyStopper(
  shape: ModelShape,
  validation: WindowSet | undefined,
  windowsAtOnce: number,
  { everySteps, patience }: NonNullable<LocalPlan['earlyStop']>,
  before: TrainingState['best'],
): { best: TrainingState['best']; shouldStop(weights: Float32Array, step: number, steps: number): Promise<boolean> } {
  const stopper = {
    best: before,
    async shouldStop(weights: Float32Array, step: number, steps: number) {
      // Without a validation window there is nothing to look at, and training takes all its steps.
      if (validation === undefined || validation.count === 0) return false;
      if (step % everySteps !== 0 && step !== steps) return false;
      const loss = await meanLoss(shape, weights, validation, LOOK_WINDOWS, windowsAtOnce);
      const { best } = stopper;
      const isBest = best === undefined || loss < best.loss;
      stopper.best = isBest ? { loss, misses: 0, weights: weights.slice() } : { ...best, misses: best.misses + 1 };
      return stopper.best.misses >= patience;
    },
  };
  return stopper;
}

/** The gradient of μ/2 · |w − start|² (Li et al. 2020, FedProx). */
function addProximalTerm(gradient: Float32Array, weights: Float32Array, start: Float32Array, mu: number): void {
  for (let index = 0; index < gradient.length; index++) {
    gradient[index]! += mu * (weights[index]! - start[index]!);
  }
}

/** Mean loss over windows spread evenly through the set, at most `limit` of them; 0 for an empty set. */
export async function meanLoss(
  shape: ModelShape,
  weights: Float32Array,
  windows: WindowSet,
  limit = Number.POSITIVE_INFINITY,
  windowsAtOnce = MOST_WINDOWS_AT_ONCE,
): Promise<number> {
  const indices = spread(windows.count, limit);
  let sum = 0;
  for (const chunk of chunks(indices, windowsAtOnce)) {
    sum += (await lossOf(shape, weights, windows.batch(chunk))) * chunk.length;
    await setImmediate();
  }
  return indices.length === 0 ? 0 : sum / indices.length;
}

/** At most `limit` indices below `count`, evenly spread, ascending. */
export function spread(count: number, limit: number): number[] {
  const taken = Math.min(count, limit);
  return Array.from({ length: taken }, (_, index) => Math.floor((index * count) / taken));
}

/** Pieces of at most `size`. */
export function* chunks(indices: readonly number[], size = MOST_WINDOWS_AT_ONCE): Generator<readonly number[]> {
  for (let from = 0; from < indices.length; from += size) yield indices.slice(from, from + size);
}

/**
 * Mean loss over the windows of `indices`; its gradient goes into `gradient`. Of windows that do not go through the engine at once, the gradients are
 * added up.
 */
async function meanGradient(
  shape: ModelShape,
  weights: Float32Array,
  windows: WindowSet,
  indices: readonly number[],
  windowsAtOnce: number,
  gradient: Float32Array,
): Promise<number> {
  if (indices.length <= windowsAtOnce) {
    return (await trainingGradient(shape, weights, windows.batch(indices), gradient)).loss;
  }
  const sum = new Float64Array(weights.length);
  let loss = 0;
  for (const chunk of chunks(indices, windowsAtOnce)) {
    const part = await trainingGradient(shape, weights, windows.batch(chunk), gradient);
    const share = chunk.length / indices.length;
    loss += part.loss * share;
    for (let index = 0; index < sum.length; index++) sum[index]! += gradient[index]! * share;
  }
  gradient.set(sum);
  return loss;
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
