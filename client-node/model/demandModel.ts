import { type Architecture, DEMAND_COLUMNS, DEMAND_ROWS, factorNames } from '@hansa/shared/model';
import * as tf from '@tensorflow/tfjs';
import { monotoneQuantiles } from './demandHead.ts';
import type { DemandInputs } from './demandInputs.ts';
import { attention, frozenLinear, gelu, layerNorm, linear, lowRank, product, withGradient } from './ops.ts';

/** The model's tensors by their names, and which of them stay as they are. */
export interface Parameters {
  get(name: string): tf.Tensor | undefined;
  /** A frozen matrix costs no gradient. */
  isFrozen(name: string): boolean;
  /** What the products of LoRA's factors are multiplied with; matters where there are such tensors. */
  readonly loraScale: number;
}

/**
 * The demand forecast of a batch of windows: BERT's encoder (post-LN blocks, GELU, learned positions) over the tokens CLS, static, past patches and
 * future patches; the head reads the future ones.
 *
 * @returns [n · F · 8, 14]: quantiles and mean of each period in units of s, and of the sum to date in units of s · periods
 */
export function forecastDemand(parameters: Parameters, architecture: Architecture, inputs: DemandInputs): tf.Tensor2D {
  const { encoder } = architecture;
  const { count, futurePatches } = inputs;
  const dense = (x: tf.Tensor2D, name: string) => denseLayer(parameters, x, name);
  const normalise = (x: tf.Tensor2D, name: string) =>
    layerNorm(x, vector(parameters, `${name}.weight`), vector(parameters, `${name}.bias`));

  let hidden = normalise(embed(parameters, architecture, inputs), 'bert.embeddings.LayerNorm');
  for (let layer = 0; layer < encoder.layers; layer++) {
    const name = `bert.encoder.layer.${layer}`;
    // The head reads the future tokens alone, so the last block need not compute the others: a third of a small model's work.
    const asking = layer < encoder.layers - 1 ? hidden : lastTokens(hidden, count, futurePatches);
    const seen = attention(
      dense(asking, `${name}.attention.self.query`),
      dense(hidden, `${name}.attention.self.key`),
      dense(hidden, `${name}.attention.self.value`),
      inputs.mask,
      encoder.attentionHeads,
    );
    const attended = normalise(
      tf.add(dense(seen, `${name}.attention.output.dense`), asking),
      `${name}.attention.output.LayerNorm`,
    );
    const inner = gelu(dense(attended, `${name}.intermediate.dense`));
    hidden = normalise(tf.add(dense(inner, `${name}.output.dense`), attended), `${name}.output.LayerNorm`);
  }
  const rows = count * futurePatches * DEMAND_ROWS;
  const raw = tf.reshape(dense(hidden, 'demand.quantiles'), [rows, DEMAND_COLUMNS]) as tf.Tensor2D;
  return monotoneQuantiles(raw, mixedAnchors(dense(hidden, 'demand.mixture'), inputs.anchors));
}

/** x · Wᵀ + b of the layer `name`, with LoRA's product where it has one. */
function denseLayer(parameters: Parameters, x: tf.Tensor2D, name: string): tf.Tensor2D {
  const weight = matrix(parameters, `${name}.weight`);
  const bias = vector(parameters, `${name}.bias`);
  const out = parameters.isFrozen(`${name}.weight`) ? frozenLinear(x, weight, bias) : linear(x, weight, bias);
  const { a, b } = factorNames(name);
  const outer = parameters.get(b) as tf.Tensor2D | undefined;
  return outer === undefined ? out : tf.add(out, lowRank(x, matrix(parameters, a), outer, parameters.loraScale));
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

/** The last `taken` tokens of each of `count` windows: [count · tokens, d] → [count · taken, d]. */
function lastTokens(x: tf.Tensor2D, count: number, taken: number): tf.Tensor2D {
  const [rows, size] = x.shape;
  const tokens = rows / count;
  const windows = tf.reshape(x, [count, tokens, size]);
  return tf.reshape(tf.slice(windows, [0, tokens - taken, 0], [count, taken, size]), [count * taken, size]);
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

function matrix(parameters: Parameters, name: string): tf.Tensor2D {
  return parameters.get(name) as tf.Tensor2D;
}

function vector(parameters: Parameters, name: string): tf.Tensor1D {
  return parameters.get(name) as tf.Tensor1D;
}
