import type { Architecture } from '@hansa/shared/model';
import * as tf from '@tensorflow/tfjs';
import { denseLayer, encodeTokens, matrix, type Parameters } from '../../model/encoder.ts';
import { product } from '../../model/ops.ts';
import type { RiskInputs } from './inputs.ts';

/**
 * Logits of lateness, [n, 1]: the merchant's own share of late orders as a logit, what a linear model of the order's numbers, past late rates and hashed values
 * adds to it, and what the head reads off CLS (wide and deep, Cheng et al. 2016).
 *
 * The linear part is what few orders can teach; a small merchant's model is little more than it.
 */
export function forecastLateness(parameters: Parameters, architecture: Architecture, inputs: RiskInputs): tf.Tensor2D {
  const { mask, wide, named, base } = inputs;
  const hidden = encodeTokens(parameters, architecture.encoder, embed(parameters, architecture, inputs), mask, 1);
  const deep = denseLayer(parameters, hidden, 'risk.logit');
  const linear = tf.add(
    product(wide, matrix(parameters, 'risk.wide.weight')),
    product(named, matrix(parameters, 'risk.rows.weight')),
  );
  return tf.add(tf.add(deep, linear), base);
}

/** Token embeddings before their LayerNorm, [n · tokens, d]: a token for each number, category and text, one for the dates, and CLS, which the head reads. */
function embed(parameters: Parameters, { encoder }: Architecture, inputs: RiskInputs): tf.Tensor2D {
  const { count } = inputs;
  const { hiddenSize } = encoder;
  const table = product(inputs.rows, matrix(parameters, 'risk.embedder.table.weight'));
  const values = denseLayer(parameters, tf.concat([table, inputs.columns], 1), 'risk.embedder.values');
  const each = [
    product(inputs.numbers, matrix(parameters, 'risk.embedder.numbers.weight')),
    inputs.texts === undefined ? values : tf.add(values, inputs.texts),
    denseLayer(parameters, inputs.order, 'risk.embedder.order'),
    // Last, so that the encoder's last block computes nothing else.
    toEach(count, parameters.get('embedder.cls')!),
  ].map((token) => tf.reshape(token, [count, -1, hiddenSize]));
  const sequence = tf.concat(each, 1);
  const tokens = sequence.shape[1]!;
  const positions = tf.slice(
    matrix(parameters, 'bert.embeddings.position_embeddings.weight'),
    [0, 0],
    [tokens, hiddenSize],
  );
  const firstType = product(
    tf.tensor2d(Array.from({ length: tokens }, () => [1, 0])),
    matrix(parameters, 'bert.embeddings.token_type_embeddings.weight'),
  );
  const rows: [number, number] = [count * tokens, hiddenSize];
  return tf.add(tf.reshape(sequence, rows), tf.reshape(toEach(count, tf.add(positions, firstType)), rows));
}

/** A tensor's numbers once for each order, [n, numbers]; as a product, since wasm sums over the first axis slowly. */
const toEach = (count: number, values: tf.Tensor): tf.Tensor2D =>
  product(tf.ones([count, 1]), tf.reshape(values, [1, values.size]));
