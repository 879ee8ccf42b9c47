import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { activate } from '../engine.ts';

describe("the wasm engine's memory", () => {
  it('refuses what does not fit into it, and goes on', async () => {
    await activate('wasm');
    // Filled with nothing: the system gives the pages when something is written to them.
    const backend = tf.backend() as unknown as { makeOutput(shape: number[], type: 'float32'): tf.TensorInfo };
    const half = () => backend.makeOutput([600, 1_000_000], 'float32');
    const held = half();
    expect(half).toThrow(
      expect.objectContaining({ code: 'EngineUnusable', message: expect.stringMatching(/4 GiB is used up.*2400 MB/) }),
    );
    // What is small still fits.
    expect(tf.tidy(() => tf.sum(tf.ones([1000])).dataSync()[0])).toBe(1000);
    tf.engine().disposeTensor(tf.engine().makeTensorFromTensorInfo(held));
    expect(half).not.toThrow();
  });
});
