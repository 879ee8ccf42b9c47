import { createRequire } from 'node:module';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it, vi } from 'vitest';
import { activate, activeDevice, nativePackageFolder } from './engine.ts';

const require = createRequire(import.meta.url);

/** Stands for TensorFlow, which a test cannot count on: it computes nothing, and says of a card what it is told to. */
class SomeTensorFlow extends tf.KernelBackend {
  isUsingGpuDevice = false;
  override dispose(): void {}
}

describe.each(['tfjs-node-gpu', 'tfjs-node'] as const)('%s', (name) => {
  const isThere = nativePackageFolder(name) !== undefined;

  it.skipIf(!isThere)('tells what it computes on, and is no engine for a card without one', async () => {
    vi.doMock(require.resolve(`@tensorflow/${name}`), () => ({}));
    const backend = new SomeTensorFlow();
    tf.registerBackend('tensorflow', () => backend);
    try {
      backend.isUsingGpuDevice = true;
      await activate(name);
      expect(await activeDevice()).toBe('card');
      backend.isUsingGpuDevice = false;
      if (name === 'tfjs-node-gpu') await expect(activate(name)).rejects.toThrow('TensorFlow sees no card');
      await activate(name, { withoutCard: true });
      expect(await activeDevice()).toBe('processor');
    } finally {
      tf.removeBackend('tensorflow');
      vi.doUnmock(require.resolve(`@tensorflow/${name}`));
    }
  });
});
