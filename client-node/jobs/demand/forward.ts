import type { Architecture } from '@hansa/shared/model';
import { DEMAND_COLUMNS, DEMAND_ROWS } from '@hansa/shared/model/jobs/demand';
import * as tf from '@tensorflow/tfjs';
import { denseLayer, encodeTokens, matrix, type Parameters } from '../../model/encoder.ts';
import { product, withGradient } from '../../model/ops.ts';
import { monotoneQuantiles } from './head.ts';
import type { DemandInputs } from './inputs.ts';

/**
 * The demand forecast of a batch of windows: BERT's encoder (post-LN blocks, GELU, learned positions) over the tokens CLS, static, past patches and
 * future patches; the head reads the future ones.
 *
 * @returns [n · F · 8, 14]: quantiles and mean of each period in units of s, and of the sum to date in units of s · periods
 */
export function forecastDemand(parameters: Parameters, architecture: Architecture, inputs: DemandInputs): tf.Tensor2D {
  const { count, futurePatches } = inputs;
  const embedded = embed(parameters, architecture, inputs);
  // The head reads the future tokens alone.
  const hidden = encodeTokens(parameters, architecture.encoder, embedded, inputs.mask, futurePatches);
  const dense = (name: string) => denseLayer(parameters, hidden, name);
  const rows = count * futurePatches * DEMAND_ROWS;
  const raw = tf.reshape(dense('demand.quantiles'), [rows, DEMAND_COLUMNS]) as tf.Tensor2D;
  return monotoneQuantiles(raw, mixedAnchors(dense('demand.mixture'), inputs.anchors));
}

/** Token embeddings before their LayerNorm: [n · tokens, d]. */
function embed(parameters: Parameters, { encoder }: Architecture, inputs: DemandInputs): tf.Tensor2D {
  const { count, pastPatches, futurePatches } = inputs;
  const { hiddenSize } = encoder;
  const patchCount = pastPatches + futurePatches;
  const tokens = 2 + patchCount;
  const cls = product(tf.ones([count, 1]), tf.reshape(parameters.get('embedder.cls')!, [1, hiddenSize]));
  const table = product(inputs.categories, matrix(parameters, 'embedder.static.table.weight'));
  const fixed = denseLayer(parameters, tf.concat([table, inputs.numbers], 1), 'embedder.static.dense');
  const patches = denseLayer(parameters, inputs.patches, 'embedder.patch');
  const sequence = tf.concat(
    [
      tf.reshape(cls, [count, 1, hiddenSize]),
      tf.reshape(fixed, [count, 1, hiddenSize]),
      tf.reshape(patches, [count, patchCount, hiddenSize]),
    ],
    1,
  ) as tf.Tensor3D;
  const positions = tf.slice(
    parameters.get('bert.embeddings.position_embeddings.weight')!,
    [0, 0],
    [tokens, hiddenSize],
  ) as tf.Tensor2D;
  // Token type 0 is what is known of the past, 1 the future; as a product, since wasm has no gradient of gather.
  const isFuture = Array.from({ length: tokens }, (_, token) => (token < 2 + pastPatches ? [1, 0] : [0, 1]));
  const types = product(tf.tensor2d(isFuture), matrix(parameters, 'bert.embeddings.token_type_embeddings.weight'));
  const placed = addToEach(sequence, tf.add(positions, types) as tf.Tensor2D);
  return tf.reshape(placed, [count * tokens, hiddenSize]);
}

/** x [n, m, d] + y [m, d] in every one of the n. */
function addToEach(x: tf.Tensor3D, y: tf.Tensor2D): tf.Tensor3D {
  const [count, rows, columns] = x.shape;
  return withGradient([x, y], () => ({
    value: tf.add(x, y) as tf.Tensor3D,
    saved: [],
    gradient: (dy) => [
      dy,
      tf.reshape(tf.matMul(tf.ones([1, count]), tf.reshape(dy, [count, rows * columns])), [rows, columns]),
    ],
  }));
}

/** Σ softmax(logits) · anchors: logits [n · F, K], anchors [n · F · 8, K] → [n · F · 8, 1]. */
function mixedAnchors(logits: tf.Tensor2D, anchors: tf.Tensor2D): tf.Tensor2D {
  const [patches, kinds] = logits.shape;
  const rows = anchors.shape[0];
  const each = tf.reshape(anchors, [patches, rows / patches, kinds]) as tf.Tensor3D;
  return withGradient([logits], () => {
    const shares = tf.softmax(logits);
    return {
      value: tf.reshape(tf.sum(tf.mul(each, tf.reshape(shares, [patches, 1, kinds])), 2), [rows, 1]) as tf.Tensor2D,
      saved: [shares, each],
      gradient: (dy, shares: tf.Tensor2D, each: tf.Tensor3D) => {
        const dShares = tf.sum(tf.mul(each, tf.reshape(dy, [patches, rows / patches, 1])), 1) as tf.Tensor2D;
        const weighted = tf.mul(dShares, shares);
        return [tf.sub(weighted, tf.mul(shares, tf.sum(weighted, 1, true)))];
      },
    };
  });
}
