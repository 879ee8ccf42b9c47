import { DEMAND_ROWS, PAST_PATCHES, PATCH_PERIODS } from '@hansa/shared/model/jobs/demand';
import type { ExampleSet } from '../examples.ts';
import type { JobData } from '../job.ts';
import type { Frequency } from './config.ts';
import type { CleaningReport } from './load/cleaning.ts';

/** Periods of history that a window shows. */
export const PAST_PERIODS = PAST_PATCHES * PATCH_PERIODS;

/** Position of each channel in a period's PERIOD_CHANNELS numbers. Channels 0-2 and 20-23 are zero in future patches. */
export const CHANNEL = {
  value: 0,
  observed: 1,
  nonZero: 2,
  weekSin: 3,
  weekCos: 4,
  monthSin: 5,
  monthCos: 6,
  yearSin: 7,
  yearCos: 8,
  halfYearSin: 9,
  halfYearCos: 10,
  thirdYearSin: 11,
  thirdYearCos: 12,
  promotion: 13,
  secondPromotion: 14,
  thirdPromotion: 15,
  relativePrice: 16,
  priceAgainstOthers: 17,
  holiday: 18,
  closed: 19,
  stockOut: 20,
  inventory: 21,
  returns: 22,
  views: 23,
} as const;

/** The row of the head that answers for a period, counted over all windows; that of the sum up to it lies PATCH_PERIODS further on. */
export const rowOfPeriod = (period: number): number =>
  Math.floor(period / PATCH_PERIODS) * DEMAND_ROWS + (period % PATCH_PERIODS);

/** Windows side by side, row-major; n = count, P = pastPatches, F = futurePatches, H = F * 7. */
export type WindowBatch = {
  readonly count: number;
  readonly pastPatches: number;
  readonly futurePatches: number;
  /** Periods that a forecast covers; at most H. */
  readonly horizonPeriods: number;
  /** [n, P, 168]; the last period of the last patch is the one before the origin. */
  readonly past: Float32Array;
  /** [n, P]; 1 = at least one period of the patch lies in the series' life. */
  readonly pastPresent: Float32Array;
  /** [n, F, 168]; known covariates only. */
  readonly future: Float32Array;
  /** [n, 4] rows 0..255 of the hashed table: frequency, category, price band, volume band. */
  readonly staticCategories: Int32Array;
  /** [n, 4]: log1p of the scale, share of zeros, log1p of the periods of history / 5, log1p of the price (0 = unknown). */
  readonly staticNumbers: Float32Array;
  /** [n]; max(mean of observed past y, 0.1). */
  readonly scale: Float32Array;
  /** [n, F, 14, DEMAND_ANCHORS, 14] whole forecasts in units of the scale: of seven periods, then of the means from the first period to each. 0 beyond the horizon. */
  readonly anchors: Float32Array;
  /** [n, H] logarithm of the factor by which each period differs from the level, as the series' own past tells. */
  readonly effects: Float32Array;
  /** [n, H] units, never negative; 0 where not observed. */
  readonly target: Float32Array;
  /** [n, H]; 1 = the period is inside the horizon, the split and the data. */
  readonly targetObserved: Float32Array;
  /** [n, H]; 1 = sold out, the target is a lower bound: only q < y is penalised in training, and metrics leave the period out. */
  readonly stockOut: Float32Array;
};

/** Windows of one split, built on demand from compact series; a window's sampling weight is in proportion to the square root of its volume. */
export interface WindowSet extends ExampleSet<WindowBatch> {
  /** The window's series (its number in the merchant's file and its name) and its first target period. */
  describe(index: number): WindowDescription;
  /** One window's targets, as in a batch of it alone, without what a model looks at. */
  targets(index: number): Pick<WindowBatch, 'count' | 'target' | 'targetObserved' | 'stockOut'>;
}

export interface WindowDescription {
  /** Number of the series among all that were read, 0 .. cleaning.seriesRead - 1: windows of one series share it. */
  readonly seriesIndex: number;
  /** Item and location as the merchant wrote them: private, for the merchant's own screen only. */
  readonly series: string;
  /** First day of the first target period, YYYY-MM-DD. */
  readonly originPeriod: string;
}

/** A merchant's cleaned order lines as windows, split by time. */
export interface MerchantData extends JobData<WindowBatch> {
  readonly frequency: Frequency;
  /** Periods that a forecast covers: 28 days, 8 weeks or 6 months. */
  readonly horizonPeriods: number;
  /** Periods in a season: 7, 52 or 12. */
  readonly season: number;
  readonly series: number;
  /** First day of the first and of the last period that the data covers, YYYY-MM-DD. */
  readonly firstPeriod: string;
  readonly lastPeriod: string;
  readonly cleaning: CleaningReport;
  readonly train: WindowSet;
  readonly validation: WindowSet;
  readonly test: WindowSet;
  /**
   * What was known of a window's series at its origin, for simple forecasts: demand from the series' first period up to the origin, as sold
   * (outliers not cut), NaN where the item was sold out.
   */
  history(split: 'validation' | 'test', index: number): Float64Array;
  /** [seriesRead] mean distance of a training period from the one a season before; NaN where training has none. */
  naiveErrors(): Float64Array;
  /** One window for each series, whose origin is the period after the newest one. */
  readonly now: WindowSet;
  describeNow(index: number): SeriesNow;
}

/** A series at the newest period. */
export interface SeriesNow {
  /** As the merchant wrote them, for the merchant's own eyes: item and location, the latter empty where there is none. */
  readonly item: string;
  readonly location: string;
  readonly name: string;
  /** First day of each period of the horizon, YYYY-MM-DD. */
  readonly periodsAhead: readonly string[];
  /** Units by period, as sold; NaN where the item was sold out. */
  readonly history: Float64Array;
  /** Units on hand as the order files tell; NaN where they do not. */
  readonly stock: number;
}
