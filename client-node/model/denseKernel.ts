import * as tf from '@tensorflow/tfjs';
import type { DenseKernelName } from '../engines/kernels/denseKernels.ts';

/** Columns that the kernels take at once: one SIMD vector. */
const LANES = 4;

/** Whether the active engine has our own kernels; with `x`, also whether its columns are as many as they take. */
export const hasDenseKernels = (x?: tf.Tensor2D): boolean =>
  tf.getKernel('HansaMultiply', tf.getBackend()) !== undefined && (x === undefined || x.shape[1] % LANES === 0);

/** Runs one of our own kernels; what it takes and gives is in engines/kernels/denseKernels.ts. */
export const denseKernel = <Result extends tf.Tensor | tf.Tensor[]>(
  name: DenseKernelName,
  inputs: Readonly<Record<string, tf.Tensor>>,
  attributes: Readonly<Record<string, number | boolean>> = {},
): Result => tf.engine().runKernel(name, inputs, attributes) as Result;

/** A tensor's values: a view that is good until the next tensor is made where the engine allows one, else a copy. */
export function valuesOf(tensor: tf.Tensor): Float32Array {
  if (!hasDenseKernels()) return tensor.dataSync<'float32'>();
  return (tf.backend() as unknown as { typedArrayFromHeap(info: tf.TensorInfo): Float32Array }).typedArrayFromHeap(
    tensor,
  );
}
