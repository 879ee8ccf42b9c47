import type { Architecture } from '@hansa/shared/model';
import {
  DEMAND_ANCHORS,
  DEMAND_COLUMNS,
  DEMAND_QUANTILES,
  DEMAND_ROW_WIDTH,
  DEMAND_ROWS,
  type DemandGeometry,
  PATCH_PERIODS,
  PATCH_WIDTH,
  PERIOD_CHANNELS,
} from '@hansa/shared/model/jobs/demand';
import * as tf from '@tensorflow/tfjs';
import { rowOfPeriod, type WindowBatch } from './windows.ts';

const [LOW, MEDIAN, HIGH] = [0.1, 0.5, 0.9].map((level) => DEMAND_QUANTILES.indexOf(level as 0.5)) as [
  number,
  number,
  number,
];
/** Periods that a place in the horizon is told in. */
const LONGEST_HORIZON = 28;
/** Weight of a sum's row in the loss; that of a period is 1. */
const SUM_WEIGHT = 0.5;

/** A batch of windows as tensors; n windows, P past and F future patches, rows = n · F · 14. Whoever makes one disposes of it. */
export type DemandInputs = {
  readonly count: number;
  readonly pastPatches: number;
  readonly futurePatches: number;
  /** [n · (P + F), 168] */
  readonly patches: tf.Tensor2D;
  /** [n, 1, 1, 2 + P + F]: 0 for a token to be seen, -1e9 for a patch before the series began. */
  readonly mask: tf.Tensor4D;
  /** [n, staticRows]: how often each row of the hashed table is named. */
  readonly categories: tf.Tensor2D;
  /** [n, staticNumbers] */
  readonly numbers: tf.Tensor2D;
  /** [rows, DEMAND_ROW_WIDTH] what is known of each row. */
  readonly rows: tf.Tensor2D;
  /** [rows, DEMAND_ANCHORS · 14] in units of s a period. */
  readonly anchors: tf.Tensor2D;
};

/** What the demand loss compares with; rows as in DemandInputs. */
export type DemandTargets = {
  /** [rows, 1] y/s; of a sum's row, y to date / (s · periods to date). */
  readonly values: tf.Tensor2D;
  /** [rows, 1]; the weights of a window's observed rows sum to 1 / n. */
  readonly weights: tf.Tensor2D;
  /** [rows, 1]; 1 = not sold out. 0 marks a lower bound. */
  readonly exact: tf.Tensor2D;
};

/**
 * The sizes of the job's own tensors.
 *
 * @throws RangeError (for a model of other jobs)
 */
function geometryOf({ heads }: Architecture): DemandGeometry {
  if (heads.demand === undefined) throw new RangeError('the model has no demand head');
  return heads.demand;
}

/**
 * Tensors of a batch of windows.
 *
 * @throws RangeError (where the batch does not fit the architecture)
 */
export function demandInputs(batch: WindowBatch, architecture: Architecture): DemandInputs {
  const { count, pastPatches, futurePatches } = batch;
  const embedder = geometryOf(architecture);
  const patchCount = pastPatches + futurePatches;
  if (pastPatches > embedder.pastPatches || futurePatches > embedder.futurePatches) {
    throw new RangeError(`the model takes ${embedder.pastPatches} past and ${embedder.futurePatches} future patches`);
  }
  if (batch.staticCategories.some((row) => row >= embedder.staticRows)) {
    throw new RangeError(`the model has ${embedder.staticRows} rows of static categories`);
  }
  const patches = new Float32Array(count * patchCount * PATCH_WIDTH);
  const mask = new Float32Array(count * (2 + patchCount));
  const pastSize = pastPatches * PATCH_WIDTH;
  const futureSize = futurePatches * PATCH_WIDTH;
  for (let window = 0; window < count; window++) {
    const at = window * (pastSize + futureSize);
    patches.set(batch.past.subarray(window * pastSize, (window + 1) * pastSize), at);
    patches.set(batch.future.subarray(window * futureSize, (window + 1) * futureSize), at + pastSize);
    for (let patch = 0; patch < pastPatches; patch++) {
      if (batch.pastPresent[window * pastPatches + patch] === 0) mask[window * (2 + patchCount) + 2 + patch] = -1e9;
    }
  }
  const categories = new Float32Array(count * embedder.staticRows);
  const columns = batch.staticCategories.length / count;
  batch.staticCategories.forEach((row, index) => {
    categories[Math.floor(index / columns) * embedder.staticRows + row]! += 1;
  });
  return {
    count,
    pastPatches,
    futurePatches,
    patches: tf.tensor2d(patches, [count * patchCount, PATCH_WIDTH]),
    mask: tf.tensor4d(mask, [count, 1, 1, 2 + patchCount]),
    categories: tf.tensor2d(categories, [count, embedder.staticRows]),
    numbers: tf.tensor2d(batch.staticNumbers, [count, embedder.staticNumbers]),
    rows: tf.tensor2d(rowNumbers(batch), [count * futurePatches * DEMAND_ROWS, DEMAND_ROW_WIDTH]),
    anchors: tf.tensor2d(batch.anchors, [count * futurePatches * DEMAND_ROWS, DEMAND_ANCHORS * DEMAND_COLUMNS]),
  };
}

/**
 * [rows, DEMAND_ROW_WIDTH]: the covariates of a row's period and the logarithm of its effect, or their means to date; whether it is a sum; its place in the
 * horizon; and of each anchor median, mean and spread.
 */
function rowNumbers(batch: WindowBatch): Float32Array {
  const { count, futurePatches, future, effects, anchors } = batch;
  const periods = futurePatches * PATCH_PERIODS;
  const described = new Float32Array(count * periods * (PERIOD_CHANNELS + 1));
  for (let at = 0; at < count * periods; at++) {
    described.set(future.subarray(at * PERIOD_CHANNELS, (at + 1) * PERIOD_CHANNELS), at * (PERIOD_CHANNELS + 1));
    described[at * (PERIOD_CHANNELS + 1) + PERIOD_CHANNELS] = effects[at]!;
  }
  const known = withSumRows(described, batch, PERIOD_CHANNELS + 1);
  const out = new Float32Array(count * futurePatches * DEMAND_ROWS * DEMAND_ROW_WIDTH);
  for (let row = 0; row < count * futurePatches * DEMAND_ROWS; row++) {
    const at = row * DEMAND_ROW_WIDTH;
    const inPatch = row % DEMAND_ROWS;
    const patch = Math.floor(row / DEMAND_ROWS) % futurePatches;
    out.set(known.subarray(row * (PERIOD_CHANNELS + 1), (row + 1) * (PERIOD_CHANNELS + 1)), at);
    out[at + PERIOD_CHANNELS + 1] = inPatch < PATCH_PERIODS ? 0 : 1;
    out[at + PERIOD_CHANNELS + 2] = (patch * PATCH_PERIODS + (inPatch % PATCH_PERIODS) + 1) / LONGEST_HORIZON;
    for (let kind = 0; kind < DEMAND_ANCHORS; kind++) {
      const from = (row * DEMAND_ANCHORS + kind) * DEMAND_COLUMNS;
      const into = at + PERIOD_CHANNELS + 3 + 3 * kind;
      out[into] = Math.asinh(anchors[from + MEDIAN]!);
      out[into + 1] = Math.asinh(anchors[from + DEMAND_COLUMNS - 1]!);
      out[into + 2] = Math.asinh(anchors[from + HIGH]! - anchors[from + LOW]!);
    }
  }
  return out;
}

/** Targets of a batch of windows for the demand loss. */
export function demandTargets(batch: WindowBatch): DemandTargets {
  const { count, futurePatches, target, targetObserved, stockOut, scale } = batch;
  const periods = futurePatches * PATCH_PERIODS;
  const rows = count * futurePatches * DEMAND_ROWS;
  const scaled = new Float32Array(count * periods);
  for (let index = 0; index < scaled.length; index++) {
    scaled[index] = (target[index]! * targetObserved[index]!) / scale[Math.floor(index / periods)]!;
  }
  const values = withSumRows(scaled, batch, 1);
  const observedShare = withSumRows(targetObserved, batch, 1);
  const soldOutShare = withSumRows(stockOut, batch, 1);
  const weights = new Float32Array(rows);
  const exact = new Float32Array(rows);
  const rowsPerWindow = futurePatches * DEMAND_ROWS;
  for (let window = 0; window < count; window++) {
    const from = window * rowsPerWindow;
    // A sum with a period missing is not the sum: its row is scored only when all its periods are.
    let total = 0;
    for (let row = from; row < from + rowsPerWindow; row++) {
      if (observedShare[row]! > 1 - 1e-6) weights[row] = row % DEMAND_ROWS < PATCH_PERIODS ? 1 : SUM_WEIGHT;
      total += weights[row]!;
      exact[row] = soldOutShare[row]! > 0 ? 0 : 1;
    }
    for (let row = from; row < from + rowsPerWindow; row++) weights[row]! /= Math.max(total, 1e-9) * count;
  }
  return {
    values: tf.tensor2d(values, [rows, 1]),
    weights: tf.tensor2d(weights, [rows, 1]),
    exact: tf.tensor2d(exact, [rows, 1]),
  };
}

/** [n, F · 7, width] → [n, F, 14, width]: behind each patch's periods, rows with the means over the periods from the first to each; beyond the horizon 0. */
function withSumRows(perPeriod: Float32Array, batch: WindowBatch, width: number): Float32Array {
  const { count, futurePatches, horizonPeriods } = batch;
  const periods = futurePatches * PATCH_PERIODS;
  const out = new Float32Array(count * futurePatches * DEMAND_ROWS * width);
  const sums = new Float64Array(width);
  for (let window = 0; window < count; window++) {
    sums.fill(0);
    for (let period = 0; period < periods; period++) {
      const row = rowOfPeriod(window * periods + period);
      for (let column = 0; column < width; column++) {
        const value = perPeriod[(window * periods + period) * width + column]!;
        out[row * width + column] = value;
        if (period >= horizonPeriods) continue;
        sums[column]! += value;
        out[(row + PATCH_PERIODS) * width + column] = sums[column]! / (period + 1);
      }
    }
  }
  return out;
}
