import type { SeriesLosses } from '../../statistics/bootstrap.ts';
import type { Answer } from '../job.ts';
import { seasonalNaive } from './baselines/seasonalNaive.ts';
import { scoredQuantiles } from './predict.ts';
import { SCORED_QUANTILES } from './scores.ts';
import type { MerchantData } from './windows.ts';

/** Periods before the origin that an example shows: a window's past. */
const EXAMPLE_PERIODS = 91;

/** One series of the hold-out for a picture. */
export interface ForecastExample {
  readonly frequency: 'day' | 'week' | 'month';
  readonly series: string;
  /** First day of the first forecast period, YYYY-MM-DD. */
  readonly origin: string;
  /** Units of the periods before the origin, oldest first; null where sold out. */
  readonly history: readonly (number | null)[];
  /** Units of each forecast period; null where not observed or sold out. */
  readonly actual: readonly (number | null)[];
  readonly levels: readonly number[];
  /** [level][period] of the fine-tuned federated model, in units. */
  readonly quantiles: readonly (readonly number[])[];
  readonly seasonalNaive: readonly number[];
}

/** The last window of the series with the median WQL among the better-selling half: a picture that is neither the best nor the worst. */
export async function forecastExample(
  data: MerchantData,
  { loss, demand }: SeriesLosses,
  answer: Answer,
): Promise<ForecastExample | undefined> {
  const bySales = [...demand.keys()].filter((series) => demand[series]! > 0).sort((a, b) => demand[b]! - demand[a]!);
  const better = bySales.slice(0, Math.ceil(bySales.length / 2));
  better.sort((a, b) => loss[a]! / demand[a]! - loss[b]! / demand[b]!);
  const series = better[Math.floor(better.length / 2)];
  const windows = Array.from({ length: data.test.count }, (_, index) => index);
  const index = windows.findLast((window) => data.test.describe(window).seriesIndex === series);
  if (index === undefined) return undefined;
  const batch = data.test.batch([index]);
  const { horizonPeriods } = data;
  const levels = SCORED_QUANTILES.length;
  const forecast = scoredQuantiles(await answer(batch), batch);
  const naive = seasonalNaive(data.history('test', index), data.season, horizonPeriods);
  const column = (of: Float64Array, level: number) =>
    Array.from({ length: horizonPeriods }, (_, period) => of[period * levels + level]!);
  const description = data.test.describe(index);
  return {
    frequency: data.frequency,
    series: description.series,
    origin: description.originPeriod,
    history: [...data.history('test', index).slice(-EXAMPLE_PERIODS)].map((value) =>
      Number.isNaN(value) ? null : value,
    ),
    actual: Array.from({ length: horizonPeriods }, (_, period) =>
      batch.targetObserved[period] === 1 && batch.stockOut[period] === 0 ? batch.target[period]! : null,
    ),
    levels: [...SCORED_QUANTILES],
    quantiles: SCORED_QUANTILES.map((_, level) => column(forecast, level)),
    seasonalNaive: column(naive, SCORED_QUANTILES.indexOf(0.5)),
  };
}
