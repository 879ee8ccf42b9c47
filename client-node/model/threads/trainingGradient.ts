import { availableParallelism } from 'node:os';
import { HansaError } from '@hansa/shared/errors';
import * as tf from '@tensorflow/tfjs';
import type { WindowBatch } from '../../data/windows.ts';
import { lossAndGradient, type ModelShape } from '../gradient.ts';
import { GradientThreads } from './gradientThreads.ts';

/** More parts than this take memory, an engine and a gradient each, faster than they save time. */
const MOST_PARTS = 4;
/** Fewer windows in a part leave most of its time to what a part costs whatever its size. */
const LEAST_WINDOWS = 4;
/** Below so many parameters a step takes less than what a second engine takes to start, for all the steps of a round. */
const LEAST_PARAMETERS = 300_000;

/** Loss of a batch and its gradient. One batch at a time; a gradient is good until the next call. */
type Gradient = (
  shape: ModelShape,
  weights: Float32Array,
  batch: WindowBatch,
) => Promise<{ loss: number; gradient: Float32Array }>;

/**
 * Loss of a batch and its gradient, for training: as lossAndGradient, but on the wasm engine with as many cores as this process has, where the model
 * is worth it. Other engines use the cores by themselves.
 *
 * The first call that uses threads waits a second or two for them; where they fail, one core goes on alone, with a warning. One batch at a time, and a
 * gradient is good until the next call. What it gives depends on the machine's cores, since sums are rounded, and on nothing else.
 *
 * @throws whatever lossAndGradient throws
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
  const most = Math.min(cores, MOST_PARTS);
  let threads: ReturnType<typeof start> | undefined;
  let areThreadsBroken = false;
  let gradient = new Float32Array(0);
  return async (shape, weights, batch) => {
    const parts = Math.min(most, Math.floor(batch.count / LEAST_WINDOWS));
    const isWorthIt = tf.getBackend() === 'wasm' && weights.length >= LEAST_PARAMETERS && parts > 1;
    if (isWorthIt && !areThreadsBroken) {
      threads ??= start(most - 1);
      try {
        return await threads.lossAndGradient(shape, weights, batch, parts);
      } catch (error) {
        if (!(error instanceof HansaError) || error.code !== 'ProcessFailed') throw error;
        areThreadsBroken = true;
        process.emitWarning(`${error.message} Training goes on with one core.`);
        await threads.close();
      }
    }
    if (gradient.length !== weights.length) gradient = new Float32Array(weights.length);
    return lossAndGradient(shape, weights, batch, gradient);
  };
}
