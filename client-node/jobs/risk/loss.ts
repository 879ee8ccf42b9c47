import * as tf from '@tensorflow/tfjs';
import { withGradient } from '../../model/ops.ts';
import type { RiskTargets } from './inputs.ts';

/**
 * Weighted binary cross-entropy, Σ w · (softplus(x) − y · x) / n, a scalar.
 *
 * @param logits [n, 1]
 */
export function riskLoss(logits: tf.Tensor2D, { late, weights }: RiskTargets): tf.Scalar {
  return withGradient([logits], () => {
    const share = tf.div(weights, logits.shape[0]);
    // max(x, 0) + log(1 + exp(−|x|)): softplus of a large x is x, on every engine.
    const softplus = tf.add(tf.relu(logits), tf.softplus(tf.neg(tf.abs(logits))));
    return {
      value: tf.sum(tf.mul(tf.sub(softplus, tf.mul(late, logits)), share)) as tf.Scalar,
      saved: [tf.mul(tf.sub(tf.sigmoid(logits), late), share)],
      gradient: (dy, gradient: tf.Tensor2D) => [tf.mul(gradient, dy)],
    };
  });
}
