import type { Architecture } from '@hansa/shared/model';
import {
  DEMAND_ANCHORS,
  DEMAND_ROWS,
  type DemandGeometry,
  PATCH_PERIODS,
  PATCH_WIDTH,
} from '@hansa/shared/model/jobs/demand';
import * as tf from '@tensorflow/tfjs';
import { anchors } from './anchors.ts';
import type { WindowBatch } from './windows.ts';

/** A batch of windows as tensors; n windows, P past and F future patches, rows = n · F · 8. Whoever makes one disposes of it. */
export type DemandInputs = {
  readonly count: number;
  readonly pastPatches: number;
  readonly futurePatches: number;
  /** [n · (P + F), 133] */
  readonly patches: tf.Tensor2D;
  /** [n, 1, 1, 2 + P + F]: 0 for a token to be seen, -1e9 for a patch before the series began. */
  readonly mask: tf.Tensor4D;
  /** [n, staticRows]: how often each row of the hashed table is named. */
  readonly categories: tf.Tensor2D;
  /** [n, staticNumbers] */
  readonly numbers: tf.Tensor2D;
  /** [rows, DEMAND_ANCHORS] in units of s a period. */
  readonly anchors: tf.Tensor2D;
};

/** What the demand loss compares with; rows as in DemandInputs. */
export type DemandTargets = {
  /** [rows, 1] y/s; of the sum row, y to date / (s · periods to date). */
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
    anchors: tf.tensor2d(withSumRows(anchors(batch), batch, DEMAND_ANCHORS), [
      count * futurePatches * DEMAND_ROWS,
      DEMAND_ANCHORS,
    ]),
  };
}

/** Periods from the first of the horizon to the last that sum row `patch` covers. */
function periodsToDate(patch: number, { horizonPeriods }: WindowBatch): number {
  return Math.min((patch + 1) * PATCH_PERIODS, horizonPeriods);
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
    const observedRows = observedShare.subarray(from, from + rowsPerWindow).filter((share) => share > 1 - 1e-6).length;
    for (let row = from; row < from + rowsPerWindow; row++) {
      // A sum with a period missing is not the sum: its row is scored only when all its periods are.
      if (observedShare[row]! > 1 - 1e-6) weights[row] = 1 / (observedRows * count);
      exact[row] = soldOutShare[row]! > 0 ? 0 : 1;
    }
  }
  return {
    values: tf.tensor2d(values, [rows, 1]),
    weights: tf.tensor2d(weights, [rows, 1]),
    exact: tf.tensor2d(exact, [rows, 1]),
  };
}

/** [n, F · 7, width] → [n, F, 8, width]: behind each patch's periods a row with the mean over the horizon's periods to date. */
function withSumRows(perPeriod: Float32Array, batch: WindowBatch, width: number): Float32Array {
  const { count, futurePatches, horizonPeriods } = batch;
  const out = new Float32Array(count * futurePatches * DEMAND_ROWS * width);
  for (let window = 0; window < count; window++) {
    for (let column = 0; column < width; column++) {
      let sum = 0;
      for (let period = 0; period < futurePatches * PATCH_PERIODS; period++) {
        const patch = Math.floor(period / PATCH_PERIODS);
        const value = perPeriod[(window * futurePatches * PATCH_PERIODS + period) * width + column]!;
        if (period < horizonPeriods) sum += value;
        const row = (window * futurePatches + patch) * DEMAND_ROWS + (period % PATCH_PERIODS);
        out[row * width + column] = value;
        if (period % PATCH_PERIODS === PATCH_PERIODS - 1) {
          out[(row + 1) * width + column] = sum / periodsToDate(patch, batch);
        }
      }
    }
  }
  return out;
}
