import type { Frequency } from '../config.ts';

/** What is known of a series at an origin: its past, and the covariates of the periods ahead. */
export interface KnownSeries {
  readonly frequency: Frequency;
  /** [T] units before the origin, oldest first; NaN = demand is not known: sold out. T may be 0. */
  readonly sold: Float64Array;
  /** Periods to forecast, H. */
  readonly horizon: number;
  /** [T + H, width] what may change demand, past and future, row-major: 0 = nothing special. */
  readonly covariates: Float32Array;
  /** Covariates of a period; 0 or more. */
  readonly width: number;
  /** [T + H] share of each period in which the shop is closed; undefined = never. */
  readonly closed: Float32Array | undefined;
  /** Weekday of the first of the T + H periods, 0 to 6; means nothing but for days. */
  readonly firstWeekday: number;
  /** [T + H] what all of the merchant's items sold at that time of the year before, over their mean of that year; 1 where that is not known. */
  readonly merchantSeason: Float64Array;
  /** Mean demand a period of the merchant's items, ascending: where there is no history, a new item is like one of them. Asked for only then. */
  peers(): Float64Array;
}

/** How far back the anchors look, in periods. */
interface LookBack {
  /** The three windows that empirical quantiles are taken of. */
  readonly windows: readonly [number, number, number];
  /** Periods in a year. */
  readonly year: number;
  /** Places in a week that demand follows: 7 for days. */
  readonly weekdays: 1 | 7;
  /** Half the width of the stretch of the year before that a season's factor is taken of. */
  readonly halfStretch: number;
  /** Half the width of the moving mean that a level is. */
  readonly halfWidth: number;
  /** Periods that effects and errors are learned from. */
  readonly fitted: number;
}

export const lookBacks: Readonly<Record<Frequency, LookBack>> = {
  day: { windows: [28, 56, 91], year: 364, weekdays: 7, halfStretch: 3, halfWidth: 14, fitted: 364 },
  week: { windows: [13, 26, 52], year: 52, weekdays: 1, halfStretch: 1, halfWidth: 6, fitted: 104 },
  month: { windows: [6, 12, 24], year: 12, weekdays: 1, halfStretch: 0, halfWidth: 3, fitted: 36 },
};

/** The most periods of history that any anchor reads. */
export const mostHistory = (frequency: Frequency): number => {
  const { year, fitted, windows } = lookBacks[frequency];
  return fitted + year + windows[0];
};
