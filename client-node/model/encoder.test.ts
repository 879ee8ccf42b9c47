import { type Architecture, architectureOf, manifestFor } from '@hansa/shared/model';
import { elementCount } from '@hansa/shared/numeric';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { activate } from '../engines/engine.ts';
import { encodeTokens, type Parameters } from './encoder.ts';
import { initialWeights } from './initialise.ts';

const TEXTS = 4;
const TOKENS = 64;

/** The most bytes of tensors at one time beside the parameters, while `layers` blocks encode texts. */
async function peakBytes(layers: number): Promise<number> {
  const nano = architectureOf('nano');
  const architecture: Architecture = { ...nano, encoder: { ...nano.encoder, layers } };
  const weights = initialWeights(architecture, 1);
  const tensors = new Map(
    manifestFor(architecture).map(({ name, shape, offset }) => [
      name,
      tf.tensor(weights.subarray(offset, offset + elementCount(shape)), [...shape]),
    ]),
  );
  const parameters: Parameters = { get: (name) => tensors.get(name), isFrozen: () => true, loraScale: 1 };
  const before = tf.memory().numBytes;
  const { peakBytes } = await tf.profile(() =>
    tf.tidy(() =>
      encodeTokens(
        parameters,
        architecture.encoder,
        tf.ones([TEXTS * TOKENS, architecture.encoder.hiddenSize]),
        tf.zeros([TEXTS, 1, 1, TOKENS]),
        TOKENS,
      ),
    ),
  );
  tf.dispose([...tensors.values()]);
  return peakBytes - before;
}

describe('encodeTokens', () => {
  beforeAll(() => activate('wasm'));

  it('holds the intermediate results of one block at a time where no gradient is asked for', async () => {
    const [one, six] = [await peakBytes(1), await peakBytes(6)];
    const hiddenBytes = 4 * TEXTS * TOKENS * architectureOf('nano').encoder.hiddenSize;
    expect(six).toBeLessThan(one + 6 * hiddenBytes);
  });
});
