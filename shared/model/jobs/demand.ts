import { z } from 'zod';
import { type JobTerms, linearLayer } from './job.ts';

/** Periods in a patch: days, weeks or months. */
export const PATCH_PERIODS = 7;
/** Numbers that describe one period: value, mask, non-zero flag, twelve known covariates, four past-only ones. */
export const PERIOD_CHANNELS = 19;
/** Numbers in a patch, [period][channel]. */
export const PATCH_WIDTH = PATCH_PERIODS * PERIOD_CHANNELS;
/** Patches of history that a window shows: 91 periods. */
export const PAST_PATCHES = 13;
/** The most patches that a forecast covers: 28 days. */
const MOST_FUTURE_PATCHES = 4;

/** The quantiles that the demand head forecasts, ascending. Its last column, behind them, is the mean. */
export const DEMAND_QUANTILES = [0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99] as const;
/** Columns of the demand head: quantiles and the mean. */
export const DEMAND_COLUMNS = DEMAND_QUANTILES.length + 1;
/** Rows of the demand head for one future patch: its periods and the sum of the horizon so far. */
export const DEMAND_ROWS = PATCH_PERIODS + 1;
/** Simple forecasts that the demand head mixes and corrects; see client-node/jobs/demand/anchors.ts. */
export const DEMAND_ANCHORS = 4;

/** Rows of the table of static categories, by what they describe. A row means the same for every merchant. */
export const STATIC_ROWS = {
  frequency: { first: 0, count: 8 },
  priceBand: { first: 8, count: 24 },
  volumeBand: { first: 32, count: 32 },
  category: { first: 64, count: 192 },
} as const;
const staticRows = Object.values(STATIC_ROWS).reduce((sum, { count }) => sum + count, 0);

/** What describes a window as a whole, in this order. */
export const STATIC_NUMBERS = ['scale', 'zeroShare', 'history', 'price'] as const;

/** Periods of a merchant's calendar grid. */
const frequencies = ['day', 'week', 'month'] as const;

const geometry = z.strictObject({
  pastPatches: z.int().min(1).max(52),
  futurePatches: z.int().min(1).max(8),
  /** Rows and width of the hashed table of globally meaningful categories. */
  staticRows: z.int().min(1).max(8192),
  staticWidth: z.int().min(1).max(256),
  staticNumbers: z.int().min(0).max(64),
});
export type DemandGeometry = z.infer<typeof geometry>;

const options = z.strictObject({
  kind: z.literal('demand'),
  /** The calendar grid that all members' data must have. */
  frequency: z.enum(frequencies),
});

/** Spread that the head forecasts before training, relative to the level: of one period, and of a sum of periods, which varies less. */
const PERIOD_SPREAD = 0.5;
const SUM_SPREAD = 0.2;

/** Quantiles of the standard normal at DEMAND_QUANTILES above the median. */
const NORMAL_QUANTILES = [0, 0.2533, 0.5244, 0.8416, 1.2816, 1.6449, 2.3263];

/**
 * [DEMAND_ROWS, DEMAND_COLUMNS]: median 0, steps down and up to the quantiles of a normal, mean 0, so that the first steps of training are not spent on
 * finding out that quantiles differ.
 */
function quantileBias(): Float32Array {
  const bias = new Float32Array(DEMAND_ROWS * DEMAND_COLUMNS);
  const stepsEachWay = (DEMAND_QUANTILES.length - 1) / 2;
  for (let row = 0; row < DEMAND_ROWS; row++) {
    const spread = row === DEMAND_ROWS - 1 ? SUM_SPREAD : PERIOD_SPREAD;
    for (let step = 1; step <= stepsEachWay; step++) {
      const raw = inverseSoftplus(spread * (NORMAL_QUANTILES[step]! - NORMAL_QUANTILES[step - 1]!));
      bias[row * DEMAND_COLUMNS + step] = raw;
      bias[row * DEMAND_COLUMNS + stepsEachWay + step] = raw;
    }
  }
  return bias;
}

const inverseSoftplus = (value: number): number => Math.log(Math.expm1(value));

/** Forecasts of what each item will sell, as quantiles. */
export const demand: JobTerms<DemandGeometry, z.infer<typeof options>> = {
  geometry,
  standardGeometry: {
    pastPatches: PAST_PATCHES,
    futurePatches: MOST_FUTURE_PATCHES,
    staticRows,
    staticWidth: 32,
    staticNumbers: STATIC_NUMBERS.length,
  },
  // CLS, the static token, and the patches.
  longestSequence: ({ pastPatches, futurePatches }) => 2 + pastPatches + futurePatches,
  // Without the job's name: models had these tensors before there were several jobs.
  embedderPrefix: 'embedder.',
  embedder: ({ hiddenSize }, { staticRows, staticWidth, staticNumbers }) => [
    ...linearLayer('embedder.patch', hiddenSize, PATCH_WIDTH),
    { name: 'embedder.static.table.weight', shape: [staticRows, staticWidth] },
    ...linearLayer('embedder.static.dense', hiddenSize, staticWidth + staticNumbers),
  ],
  headPrefix: 'demand.',
  head: ({ hiddenSize }) => [
    { name: 'demand.quantiles.weight', shape: [DEMAND_ROWS * DEMAND_COLUMNS, hiddenSize] },
    { name: 'demand.quantiles.bias', shape: [DEMAND_ROWS * DEMAND_COLUMNS], start: quantileBias },
    ...linearLayer('demand.mixture', DEMAND_ANCHORS, hiddenSize),
  ],
  options,
  tail: [],
};
