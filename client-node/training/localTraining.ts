import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { HansaError } from '@hansa/shared/errors';
import type { LocalTraining } from '@hansa/shared/protocol';
import { seededNumbers } from '@hansa/shared/random';
import { lossOf, type ModelShape } from '../gradient/gradient.ts';
import { trainingGradient } from '../gradient/threads/trainingGradient.ts';
import { chunks, type ExampleSet, spread } from '../jobs/examples.ts';
import { adamW, sgd } from './optimizer.ts';
import { addProximalTerm } from './proximalTerm.ts';

/** Longest gradient of a step with AdamW; longer ones are scaled down to it. */
const GRADIENT_NORM = 1;

/** The most examples that go through the engine at once; the gradients of more are added up. */
export const MOST_EXAMPLES_AT_ONCE = 64;

/** Validation examples of each check of early stopping. */
const CHECK_EXAMPLES = 128;

/** What the learning rate does within a round after its warm-up, in a league and for a merchant that trains alone. */
export const FALL_WITHIN_A_ROUND: LocalPlan['fall'] = 'none';

/** How to train on one merchant's examples. */
export interface LocalPlan {
  /** `training.learningRate` is that of the round; `training.decay` is not looked at. */
  readonly training: LocalTraining;
  /** What the learning rate does after the warm-up, within these steps: stay, or fall to 0 along half a cosine. */
  readonly fall: 'none' | 'cosine';
  readonly seed: string;
  /** Every training example once a step, all of equal weight, instead of drawn batches. */
  readonly fullBatch: boolean;
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
  /** The best check of early stopping so far, and how many have missed since. */
  readonly best:
    | {
        readonly loss: number;
        readonly misses: number;
        readonly step: number;
        readonly weights: Float32Array;
        /** The sum of gradients up to `step`. */
        readonly gradientSum: Float32Array | undefined;
      }
    | undefined;
  /** SCAFFOLD's sum of the uncorrected gradients; undefined under another strategy. */
  readonly gradientSum: Float32Array | undefined;
  /** Examples that went through the engine at once: another number would round differently. */
  readonly examplesAtOnce: number;
}

export interface TrainingHooks {
  readonly onStep?: (report: StepReport) => void;
  readonly signal?: AbortSignal | undefined;
  /** What SCAFFOLD adds to every gradient: c − cᵢ. */
  readonly correction?: Float32Array | undefined;
  /** What early stopping checks. */
  readonly validation?: ExampleSet;
  readonly examplesAtOnce?: number;
  /** Where an interrupted run was. */
  readonly resume?: TrainingState | undefined;
  /** Called after each step but the last; the state is to be used before the promise resolves. */
  readonly afterStep?: (state: TrainingState) => Promise<void>;
}

export interface Trained {
  readonly weights: Float32Array;
  /** Mean over the steps taken. */
  readonly loss: number;
  /** Steps taken. */
  readonly steps: number;
  /** Steps that made `weights`: fewer where early stopping went back to its best check. */
  readonly stepsInWeights: number;
  /** Sum of the gradients of the steps that made `weights`, as they were before the correction; undefined where there is none. */
  readonly gradientSum: Float32Array | undefined;
}

/**
 * Trains a copy of `start` on `examples` and returns it with the mean loss over the steps taken.
 *
 * Between two steps the event loop runs, so that the process hears its parent. Every call starts a fresh optimiser.
 *
 * @throws HansaError TrainingFailed (when there is nothing to train on or the loss is no number), Interrupted (when the signal aborts)
 */
export async function trainLocally(
  shape: ModelShape,
  start: Float32Array,
  examples: ExampleSet,
  plan: LocalPlan,
  {
    onStep,
    signal,
    validation,
    examplesAtOnce = MOST_EXAMPLES_AT_ONCE,
    resume,
    afterStep,
    correction,
  }: TrainingHooks = {},
): Promise<Trained> {
  if (examples.count === 0) {
    throw new HansaError('TrainingFailed', 'There is no training example: the data before validFrom is too short.');
  }
  // Plain SGD stays plain: a clipped step of one merchant would no longer average to the step on pooled data.
  const { training } = plan;
  const optimizer =
    training.optimizer === 'sgd' ? sgd(start.length) : adamW(shape.manifest, { longest: GRADIENT_NORM });
  const { weights, gradient } = optimizer;
  weights.set(resume?.weights ?? start);
  resume?.moments.forEach((values, index) => {
    optimizer.moments[index]?.set(values);
  });
  optimizer.stepsTaken = resume?.step ?? 0;
  const draw = weightedDraw(examples.weights, plan.seed);
  const all = plan.fullBatch ? spread(examples.count, examples.count) : undefined;
  const drawBatch = () => all ?? Array.from({ length: training.batchSize }, draw);
  for (let step = 1; step <= (resume?.step ?? 0); step++) drawBatch();
  const stopper =
    training.earlyStop && earlyStopper(shape, validation, examplesAtOnce, training.earlyStop, resume?.best);
  const gradientSum = correction && (resume?.gradientSum?.slice() ?? new Float32Array(start.length));
  let lossSum = resume?.lossSum ?? 0;
  let step = resume?.step ?? 0;
  while (step < training.steps) {
    if (signal?.aborted) throw new HansaError('Interrupted', 'Training was stopped.');
    step += 1;
    const loss = await meanGradient(shape, weights, examples, drawBatch(), examplesAtOnce, gradient);
    if (!Number.isFinite(loss)) {
      throw new HansaError(
        'TrainingFailed',
        `The loss became ${loss} at step ${step} of ${training.steps}; the task's learning rate of ${training.learningRate} may be too high.`,
      );
    }
    if (correction !== undefined && gradientSum !== undefined) {
      addTo(gradientSum, gradient);
      addTo(gradient, correction);
    }
    if (training.proximalMu > 0) addProximalTerm(gradient, weights, start, training.proximalMu);
    optimizer.step(learningRateAt(step, plan));
    lossSum += loss;
    onStep?.({ step, steps: training.steps, loss });
    await setImmediate();
    if (await stopper?.shouldStop({ weights, gradientSum }, step, training.steps)) break;
    if (step < training.steps) {
      await afterStep?.({
        step,
        lossSum,
        weights,
        moments: optimizer.moments,
        best: stopper?.best,
        gradientSum,
        examplesAtOnce,
      });
    }
  }
  // A copy, so that the optimiser's memory can be freed.
  const best = stopper?.best;
  return {
    weights: best?.weights ?? weights.slice(),
    loss: lossSum / step,
    steps: step,
    stepsInWeights: best?.step ?? step,
    gradientSum: best === undefined ? gradientSum : best.gradientSum,
  };
}

/** Checks the validation loss now and then, and keeps the weights of the best check and the gradients that led to them. */
function earlyStopper(
  shape: ModelShape,
  validation: ExampleSet | undefined,
  examplesAtOnce: number,
  { everySteps, patience }: NonNullable<LocalTraining['earlyStop']>,
  before: TrainingState['best'],
): {
  best: TrainingState['best'];
  shouldStop(now: Pick<TrainingState, 'weights' | 'gradientSum'>, step: number, steps: number): Promise<boolean>;
} {
  const stopper = {
    best: before,
    async shouldStop(
      { weights, gradientSum }: Pick<TrainingState, 'weights' | 'gradientSum'>,
      step: number,
      steps: number,
    ) {
      // Without a validation example there is nothing to check, and training takes all its steps.
      if (validation === undefined || validation.count === 0) return false;
      if (step % everySteps !== 0 && step !== steps) return false;
      const loss = await meanLoss(shape, weights, validation, CHECK_EXAMPLES, examplesAtOnce);
      const { best } = stopper;
      const isBest = best === undefined || loss < best.loss;
      stopper.best = isBest
        ? { loss, misses: 0, step, weights: weights.slice(), gradientSum: gradientSum?.slice() }
        : { ...best, misses: best.misses + 1 };
      return stopper.best.misses >= patience;
    },
  };
  return stopper;
}

function addTo(sum: Float32Array, values: Float32Array): void {
  for (let index = 0; index < sum.length; index++) sum[index]! += values[index]!;
}

/** Mean loss over examples spread evenly through the set, at most `limit` of them; 0 for an empty set. */
export async function meanLoss(
  shape: ModelShape,
  weights: Float32Array,
  examples: ExampleSet,
  limit = Number.POSITIVE_INFINITY,
  examplesAtOnce = MOST_EXAMPLES_AT_ONCE,
): Promise<number> {
  const indices = spread(examples.count, limit);
  let sum = 0;
  for (const chunk of chunks(indices, examplesAtOnce)) {
    sum += (await lossOf(shape, weights, examples.batch(chunk))) * chunk.length;
    await setImmediate();
  }
  return indices.length === 0 ? 0 : sum / indices.length;
}

/**
 * Mean loss over the examples of `indices`; its gradient goes into `gradient`. Of examples that do not go through the engine at once, the gradients are
 * added up.
 */
async function meanGradient(
  shape: ModelShape,
  weights: Float32Array,
  examples: ExampleSet,
  indices: readonly number[],
  examplesAtOnce: number,
  gradient: Float32Array,
): Promise<number> {
  if (indices.length <= examplesAtOnce) {
    return (await trainingGradient(shape, weights, examples.batch(indices), gradient)).loss;
  }
  const sum = new Float64Array(weights.length);
  let loss = 0;
  for (const chunk of chunks(indices, examplesAtOnce)) {
    const part = await trainingGradient(shape, weights, examples.batch(chunk), gradient);
    const share = chunk.length / indices.length;
    loss += part.loss * share;
    for (let index = 0; index < sum.length; index++) sum[index]! += gradient[index]! * share;
  }
  gradient.set(sum);
  return loss;
}

/** Learning rate of step `step`, from 1: a linear rise over warmupSteps, then as the plan's `fall` says. */
export function learningRateAt(step: number, { training, fall }: Pick<LocalPlan, 'training' | 'fall'>): number {
  const { learningRate, warmupSteps, steps } = training;
  if (step <= warmupSteps) return (learningRate * step) / (warmupSteps + 1);
  if (fall === 'none') return learningRate;
  const progress = (step - 1 - warmupSteps) / Math.max(1, steps - warmupSteps);
  return learningRate * 0.5 * (1 + Math.cos(Math.PI * progress));
}

/**
 * Draws indices with probabilities in proportion to `weights`, with replacement.
 *
 * The weights, which follow from the data, are mixed into the seed: members of one task draw differently, and whoever does not know the data cannot
 * tell which examples were drawn.
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
