import { setImmediate } from 'node:timers/promises';
import { HansaError } from '@hansa/shared/errors';
import { DEMAND_COLUMNS, DEMAND_QUANTILES, DEMAND_ROWS, PATCH_PERIODS } from '@hansa/shared/model';
import type { WindowBatch, WindowSet } from '../../data/index.ts';
import { forecastOf, type ModelShape } from '../../gradient/gradient.ts';
import { chunks, spread } from '../../training/localTraining.ts';
import { type ForecastScore, forecastScore, SCORED_QUANTILES } from './scores.ts';

const scoredColumns = SCORED_QUANTILES.map((level) => DEMAND_QUANTILES.indexOf(level));

/** Scores a model's forecasts of at most `limit` windows, spread evenly through the set. */
export async function scoreModel(
  shape: ModelShape,
  weights: Float32Array,
  windows: WindowSet,
  seriesCount: number,
  {
    limit = Number.POSITIVE_INFINITY,
    windowsAtOnce,
    signal,
  }: { limit?: number; windowsAtOnce?: number; signal?: AbortSignal | undefined } = {},
): Promise<ForecastScore> {
  const score = forecastScore(seriesCount);
  for (const chunk of chunks(spread(windows.count, limit), windowsAtOnce)) {
    if (signal?.aborted) throw new HansaError('Interrupted', 'Evaluation was stopped.');
    const batch = windows.batch(chunk);
    score.add(batch, await scoredForecast(shape, weights, batch), (row) => windows.describe(chunk[row]!).seriesIndex);
    await setImmediate();
  }
  return score;
}

/** The model's quantiles of each period at SCORED_QUANTILES, in units, floored at 0: [n, F · 7, 9]. */
export async function scoredForecast(
  shape: ModelShape,
  weights: Float32Array,
  batch: WindowBatch,
): Promise<Float64Array> {
  const forecast = await forecastOf(shape, weights, batch);
  const periods = batch.futurePatches * PATCH_PERIODS;
  const levels = scoredColumns.length;
  const out = new Float64Array(batch.count * periods * levels);
  for (let at = 0; at < batch.count * periods; at++) {
    const row = Math.floor(at / PATCH_PERIODS) * DEMAND_ROWS + (at % PATCH_PERIODS);
    const scale = batch.scale[Math.floor(at / periods)]!;
    scoredColumns.forEach((column, level) => {
      out[at * levels + level] = Math.max(0, forecast[row * DEMAND_COLUMNS + column]! * scale);
    });
  }
  return out;
}
