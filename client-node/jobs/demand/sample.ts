import { PAST_PATCHES, PATCH_PERIODS, PERIOD_CHANNELS } from '@hansa/shared/model/jobs/demand';
import { seededNumbers } from '@hansa/shared/random';
import { examplesAt } from '../examples.ts';
import { anchorsOf } from './anchors/index.ts';
import { anchorsLength, layAnchors } from './anchors/layAnchors.ts';
import { CHANNEL, PAST_PERIODS, type WindowBatch, type WindowSet } from './windows.ts';

/** Made-up windows, for tests of the model and for trying an engine: series with a weekly pattern, noise, some history missing and some periods sold out. */
export function sampleWindows(seed: string, count: number, futurePatches = 4): WindowSet {
  const numbers = seededNumbers(seed);
  const futurePeriods = futurePatches * PATCH_PERIODS;
  const all = {
    count,
    pastPatches: PAST_PATCHES,
    futurePatches,
    horizonPeriods: futurePeriods,
    past: new Float32Array(count * PAST_PERIODS * PERIOD_CHANNELS),
    pastPresent: new Float32Array(count * PAST_PATCHES).fill(1),
    future: new Float32Array(count * futurePeriods * PERIOD_CHANNELS),
    staticCategories: Int32Array.from({ length: count * 4 }, () => Math.floor(numbers.uniform() * 256)),
    staticNumbers: Float32Array.from({ length: count * 4 }, () => numbers.uniform()),
    scale: new Float32Array(count),
    anchors: new Float32Array(anchorsLength(count, futurePatches)),
    effects: new Float32Array(count * futurePeriods),
    target: new Float32Array(count * futurePeriods),
    targetObserved: Float32Array.from({ length: count * futurePeriods }, () => (numbers.uniform() < 0.95 ? 1 : 0)),
    stockOut: Float32Array.from({ length: count * futurePeriods }, () => (numbers.uniform() < 0.05 ? 1 : 0)),
  };
  for (let window = 0; window < count; window++) {
    const scale = 0.5 + 10 * numbers.uniform();
    const peak = Math.floor(numbers.uniform() * PATCH_PERIODS);
    const absent = Math.floor(numbers.uniform() * 4);
    const sold = (period: number) =>
      Math.max(0, scale * ((period % PATCH_PERIODS === peak ? 3 : 0.7) + 0.2 * numbers.truncatedNormal()));
    all.scale[window] = scale;
    all.pastPresent.fill(0, window * PAST_PATCHES, window * PAST_PATCHES + absent);
    const history = new Float64Array(PAST_PERIODS - absent * PATCH_PERIODS);
    for (let period = absent * PATCH_PERIODS; period < PAST_PERIODS; period++) {
      const at = (window * PAST_PERIODS + period) * PERIOD_CHANNELS;
      const value = sold(period);
      history[period - absent * PATCH_PERIODS] = value;
      all.past[at + CHANNEL.value] = Math.asinh(value / scale);
      all.past[at + CHANNEL.observed] = 1;
      all.past[at + CHANNEL.nonZero] = value > 0 ? 1 : 0;
      all.past[at + CHANNEL.weekSin] = Math.sin((2 * Math.PI * period) / PATCH_PERIODS);
    }
    for (let period = 0; period < futurePeriods; period++) {
      all.future[(window * futurePeriods + period) * PERIOD_CHANNELS + CHANNEL.weekSin] = Math.sin(
        (2 * Math.PI * period) / 7,
      );
      all.target[window * futurePeriods + period] = sold(period);
    }
    const known = {
      frequency: 'day',
      sold: history,
      horizon: futurePeriods,
      covariates: new Float32Array(0),
      width: 0,
      closed: undefined,
      firstWeekday: 0,
      merchantSeason: new Float64Array(PAST_PERIODS + futurePeriods).fill(1),
      peers: () => Float64Array.of(scale),
    } as const;
    layAnchors(all, window, anchorsOf(known));
  }
  return {
    count,
    weights: Float64Array.from(all.scale, Math.sqrt),
    batch: (indices) => examplesAt(all, indices),
    targets(index) {
      const { target, targetObserved, stockOut } = examplesAt(all, [index]);
      return { count: 1, target, targetObserved, stockOut };
    },
    describe: (index) => ({ seriesIndex: index, series: `series ${index}`, originPeriod: '2024-01-01' }),
  };
}

/** One batch of all windows of sampleWindows. */
export function sampleBatch(seed: string, count: number, futurePatches = 4): WindowBatch {
  return sampleWindows(seed, count, futurePatches).batch(Array.from({ length: count }, (_, index) => index));
}
