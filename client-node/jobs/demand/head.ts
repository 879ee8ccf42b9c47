import { DEMAND_ANCHORS, DEMAND_COLUMNS, DEMAND_CORRECTIONS, DEMAND_QUANTILES } from '@hansa/shared/model/jobs/demand';
import * as tf from '@tensorflow/tfjs';
import { withGradient } from '../../model/ops.ts';

const QUANTILES = DEMAND_QUANTILES.length;
const MEDIAN = DEMAND_QUANTILES.indexOf(0.5);
/** Steps between neighbouring quantiles. */
const STEPS = QUANTILES - 1;

/** Weight λ of the squared error of the mean beside the pinball losses. */
const MEAN_WEIGHT = 0.02;

/** Limit of the logarithm of a correction: a factor of e² either way. */
const MOST_LOG_CORRECTION = 2;

/** A constant matrix, [rows, columns], by its entries. */
const constant = (rows: number, columns: number, entry: (row: number, column: number) => number): tf.Tensor2D =>
  tf.tensor2d(
    Array.from({ length: rows * columns }, (_, at) => entry(Math.floor(at / columns), at % columns)),
    [rows, columns],
  );

/** [14, 12]: the steps between neighbouring quantiles of a row. */
const stepMatrix = () =>
  constant(DEMAND_COLUMNS, STEPS, (column, step) => (column === step + 1 ? 1 : column === step ? -1 : 0));
/** [12, 14]: sums steps outwards from the median; nothing to the mean. */
const outwardMatrix = () =>
  constant(STEPS, DEMAND_COLUMNS, (step, column) => {
    if (column === QUANTILES) return 0;
    if (step >= MEDIAN) return column > step ? 1 : 0;
    return column <= step ? -1 : 0;
  });
/** [14, 14]: the median to every quantile. */
const medianMatrix = () =>
  constant(DEMAND_COLUMNS, DEMAND_COLUMNS, (from, to) => (from === MEDIAN && to < QUANTILES ? 1 : 0));
/** [1, 14]: 1 for the mean. */
const meanColumn = () => constant(1, DEMAND_COLUMNS, (_, column) => (column === QUANTILES ? 1 : 0));

/**
 * Mixes the anchors of each row and corrects what comes of it: [rows, 14] in the anchors' units.
 *
 * A row's forecast is Σ softmax(logits) · anchors, whose quantiles cannot cross, since those of no anchor do. The steps between its quantiles are multiplied with
 * a factor each, which leaves them in order, its mean with one of its own, and the whole row with that of the level. Corrections of 0 change nothing, and
 * all of them lie between e⁻² and e².
 *
 * @param corrections [rows, DEMAND_CORRECTIONS] logits, level, twelve steps, mean
 * @param anchors [rows, DEMAND_ANCHORS · 14], quantiles ascending, at least 0
 */
export function mixAnchors(corrections: tf.Tensor2D, anchors: tf.Tensor2D): tf.Tensor2D {
  const rows = corrections.shape[0];
  const each = tf.reshape(anchors, [rows, DEMAND_ANCHORS, DEMAND_COLUMNS]) as tf.Tensor3D;
  return withGradient([corrections], () => {
    const shares = tf.softmax(tf.slice(corrections, [0, 0], [rows, DEMAND_ANCHORS]));
    const bent = tf.tanh(
      tf.div(
        tf.slice(corrections, [0, DEMAND_ANCHORS], [rows, DEMAND_CORRECTIONS - DEMAND_ANCHORS]),
        MOST_LOG_CORRECTION,
      ),
    );
    const factors = tf.exp(tf.mul(bent, MOST_LOG_CORRECTION)) as tf.Tensor2D;
    const mixed = tf.sum(tf.mul(each, tf.reshape(shares, [rows, DEMAND_ANCHORS, 1])), 1) as tf.Tensor2D;
    const [toSteps, outwards, toMedian, isMean] = [stepMatrix(), outwardMatrix(), medianMatrix(), meanColumn()];
    const level = tf.slice(factors, [0, 0], [rows, 1]);
    const steps = tf.mul(tf.matMul(mixed, toSteps), tf.slice(factors, [0, 1], [rows, STEPS])) as tf.Tensor2D;
    const mean = tf.mul(tf.mul(mixed, isMean), tf.slice(factors, [0, 1 + STEPS], [rows, 1]));
    const within = tf.add(tf.add(tf.matMul(mixed, toMedian), tf.matMul(steps, outwards)), mean);
    const value = tf.mul(level, within) as tf.Tensor2D;
    return {
      value,
      saved: [shares, bent, factors, steps, mean, value, each, toSteps, outwards, toMedian, isMean],
      gradient: (
        dy: tf.Tensor2D,
        shares: tf.Tensor2D,
        bent: tf.Tensor2D,
        factors: tf.Tensor2D,
        steps: tf.Tensor2D,
        mean: tf.Tensor2D,
        value: tf.Tensor2D,
        each: tf.Tensor3D,
        toSteps: tf.Tensor2D,
        outwards: tf.Tensor2D,
        toMedian: tf.Tensor2D,
        isMean: tf.Tensor2D,
      ) => {
        const level = tf.slice(factors, [0, 0], [rows, 1]);
        const dWithin = tf.mul(dy, level) as tf.Tensor2D;
        const dSteps = tf.matMul(dWithin, tf.transpose(outwards)) as tf.Tensor2D;
        // In the logarithm of each factor.
        const dLevel = tf.sum(tf.mul(dy, value), 1, true);
        const dMean = tf.sum(tf.mul(dWithin, mean), 1, true);
        const dLogs = tf.concat([dLevel, tf.mul(dSteps, steps), dMean], 1);
        const dBent = tf.mul(dLogs, tf.sub(1, tf.square(bent)));
        const dMixed = tf.add(
          tf.add(
            tf.matMul(dWithin, tf.transpose(toMedian)),
            tf.matMul(tf.mul(dSteps, tf.slice(factors, [0, 1], [rows, STEPS])) as tf.Tensor2D, tf.transpose(toSteps)),
          ),
          tf.mul(tf.mul(dWithin, isMean), tf.slice(factors, [0, 1 + STEPS], [rows, 1])),
        );
        const dShares = tf.sum(tf.mul(each, tf.reshape(dMixed, [rows, 1, DEMAND_COLUMNS])), 2) as tf.Tensor2D;
        const weighted = tf.mul(dShares, shares);
        const dLogits = tf.sub(weighted, tf.mul(shares, tf.sum(weighted, 1, true)));
        return [tf.concat([dLogits, dBent], 1)];
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
