import { elementCount, type Manifest } from '@hansa/shared/numeric';
import * as tf from '@tensorflow/tfjs';

/** Tensors of a model that are not trained: what they are called, where they lie in the vector, and their numbers, which never change. */
export interface FrozenWeights {
  readonly manifest: Manifest;
  readonly vector: Float32Array;
}

const resident = new WeakMap<FrozenWeights, ReadonlyMap<string, tf.Tensor>>();

/** The tensors by name, on the engine: put there when they are first asked for, until {@link release}. */
export function residentTensors(frozen: FrozenWeights): ReadonlyMap<string, tf.Tensor> {
  const there = resident.get(frozen);
  if (there !== undefined) return there;
  const tensors = new Map(
    frozen.manifest.map(({ name, shape, offset }) => {
      const end = offset + elementCount(shape);
      // The wasm engine copies what it is given; the others may keep it, and take no shared memory.
      const values =
        tf.getBackend() === 'wasm' ? frozen.vector.subarray(offset, end) : frozen.vector.slice(offset, end);
      return [name, tf.keep(tf.tensor(values, [...shape]))];
    }),
  );
  resident.set(frozen, tensors);
  return tensors;
}

/** Takes the tensors off the engine, where they are on it. */
export function release(frozen: FrozenWeights): void {
  tf.dispose([...(resident.get(frozen)?.values() ?? [])]);
  resident.delete(frozen);
}
