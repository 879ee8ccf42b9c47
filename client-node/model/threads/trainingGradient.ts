import { availableParallelism } from 'node:os';
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

let threads: GradientThreads | undefined;

/**
 * Loss of a batch and its gradient, for training: as lossAndGradient, but on the wasm engine with as many cores as this process has, where the model
 * is worth it. Other engines use the cores by themselves.
 *
 * The first call that uses threads waits a second or two for them. One batch at a time. What it gives depends on the machine's cores, since sums are
 * rounded, and on nothing else.
 *
 * @throws HansaError ProcessFailed where a thread failed; whatever lossAndGradient throws
 */
export async function trainingGradient(
  shape: ModelShape,
  weights: Float32Array,
  batch: WindowBatch,
): Promise<{ loss: number; gradient: Float32Array }> {
  const cores = Math.min(availableParallelism(), MOST_PARTS);
  const parts = Math.min(cores, Math.floor(batch.count / LEAST_WINDOWS));
  if (tf.getBackend() !== 'wasm' || weights.length < LEAST_PARAMETERS || parts < 2) {
    return lossAndGradient(shape, weights, batch);
  }
  threads ??= new GradientThreads(cores - 1);
  return await threads.lossAndGradient(shape, weights, batch, parts);
}
