import { DEMAND_ANCHORS, PATCH_PERIODS, PERIOD_CHANNELS } from '@hansa/shared/model/jobs/demand';
import { CHANNEL, type WindowBatch } from './windows.ts';

/** Patches that the recent averages look back on. */
const RECENT_PATCHES = 4;

/**
 * Simple forecasts of each window's future periods, read off its past, in units of the scale s.
 *
 * The demand head mixes them and forecasts what is left. A network of this size needs thousands of steps to learn from patches alone that
 * a Saturday resembles the Saturdays before it; given these it starts there. In order: the mean of the same place in the patch (the weekday, for
 * days) over all past patches; the same over the last four; the level of the last four; the value one season ago. Periods that were sold
 * out, on promotion or not observed are left out of the means where anything else is there.
 *
 * @returns [count, futurePatches · 7, DEMAND_ANCHORS]
 */
export function anchors(batch: WindowBatch): Float32Array {
  const { count, pastPatches, futurePatches, season, past } = batch;
  const pastPeriods = pastPatches * PATCH_PERIODS;
  const futurePeriods = futurePatches * PATCH_PERIODS;
  const out = new Float32Array(count * futurePeriods * DEMAND_ANCHORS);
  const values = new Float64Array(pastPeriods);
  const weights = new Float64Array(pastPeriods);
  const observed = new Float64Array(pastPeriods);
  for (let window = 0; window < count; window++) {
    for (let period = 0; period < pastPeriods; period++) {
      const at = (window * pastPeriods + period) * PERIOD_CHANNELS;
      values[period] = Math.sinh(past[at + CHANNEL.value]!);
      observed[period] = past[at + CHANNEL.observed]! * (1 - past[at + CHANNEL.stockOut]!);
      weights[period] = observed[period]! * (1 - Math.min(1, Math.max(0, past[at + CHANNEL.promotion]!)));
    }
    const mean = (from: number, step: number, otherwise: number): number =>
      weightedMean(values, weights, from, step) ?? weightedMean(values, observed, from, step) ?? otherwise;
    const recent = pastPeriods - Math.min(RECENT_PATCHES, pastPatches) * PATCH_PERIODS;
    const overall = mean(0, 1, 1);
    const level = mean(recent, 1, overall);
    for (let period = 0; period < futurePeriods; period++) {
      const slot = period % PATCH_PERIODS;
      const long = mean(slot, PATCH_PERIODS, overall);
      const ago = pastPeriods + period - season * Math.ceil((period + 1) / season);
      const at = (window * futurePeriods + period) * DEMAND_ANCHORS;
      out[at] = long;
      out[at + 1] = mean(recent + slot, PATCH_PERIODS, level);
      out[at + 2] = level;
      out[at + 3] = (observed[ago] ?? 0) > 0 ? values[ago]! : long;
    }
  }
  return out;
}

function weightedMean(values: Float64Array, weights: Float64Array, from: number, step: number): number | undefined {
  let sum = 0;
  let total = 0;
  for (let index = from; index < values.length; index += step) {
    sum += values[index]! * weights[index]!;
    total += weights[index]!;
  }
  return total > 0 ? sum / total : undefined;
}
