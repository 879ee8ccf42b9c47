import { z } from 'zod';
import { type JobTerms, linearLayer } from './job.ts';

/** Periods in a patch: days, weeks or months. */
export const PATCH_PERIODS = 7;
/** Numbers that describe one period: value, mask, non-zero flag, seventeen known covariates, four past-only ones. */
export const PERIOD_CHANNELS = 24;
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
/** Rows of the demand head for one future patch: its periods, then the sums of the horizon up to the end of each. */
export const DEMAND_ROWS = 2 * PATCH_PERIODS;
/** Whole forecasts that the demand head mixes and corrects; see client-node/jobs/demand/anchors. */
export const DEMAND_ANCHORS = 6;
/** Numbers that describe a row to the head: its covariates, where it lies, and what the anchors say of it. */
export const DEMAND_ROW_WIDTH = PERIOD_CHANNELS + 3 + 3 * DEMAND_ANCHORS;
/** Width in which the head looks at a row, at every size of model: so a head alone is small to send. */
const ROW_HIDDEN = 64;
/** What the head says of a row: a logit for each anchor, a level, a factor for each step between quantiles, and one for the mean. */
export const DEMAND_CORRECTIONS = DEMAND_ANCHORS + 1 + (DEMAND_QUANTILES.length - 1) + 1;

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
  /** Forecasts that the head mixes, and numbers that describe a row to it. */
  anchors: z.literal(DEMAND_ANCHORS),
  rowWidth: z.literal(DEMAND_ROW_WIDTH),
});
export type DemandGeometry = z.infer<typeof geometry>;

const options = z.strictObject({
  kind: z.literal('demand'),
  /** The calendar grid that all members' data must have. */
  frequency: z.enum(frequencies),
});

/** Forecasts of what each item will sell, as quantiles. */
export const demand: JobTerms<DemandGeometry, z.infer<typeof options>> = {
  geometry,
  standardGeometry: {
    pastPatches: PAST_PATCHES,
    futurePatches: MOST_FUTURE_PATCHES,
    staticRows,
    staticWidth: 32,
    staticNumbers: STATIC_NUMBERS.length,
    anchors: DEMAND_ANCHORS,
    rowWidth: DEMAND_ROW_WIDTH,
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
    ...linearLayer('demand.token', ROW_HIDDEN, hiddenSize),
    ...linearLayer('demand.item', ROW_HIDDEN, hiddenSize),
    ...linearLayer('demand.row', ROW_HIDDEN, DEMAND_ROW_WIDTH),
    // Zero, so that an untrained head forecasts the mean of the anchors.
    {
      name: 'demand.corrections.weight',
      shape: [DEMAND_CORRECTIONS, ROW_HIDDEN],
      start: () => new Float32Array(DEMAND_CORRECTIONS * ROW_HIDDEN),
    },
    { name: 'demand.corrections.bias', shape: [DEMAND_CORRECTIONS] },
  ],
  options,
  tail: [],
};
