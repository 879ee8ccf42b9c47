import { DEMAND_COLUMNS, DEMAND_QUANTILES, PATCH_PERIODS } from '@hansa/shared/model/jobs/demand';
import { SCORED_QUANTILES } from './scores.ts';
import { rowOfPeriod, type WindowBatch } from './windows.ts';

const scoredColumns = SCORED_QUANTILES.map((level) => DEMAND_QUANTILES.indexOf(level));

/**
 * The quantiles of each period at SCORED_QUANTILES, in units, floored at 0: [n, F · 7, 9].
 *
 * @param answers of the model, [n · F · 14, 14] in units of each window's scale
 */
export function scoredQuantiles(answers: Float32Array, batch: WindowBatch): Float64Array {
  const periods = batch.futurePatches * PATCH_PERIODS;
  const levels = scoredColumns.length;
  const out = new Float64Array(batch.count * periods * levels);
  for (let at = 0; at < batch.count * periods; at++) {
    const row = rowOfPeriod(at);
    const scale = batch.scale[Math.floor(at / periods)]!;
    scoredColumns.forEach((column, level) => {
      out[at * levels + level] = Math.max(0, answers[row * DEMAND_COLUMNS + column]! * scale);
    });
  }
  return out;
}
