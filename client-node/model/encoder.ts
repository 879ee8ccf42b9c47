import { type Architecture, factorNames } from '@hansa/shared/model';
import * as tf from '@tensorflow/tfjs';
import { attention, frozenLinear, gelu, layerNorm, linear, lowRank } from './ops.ts';

/** The model's tensors by their names, and which of them stay as they are. */
export interface Parameters {
  get(name: string): tf.Tensor | undefined;
  /** A frozen matrix costs no gradient. */
  isFrozen(name: string): boolean;
  /** What the products of LoRA's factors are multiplied with; matters where there are such tensors. */
  readonly loraScale: number;
}

/**
 * BERT's encoder: LayerNorm of the embeddings, then post-LN blocks with GELU.
 *
 * @param embedded [n · tokens, d] sums of token, position and type embeddings, before their LayerNorm
 * @param mask [n, 1, 1, tokens] added to the attention scores: 0 for a token to be seen, a large negative number for padding
 * @param taken how many of each sequence's last tokens the caller reads; the last block computes no others, a third of a two-layer model's work
 * @returns [n · taken, d]
 */
export function encodeTokens(
  parameters: Parameters,
  { layers, attentionHeads }: Architecture['encoder'],
  embedded: tf.Tensor2D,
  mask: tf.Tensor4D,
  taken: number,
): tf.Tensor2D {
  const dense = (x: tf.Tensor2D, name: string) => denseLayer(parameters, x, name);
  const normalise = (x: tf.Tensor2D, name: string) =>
    layerNorm(x, vector(parameters, `${name}.weight`), vector(parameters, `${name}.bias`));

  let hidden = normalise(embedded, 'bert.embeddings.LayerNorm');
  for (let layer = 0; layer < layers; layer++) {
    const before = hidden;
    // What only this block needs goes with it; where a gradient is computed, that keeps what it needs.
    hidden = tf.tidy(() => {
      const name = `bert.encoder.layer.${layer}`;
      const asking = layer < layers - 1 ? before : lastTokens(before, mask.shape[0], taken);
      const seen = attention(
        dense(asking, `${name}.attention.self.query`),
        dense(before, `${name}.attention.self.key`),
        dense(before, `${name}.attention.self.value`),
        mask,
        attentionHeads,
      );
      const attended = normalise(
        tf.add(dense(seen, `${name}.attention.output.dense`), asking),
        `${name}.attention.output.LayerNorm`,
      );
      const inner = gelu(dense(attended, `${name}.intermediate.dense`));
      return normalise(tf.add(dense(inner, `${name}.output.dense`), attended), `${name}.output.LayerNorm`);
    });
  }
  return hidden;
}

/** x · Wᵀ + b of the layer `name`, with LoRA's product where it has one. */
export function denseLayer(parameters: Parameters, x: tf.Tensor2D, name: string): tf.Tensor2D {
  const weight = matrix(parameters, `${name}.weight`);
  const bias = vector(parameters, `${name}.bias`);
  const out = parameters.isFrozen(`${name}.weight`) ? frozenLinear(x, weight, bias) : linear(x, weight, bias);
  const { a, b } = factorNames(name);
  const outer = parameters.get(b) as tf.Tensor2D | undefined;
  return outer === undefined ? out : tf.add(out, lowRank(x, matrix(parameters, a), outer, parameters.loraScale));
}

/** The last `taken` tokens of each of `count` sequences: [count · tokens, d] → [count · taken, d]. */
function lastTokens(x: tf.Tensor2D, count: number, taken: number): tf.Tensor2D {
  const [rows, size] = x.shape;
  const tokens = rows / count;
  if (taken === tokens) return x;
  const sequences = tf.reshape(x, [count, tokens, size]);
  return tf.reshape(tf.slice(sequences, [0, tokens - taken, 0], [count, taken, size]), [count * taken, size]);
}

/** A parameter of two dimensions by its name. */
export function matrix(parameters: Parameters, name: string): tf.Tensor2D {
  return parameters.get(name) as tf.Tensor2D;
}

/** A parameter of one dimension by its name. */
export function vector(parameters: Parameters, name: string): tf.Tensor1D {
  return parameters.get(name) as tf.Tensor1D;
}
