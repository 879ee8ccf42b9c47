/**
 * Every number of the generator. They were set before the first comparison of methods and are not touched after it:
 * a world that is bent until the league wins proves nothing.
 */

/** First and last day of the longest history: 104 weeks, Monday to Sunday. */
export const firstDay = '2023-01-02';
export const lastDay = '2024-12-29';

/** Split by time: training targets end before `validFrom` (56 days of validation), the last 84 days (three origins of 28 days) are the hold-out. */
export const split = { validFrom: '2024-08-12', testFrom: '2024-10-07' } as const;

/** Catalogue and history of the first merchants; a larger league walks through the list again with other draws. */
export const sizes = [
  { items: 40, historyDays: 728, volume: 1.6, promotionsPerItemYear: 7 },
  { items: 24, historyDays: 728, volume: 1.0, promotionsPerItemYear: 5 },
  { items: 16, historyDays: 616, volume: 2.2, promotionsPerItemYear: 4 },
  { items: 12, historyDays: 728, volume: 0.7, promotionsPerItemYear: 6 },
  { items: 9, historyDays: 504, volume: 1.2, promotionsPerItemYear: 3 },
  { items: 6, historyDays: 392, volume: 0.9, promotionsPerItemYear: 4 },
] as const;

export const items = {
  /** Median and log standard deviation of a regular item's sales a day. */
  regularPerDay: { median: 6, logStdDev: 0.7 },
  intermittentShare: 0.2,
  intermittentPerDay: { low: 0.15, high: 0.6 },
  /** Share of items that start in the course of the history, at a random day of its first half. */
  launchedLateShare: 0.1,
  price: { median: 8, logStdDev: 0.6, yearlyRise: 0.03 },
} as const;

export const promotions = {
  discounts: [0.1, 0.15, 0.2, 0.3],
  days: { low: 4, high: 8 },
  /** Buyers who stocked up stay away: share of sales lost in the days after, on a positive response alone. */
  dipAfter: { days: 4, share: 0.15 },
} as const;

/** A shop orders when stock falls under some days of its usual sales; a late delivery or a rush then empties the shelf. */
export const inventory = {
  reorderDays: 7,
  coverDays: 16,
  leadDays: { low: 2, high: 5 },
  lateShare: 0.12,
  lateDays: 5,
  /** Extra stock for a promotion, in days of usual sales per day of promotion. */
  promotionCover: 1.2,
} as const;

/** What a person at the till gets wrong, for cleaning to find. */
export const faults = {
  duplicateShare: 0.002,
  returnShare: 0.006,
  /** A slipped digit: ten times the quantity. */
  slipShare: 0.0003,
  /** Share of the days without a sale whose line is not in the file. */
  lostLineShare: 0.01,
} as const;

export const sharedWorld = {
  categories: ['bakery', 'beverages', 'dairy', 'household', 'personal care', 'produce', 'snacks', 'toys'],
  categoriesPerMerchant: { low: 3, high: 4 },
  weekday: { weekendLog: 0.25, stdDevLog: 0.3 },
  yearly: { amplitudeLow: 0.15, amplitudeHigh: 0.4 },
  /** Month, day, days of build-up, days of after-glow, strength: what a category makes of it is drawn per category. */
  festivals: [
    { month: 1, day: 1, before: 5, after: 2, strength: 0.7 },
    { month: 2, day: 14, before: 6, after: 1, strength: 0.6 },
    { month: 4, day: 5, before: 7, after: 3, strength: 0.7 },
    { month: 5, day: 1, before: 5, after: 4, strength: 0.8 },
    { month: 6, day: 18, before: 8, after: 2, strength: 0.8 },
    { month: 8, day: 28, before: 12, after: 4, strength: 0.7 },
    { month: 9, day: 29, before: 7, after: 7, strength: 0.9 },
    { month: 11, day: 11, before: 8, after: 2, strength: 1.2 },
    { month: 12, day: 24, before: 16, after: 2, strength: 1.3 },
  ],
  festivalResponse: { mean: 0.35, stdDev: 0.35, low: -0.2, high: 1.0 },
  /** Sales grow by (1 - discount)^-elasticity and by the flag itself. */
  elasticity: { low: 1.2, high: 3.6 },
  flagLog: { low: 0.1, high: 0.35 },
  /** How far one merchant strays from what its category has in common, in the log. */
  merchantStdDevLog: 0.05,
  dispersion: 7,
  level: { persistence: 0.985, stdDevLog: 0.02 },
} as const;

export const unrelatedWorld = {
  /** Codes of each merchant's own: 'A' of one has nothing to do with 'A' of another. */
  categories: ['A', 'B', 'C', 'D'],
  categoriesPerMerchant: { low: 2, high: 4 },
  weekday: { stdDevLog: 0.65 },
  /** Share of merchants that keep one weekday of their own closed. */
  closedDayShare: 0.5,
  yearly: { amplitudeLow: 0, amplitudeHigh: 0.6 },
  festivals: { count: 6, before: 10, after: 6, strengthLow: -1.0, strengthHigh: 1.3 },
  /** Log response to the flag and a discount of 20 %; every second merchant marks clearance stock that nobody wants, and sells less of it. */
  promotionLog: { gainLow: 0.4, gainHigh: 1.4, lossLow: -1.2, lossHigh: -0.4 },
  /** A merchant's own way of being random, its pack and the way its level moves. */
  dispersions: [1, 2.5, 6, 15, 40],
  packs: [1, 1, 2, 3, 6],
  levels: [
    { persistence: 0.99, stdDevLog: 0.01, jumpsPerYear: 0, jumpLog: 0 },
    { persistence: 0.998, stdDevLog: 0.05, jumpsPerYear: 0, jumpLog: 0 },
    { persistence: 0.8, stdDevLog: 0.2, jumpsPerYear: 0, jumpLog: 0 },
    { persistence: 0.97, stdDevLog: 0.02, jumpsPerYear: 8, jumpLog: 0.6 },
  ],
} as const;
