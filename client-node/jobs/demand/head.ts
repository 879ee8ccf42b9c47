import { DEMAND_COLUMNS, DEMAND_QUANTILES } from '@hansa/shared/model/jobs/demand';
import * as tf from '@tensorflow/tfjs';
import { withGradient } from '../../model/ops.ts';

const QUANTILES = DEMAND_QUANTILES.length;
const MEDIAN = DEMAND_QUANTILES.indexOf(0.5);
/** The head's columns before monotony: the median, 6 steps down from it, 6 steps up, the mean; steps next to the median come first. */
const STEPS = QUANTILES - 1;

/** Weight λ of the squared error of the mean beside the pinball losses. */
const MEAN_WEIGHT = 0.02;

/** Spread that a forecast of zero still has, in units of s: keeps gradients alive where every anchor is 0. */
const SPREAD_FLOOR = 0.1;

/** [DEMAND_COLUMNS, DEMAND_COLUMNS], block triangular: sums steps outwards from the median. */
const monotoneMatrix: readonly number[] = (() => {
  const matrix = new Array<number>(DEMAND_COLUMNS * DEMAND_COLUMNS).fill(0);
  for (let quantile = 0; quantile < QUANTILES; quantile++) {
    matrix[quantile] = 1;
    for (let down = quantile; down < MEDIAN; down++) matrix[(MEDIAN - down) * DEMAND_COLUMNS + quantile] = -1;
    for (let up = MEDIAN + 1; up <= quantile; up++) matrix[up * DEMAND_COLUMNS + quantile] = 1;
  }
  matrix[DEMAND_COLUMNS * DEMAND_COLUMNS - 1] = 1;
  return matrix;
})();

/**
 * Quantiles and mean in units of s, [rows, 14], which cannot cross: level + (level + floor) · (median + sums of softplus steps).
 *
 * @param raw [rows, 14]: median, six steps down, six up, mean
 * @param level [rows, 1], the mixed anchors, at least 0
 */
export function monotoneQuantiles(raw: tf.Tensor2D, level: tf.Tensor2D): tf.Tensor2D {
  return withGradient([raw, level], () => {
    const matrix = tf.tensor2d([...monotoneMatrix], [DEMAND_COLUMNS, DEMAND_COLUMNS]);
    const isStep = tf.tensor1d([0, ...new Array<number>(STEPS).fill(1), 0]);
    const stepped = tf.add(tf.mul(tf.softplus(raw), isStep), tf.mul(raw, tf.sub(1, isStep)));
    const relative = tf.matMul(stepped, matrix);
    const spread = tf.add(level, SPREAD_FLOOR);
    return {
      value: tf.add(level, tf.mul(spread, relative)),
      saved: [raw, relative, spread, matrix, isStep],
      gradient: (
        dy,
        raw: tf.Tensor2D,
        relative: tf.Tensor2D,
        spread: tf.Tensor2D,
        matrix: tf.Tensor2D,
        isStep: tf.Tensor1D,
      ) => {
        const dStepped = tf.matMul(tf.mul(dy, spread), tf.transpose(matrix));
        const slope = tf.add(tf.mul(tf.sub(tf.sigmoid(raw), 1), isStep), 1);
        return [tf.mul(dStepped, slope), tf.sum(tf.mul(dy, tf.add(relative, 1)), 1, true)];
      },
    };
  });
}

/**
 * Weighted pinball loss over the quantiles plus λ · (mean − y/s)², a scalar.
 *
 * A sold-out period is a lower bound: there only a forecast below it costs anything.
 *
 * @param forecast [rows, 14] in units of s
 * @param values, weights, exact [rows, 1], see DemandTargets
 */
export function demandLoss(
  forecast: tf.Tensor2D,
  { values, weights, exact }: { values: tf.Tensor2D; weights: tf.Tensor2D; exact: tf.Tensor2D },
): tf.Scalar {
  return withGradient([forecast], () => {
    const quantiles = tf.tensor2d([...DEMAND_QUANTILES], [1, QUANTILES]);
    const rows = forecast.shape[0];
    const missing = tf.sub(values, forecast);
    const missingQuantiles = tf.slice(missing, [0, 0], [rows, QUANTILES]);
    const missingMean = tf.slice(missing, [0, QUANTILES], [rows, 1]);
    const below = tf.step(missingQuantiles);
    const above = tf.mul(tf.step(tf.neg(missingQuantiles)), exact);
    // Slope of the pinball loss in the forecast: −τ where it lies below the target, 1 − τ where above.
    const slope = tf.sub(tf.mul(above, tf.sub(1, quantiles)), tf.mul(below, quantiles));
    const pinball = tf.mean(tf.mul(tf.neg(missingQuantiles), slope), 1, true);
    const counted = tf.maximum(tf.step(missingMean), exact);
    const squared = tf.mul(tf.mul(tf.square(missingMean), counted), MEAN_WEIGHT);
    const dQuantiles = tf.mul(slope, tf.div(weights, QUANTILES));
    const dMean = tf.mul(tf.mul(tf.mul(missingMean, counted), weights), -2 * MEAN_WEIGHT);
    const gradient = tf.concat([dQuantiles, dMean], 1);
    return {
      value: tf.sum(tf.mul(tf.add(pinball, squared), weights)) as tf.Scalar,
      saved: [gradient],
      gradient: (dy, gradient: tf.Tensor2D) => [tf.mul(gradient, dy)],
    };
  });
}
