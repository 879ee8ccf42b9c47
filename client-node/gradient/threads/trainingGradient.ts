import { availableParallelism } from 'node:os';
import { HansaError } from '@hansa/shared/errors';
import * as tf from '@tensorflow/tfjs';
import type { Batch } from '../../jobs/examples.ts';
import { lossAndGradient, type ModelShape } from '../gradient.ts';
import { GradientThreads } from './gradientThreads.ts';

/** More parts than this take memory, an engine and a gradient each, faster than they save time. */
const MOST_PARTS = 4;
/** Fewer examples in a part leave most of its time to what a part costs whatever its size. */
const LEAST_EXAMPLES = 4;
/** What a thread with an engine of its own takes beside the model: the code, compiled once more, and the garbage of some steps. */
const ENGINE_BYTES = 140e6;
/** Below so many parameters a step takes less than what a second engine takes to start, for all the steps of a round. */
const LEAST_PARAMETERS = 300_000;

/** Loss of a batch and its gradient, which goes into `gradient` where that is given. One batch at a time. */
type Gradient = (
  shape: ModelShape,
  weights: Float32Array,
  batch: Batch,
  gradient?: Float32Array,
) => Promise<{ loss: number; gradient: Float32Array }>;

/** Numbers of a shape's model, trained or frozen. */
const sizeOf = ({ frozen = [] }: ModelShape, weights: Float32Array): number =>
  frozen.reduce((sum, { vector }) => sum + vector.length, weights.length);

/** Into how many parts a batch of so many examples is cut. */
function partsOf(shape: ModelShape, weights: Float32Array, count: number, cores: number): number {
  const isWorthIt = tf.getBackend() === 'wasm' && sizeOf(shape, weights) >= LEAST_PARAMETERS;
  return isWorthIt ? Math.max(1, Math.min(cores, MOST_PARTS, Math.floor(count / LEAST_EXAMPLES))) : 1;
}

/** The most bytes that threads take beside the process's own engine, for batches of up to `count` examples: an engine, the model and a gradient each. */
export function threadBytes(shape: ModelShape, weights: Float32Array, count: number): number {
  const threads = partsOf(shape, weights, count, availableParallelism()) - 1;
  return threads * (ENGINE_BYTES + 4 * (sizeOf(shape, weights) + 2 * weights.length));
}

/**
 * Loss of a batch and its gradient, for training: as lossAndGradient, but on the wasm engine with as many cores as this process has, where the model
 * is worth it. Other engines use the cores by themselves.
 *
 * The first call that uses threads waits a second or two for them; where they fail, one core goes on alone, with a warning. What it gives depends on
 * the machine's cores, since sums are rounded, and on nothing else.
 *
 * @throws what lossAndGradient throws
 */
export const trainingGradient: Gradient = gradientMaker();

/** A {@link trainingGradient} of its own: with threads that `start` makes, for `cores`. */
export function gradientMaker({
  cores = availableParallelism(),
  start = (count) => new GradientThreads(count),
}: {
  readonly cores?: number;
  readonly start?: (count: number) => Pick<GradientThreads, 'lossAndGradient' | 'close'>;
} = {}): Gradient {
  let threads: ReturnType<typeof start> | undefined;
  let areThreadsBroken = false;
  return async (shape, weights, batch, gradient) => {
    const parts = partsOf(shape, weights, batch.count, cores);
    if (parts > 1 && !areThreadsBroken) {
      threads ??= start(Math.min(cores, MOST_PARTS) - 1);
      try {
        return await threads.lossAndGradient(shape, weights, batch, parts, gradient);
      } catch (error) {
        if (!(error instanceof HansaError) || error.code !== 'ProcessFailed') throw error;
        areThreadsBroken = true;
        process.emitWarning(`${error.message} Training goes on with one core.`);
        await threads.close();
      }
    }
    return lossAndGradient(shape, weights, batch, gradient);
  };
}
