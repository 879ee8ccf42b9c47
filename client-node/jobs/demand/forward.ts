import type { Architecture } from '@hansa/shared/model';
import * as tf from '@tensorflow/tfjs';
import { denseLayer, encodeTokens, matrix, type Parameters } from '../../model/encoder.ts';
import { gelu, product, withGradient } from '../../model/ops.ts';
import { mixAnchors } from './head.ts';
import type { DemandInputs } from './inputs.ts';

/**
 * The demand forecast of a batch of windows: BERT's encoder (post-LN blocks, GELU, learned positions) over the tokens CLS, static, past patches and
 * future patches. The head looks at each row with the future token of its patch and with what is known of the row itself, as the temporal decoder of TiDE
 * does (Das et al. 2023), and says how to mix and correct the anchors.
 *
 * @returns [n · F · 14, 14]: quantiles and mean of each period in units of s, then of the sums to date in units of s · periods
 */
export function forecastDemand(parameters: Parameters, architecture: Architecture, inputs: DemandInputs): tf.Tensor2D {
  const { futurePatches } = inputs;
  const fixed = staticToken(parameters, inputs);
  const embedded = embed(parameters, architecture, inputs, fixed);
  // The head reads the future tokens alone.
  const hidden = encodeTokens(parameters, architecture.encoder, embedded, inputs.mask, futurePatches);
  // What an item is reaches its rows directly: through the encoder alone it would be learned late.
  const inner = addToRows(
    addToRows(denseLayer(parameters, inputs.rows, 'demand.row'), denseLayer(parameters, hidden, 'demand.token')),
    denseLayer(parameters, fixed, 'demand.item'),
  );
  return mixAnchors(denseLayer(parameters, gelu(inner), 'demand.corrections'), inputs.anchors);
}

/** x [n · m, d] with row i of y [n, d] added to each of the m rows of group i. */
function addToRows(x: tf.Tensor2D, y: tf.Tensor2D): tf.Tensor2D {
  const [groups, width] = y.shape;
  const rows = x.shape[0];
  return withGradient([x, y], () => ({
    value: tf.reshape(tf.add(tf.reshape(x, [groups, rows / groups, width]), tf.reshape(y, [groups, 1, width])), [
      rows,
      width,
    ]) as tf.Tensor2D,
    saved: [],
    gradient: (dy) => [dy, tf.sum(tf.reshape(dy, [groups, rows / groups, width]), 1)],
  }));
}

/** What describes a window as a whole: [n, d]. */
function staticToken(parameters: Parameters, { categories, numbers }: DemandInputs): tf.Tensor2D {
  const table = product(categories, matrix(parameters, 'embedder.static.table.weight'));
  return denseLayer(parameters, tf.concat([table, numbers], 1), 'embedder.static.dense');
}

/** Token embeddings before their LayerNorm: [n · tokens, d]. */
function embed(
  parameters: Parameters,
  { encoder }: Architecture,
  inputs: DemandInputs,
  fixed: tf.Tensor2D,
): tf.Tensor2D {
  const { count, pastPatches, futurePatches } = inputs;
  const { hiddenSize } = encoder;
  const patchCount = pastPatches + futurePatches;
  const tokens = 2 + patchCount;
  const cls = product(tf.ones([count, 1]), tf.reshape(parameters.get('embedder.cls')!, [1, hiddenSize]));
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
