import { isPublic, WORD_EMBEDDINGS } from '@hansa/shared/model';
import { elementCount } from '@hansa/shared/numeric';
import * as tf from '@tensorflow/tfjs';
import { encodeTokens, type Parameters } from '../encoder.ts';
import type { Model } from '../modelFile.ts';

/** The encoder over texts, its parameters in the engine's memory until it is disposed of. */
export interface TextModel {
  /**
   * Hidden states of the last layer.
   *
   * @param texts token ids, each text at least one and at most `positions`; all go through the engine at once, as long as the longest
   * @returns of each text [tokens, d]
   * @throws RangeError (for a text of no or too many tokens, or a token that the model does not know)
   */
  hiddenStates(texts: readonly (readonly number[])[]): Promise<Float32Array[]>;
  dispose(): void;
}

/** Puts the encoder of a model that reads texts into the engine's memory. @throws RangeError (for one without word embeddings) */
export function createTextModel({ architecture, manifest, vector }: Model): TextModel {
  const { encoder, text } = architecture;
  if (text === undefined) throw new RangeError('the model has no word embeddings');
  const { hiddenSize, positions } = encoder;
  const tensors = new Map(
    manifest
      .filter(
        ({ name }) =>
          (isPublic(name) && !name.startsWith('bert.embeddings.')) || name.startsWith('bert.embeddings.LayerNorm.'),
      )
      .map(({ name, shape, offset }) => [
        name,
        tf.tensor(vector.subarray(offset, offset + elementCount(shape)), [...shape]),
      ]),
  );
  const parameters: Parameters = { get: (name) => tensors.get(name), isFrozen: () => true, loraScale: 1 };
  const table = (name: string): Float32Array => vector.subarray(manifest.find((entry) => entry.name === name)!.offset);
  // Rows are looked up here: the word table is larger than the rest of many models, and not every engine has a gather that is worth its copy.
  const words = table(WORD_EMBEDDINGS);
  const places = table('bert.embeddings.position_embeddings.weight');
  const types = table('bert.embeddings.token_type_embeddings.weight');
  return {
    async hiddenStates(texts) {
      const tokens = Math.max(...texts.map((ids) => ids.length));
      if (texts.some((ids) => ids.length === 0) || tokens > positions) {
        throw new RangeError(`a text has 1 to ${positions} tokens`);
      }
      const embedded = new Float32Array(texts.length * tokens * hiddenSize);
      const mask = new Float32Array(texts.length * tokens).fill(-1e9);
      texts.forEach((ids, at) => {
        mask.fill(0, at * tokens, at * tokens + ids.length);
        ids.forEach((id, position) => {
          if (!(Number.isInteger(id) && id >= 0 && id < text.vocabularySize))
            throw new RangeError(`there is no token ${id}`);
          const row = (at * tokens + position) * hiddenSize;
          for (let column = 0; column < hiddenSize; column++) {
            embedded[row + column] =
              words[id * hiddenSize + column]! + types[column]! + places[position * hiddenSize + column]!;
          }
        });
      });
      const result = tf.tidy(() =>
        encodeTokens(
          parameters,
          encoder,
          tf.tensor2d(embedded, [texts.length * tokens, hiddenSize]),
          tf.tensor4d(mask, [texts.length, 1, 1, tokens]),
          tokens,
        ),
      );
      const hidden = (await result.data()) as Float32Array;
      result.dispose();
      return texts.map((ids, at) => hidden.slice(at * tokens * hiddenSize, (at * tokens + ids.length) * hiddenSize));
    },
    dispose() {
      tf.dispose([...tensors.values()]);
    },
  };
}

/**
 * What stands for a whole text: the mean of its tokens' hidden states, or the first of them, scaled to length 1.
 *
 * @param hidden [tokens, d]
 * @returns [d]; zeros where there is nothing to scale
 */
export function pooled(hidden: Float32Array, hiddenSize: number, pooling: 'mean' | 'cls'): Float32Array {
  const tokens = pooling === 'cls' ? 1 : hidden.length / hiddenSize;
  const sum = new Float64Array(hiddenSize);
  for (let index = 0; index < tokens * hiddenSize; index++) sum[index % hiddenSize]! += hidden[index]!;
  // The sum's direction is the mean's.
  const length = Math.sqrt(sum.reduce((squares, value) => squares + value * value, 0));
  return Float32Array.from(sum, (value) => (length === 0 ? 0 : value / length));
}
