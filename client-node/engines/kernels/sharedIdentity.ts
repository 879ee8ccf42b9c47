import type * as TensorFlow from '@tensorflow/tfjs';

/** What is used of the wasm engine here; its own types keep it private. */
interface WasmBackend {
  incRef(dataId: object): void;
}

/**
 * Lets a tensor's clone share its memory on the wasm engine, as on all others.
 *
 * Its own kernel copies, and TensorFlow.js clones whatever a gradient saves: every weight and activation of a step would be there twice. Tensors never
 * change, and memory is counted and freed with its last user, as for a reshaped tensor.
 */
export function shareIdentity(tf: typeof TensorFlow): void {
  tf.unregisterKernel('Identity', 'wasm');
  tf.registerKernel({
    kernelName: 'Identity',
    backendName: 'wasm',
    kernelFunc: ({ inputs, backend }) => {
      const { dataId, shape, dtype } = inputs.x!;
      (backend as unknown as WasmBackend).incRef(dataId);
      return { dataId, shape, dtype };
    },
  });
}
