import { createHash } from 'node:crypto';
import {
  PAST_PATCHES,
  PATCH_PERIODS,
  PATCH_WIDTH,
  PERIOD_CHANNELS,
  STATIC_ROWS,
} from '@hansa/shared/model/jobs/demand';
import { isoDate } from '../../../data/days.ts';
import { anchorsOf } from '../anchors/index.ts';
import { anchorsLength, layAnchors } from '../anchors/layAnchors.ts';
import { type Frequency, frequencyShapes } from '../config.ts';
import { CHANNEL, PAST_PERIODS, type WindowBatch, type WindowSet } from '../windows.ts';
import { calendarTable, periodStart } from './calendar.ts';
import { isPlanned, type knownSeriesOf, meanPriceOf, relativePrice } from './knownSeries.ts';
import type { Plan } from './plan.ts';
import type { SeriesTable } from './series.ts';

/** Periods of history that an origin needs: one patch. */
export const MIN_HISTORY_PERIODS = PATCH_PERIODS;
const SCALE_FLOOR = 0.1;

/** Which origins make a split, and how far its targets reach; all in period numbers. */
export interface SplitRange {
  readonly firstOrigin: number;
  /** First period that is no origin any more. */
  readonly originEnd: number;
  readonly stride: number;
  /** First period that is no target any more. */
  readonly targetEnd: number;
  /** Periods of its own that a series needs before an origin. */
  readonly history: number;
  /**
   * Origins that are left out: `quiet`, with no sale in the history that they show, of which nothing is learned; `unsold`, before a series' first sale; or
   * none.
   */
  readonly skips: 'quiet' | 'unsold' | 'none';
}

/** Everything that windows are built from. */
export interface WindowSource {
  readonly frequency: Frequency;
  readonly table: SeriesTable;
  /** [cells] units with outliers cut. */
  readonly units: Float32Array;
  readonly lastPeriod: number;
  /** What the merchant has planned; undefined without a plan. */
  readonly plan: Plan | undefined;
  /** Share of a period's days that are public holidays; undefined where none are configured. */
  readonly holidays: ((period: number) => number) | undefined;
}

/** A set of windows, with where each lies. */
export interface PlacedWindows {
  readonly windows: WindowSet;
  readonly seriesOf: Uint32Array;
  /** First target period of each window. */
  readonly originOf: Int32Array;
  /** Origins left out because nothing was sold in the history that they show. */
  readonly zeroSkipped: number;
}

const FREQUENCY_ROWS: Readonly<Record<Frequency, number>> = { day: 0, week: 1, month: 2 };

/** Lays out the windows of one split; their numbers are written only when a batch is asked for. */
export function placeWindows(
  source: WindowSource,
  known: ReturnType<typeof knownSeriesOf>,
  range: SplitRange,
): PlacedWindows {
  const { table, lastPeriod } = source;
  const series: number[] = [];
  const origins: number[] = [];
  const weights: number[] = [];
  let zeroSkipped = 0;
  for (let index = 0; index < table.count; index += 1) {
    const earliest = (table.firstPeriods[index] as number) + range.history;
    const skip = Math.max(0, Math.ceil((earliest - range.firstOrigin) / range.stride));
    const end = Math.min(range.originEnd, lastPeriod + 2);
    const sold = firstSale(source, index);
    for (let origin = range.firstOrigin + skip * range.stride; origin < end; origin += range.stride) {
      const level = levelOf(source, index, origin);
      if (range.skips === 'quiet' ? level.nonZero === 0 : range.skips === 'unsold' && origin <= sold) zeroSkipped += 1;
      else {
        series.push(index);
        origins.push(origin);
        weights.push(Math.sqrt(level.scale));
      }
    }
  }
  const seriesOf = Uint32Array.from(series);
  const originOf = Int32Array.from(origins);
  return {
    windows: lazyWindows(source, known, range, seriesOf, originOf, Float64Array.from(weights)),
    seriesOf,
    originOf,
    zeroSkipped,
  };
}

/** The first period in which a series sold; Infinity where it never did. */
function firstSale({ table, units }: WindowSource, index: number): number {
  const from = table.offsets[index] as number;
  const at = units.subarray(from, table.offsets[index + 1] as number).findIndex((value) => value > 0);
  return at < 0 ? Number.POSITIVE_INFINITY : (table.firstPeriods[index] as number) + at;
}

interface Level {
  readonly scale: number;
  readonly nonZero: number;
  /** Periods of the window's history in which demand is known: inside the series' life and not sold out. */
  readonly observed: number;
}

function levelOf({ table, units }: WindowSource, index: number, origin: number): Level {
  const first = table.firstPeriods[index] as number;
  const base = (table.offsets[index] as number) - first;
  let sum = 0;
  let observed = 0;
  let nonZero = 0;
  for (let period = Math.max(first, origin - PAST_PERIODS); period < origin; period += 1) {
    if (table.censored?.[base + period] === 1) continue;
    const value = units[base + period] as number;
    sum += value;
    observed += 1;
    if (value > 0) nonZero += 1;
  }
  return { scale: Math.max(observed === 0 ? 0 : sum / observed, SCALE_FLOOR), nonZero, observed };
}

function lazyWindows(
  source: WindowSource,
  known: ReturnType<typeof knownSeriesOf>,
  range: SplitRange,
  seriesOf: Uint32Array,
  originOf: Int32Array,
  weights: Float64Array,
): WindowSet {
  const { frequency, table, lastPeriod, plan, holidays } = source;
  const { futurePatches, horizonPeriods } = frequencyShapes[frequency];
  const targetPeriods = futurePatches * PATCH_PERIODS;
  const firstPeriod = table.firstPeriods.reduce((least, period) => Math.min(least, period), lastPeriod);
  const calendarFrom = firstPeriod;
  const calendar = calendarTable(frequency, calendarFrom, lastPeriod + targetPeriods);
  const calendarRow = (period: number) => (period - calendarFrom) * PERIOD_CHANNELS;
  const categoryRows = table.categories.map(categoryRow);

  const writeTargets = (
    into: Pick<WindowBatch, 'target' | 'targetObserved' | 'stockOut'>,
    row: number,
    index: number,
    origin: number,
  ) => {
    const base = (table.offsets[index] as number) - (table.firstPeriods[index] as number);
    for (let step = 0; step < horizonPeriods; step += 1) {
      const period = origin + step;
      if (period >= range.targetEnd || period > lastPeriod) break;
      const out = row * targetPeriods + step;
      into.target[out] = source.units[base + period] as number;
      into.targetObserved[out] = 1;
      into.stockOut[out] = table.censored?.[base + period] ?? 0;
    }
  };

  const writeWindow = (batch: WindowBatch, row: number, index: number, origin: number) => {
    const { past, pastPresent, future, staticCategories, staticNumbers, scale } = batch;
    const first = table.firstPeriods[index] as number;
    const base = (table.offsets[index] as number) - first;
    const level = levelOf(source, index, origin);
    const s = level.scale;
    scale[row] = s;
    const windowStart = origin - PAST_PERIODS;
    const from = Math.max(first, windowStart);
    const meanPrice = meanPriceOf(source, index, from, origin);

    const pastRow = row * PAST_PATCHES * PATCH_WIDTH;
    for (let period = from; period < origin; period += 1) {
      const cell = base + period;
      const at = pastRow + (period - windowStart) * PERIOD_CHANNELS;
      past.set(calendar.subarray(calendarRow(period), calendarRow(period) + PERIOD_CHANNELS), at);
      const value = source.units[cell] as number;
      if (table.censored?.[cell] === 1) past[at + CHANNEL.stockOut] = 1;
      else {
        past[at + CHANNEL.value] = Math.asinh(value / s);
        past[at + CHANNEL.observed] = 1;
        past[at + CHANNEL.nonZero] = value > 0 ? 1 : 0;
      }
      const planned = plan?.at(index, period, origin);
      past[at + CHANNEL.promotion] = table.promotion?.[cell] ?? planned?.promotion ?? 0;
      past[at + CHANNEL.relativePrice] = relativePrice(table.price?.[cell] ?? planned?.price, meanPrice);
      past[at + CHANNEL.holiday] = holidays?.(period) ?? 0;
      past[at + CHANNEL.closed] = planned?.closed ?? 0;
      past[at + CHANNEL.inventory] = Math.asinh(Math.max(0, orZero(table.stock?.[cell])) / s);
      past[at + CHANNEL.returns] = Math.asinh((table.returned?.[cell] ?? 0) / s);
      pastPresent[row * PAST_PATCHES + Math.floor((period - windowStart) / PATCH_PERIODS)] = 1;
    }

    const planned = isPlanned(table, index);
    const priceAhead = relativePrice(table.price?.[base + origin - 1], meanPrice);
    const futureRow = row * futurePatches * PATCH_WIDTH;
    for (let step = 0; step < targetPeriods; step += 1) {
      const period = origin + step;
      const at = futureRow + step * PERIOD_CHANNELS;
      future.set(calendar.subarray(calendarRow(period), calendarRow(period) + PERIOD_CHANNELS), at);
      const ahead = plan?.at(index, period, origin);
      future[at + CHANNEL.relativePrice] =
        ahead?.price === undefined ? priceAhead : relativePrice(ahead.price, meanPrice);
      const stated = planned && period <= lastPeriod ? table.promotion?.[base + period] : undefined;
      future[at + CHANNEL.promotion] = ahead?.promotion ?? stated ?? 0;
      future[at + CHANNEL.holiday] = holidays?.(period) ?? 0;
      future[at + CHANNEL.closed] = ahead?.closed ?? 0;
    }
    writeTargets(batch, row, index, origin);

    layAnchors(batch, row, anchorsOf(known(index, origin)));

    staticCategories[row * 4] = STATIC_ROWS.frequency.first + FREQUENCY_ROWS[frequency];
    staticCategories[row * 4 + 1] = categoryRows[index] as number;
    staticCategories[row * 4 + 2] = bandRow(STATIC_ROWS.priceBand, meanPrice);
    staticCategories[row * 4 + 3] = bandRow(STATIC_ROWS.volumeBand, s);
    staticNumbers[row * 4] = Math.log1p(s);
    staticNumbers[row * 4 + 1] = level.observed === 0 ? 0 : 1 - level.nonZero / level.observed;
    staticNumbers[row * 4 + 2] = Math.log1p(origin - first) / 5;
    staticNumbers[row * 4 + 3] = Number.isNaN(meanPrice) ? 0 : Math.log1p(meanPrice);
  };

  return {
    count: seriesOf.length,
    weights,
    batch(indices) {
      const count = indices.length;
      const batch: WindowBatch = {
        count,
        pastPatches: PAST_PATCHES,
        futurePatches,
        horizonPeriods,
        past: new Float32Array(count * PAST_PATCHES * PATCH_WIDTH),
        pastPresent: new Float32Array(count * PAST_PATCHES),
        future: new Float32Array(count * futurePatches * PATCH_WIDTH),
        staticCategories: new Int32Array(count * 4),
        staticNumbers: new Float32Array(count * 4),
        scale: new Float32Array(count),
        anchors: new Float32Array(anchorsLength(count, futurePatches)),
        effects: new Float32Array(count * targetPeriods),
        ...emptyTargets(count, targetPeriods),
      };
      for (let row = 0; row < count; row += 1) {
        const { series, origin } = placeOf(seriesOf, originOf, indices[row]);
        writeWindow(batch, row, series, origin);
      }
      return batch;
    },
    targets(index) {
      const { series, origin } = placeOf(seriesOf, originOf, index);
      const batch = emptyTargets(1, targetPeriods);
      writeTargets(batch, 0, series, origin);
      return { count: 1, ...batch };
    },
    describe(index) {
      const { series, origin } = placeOf(seriesOf, originOf, index);
      return {
        seriesIndex: series,
        series: table.names[series] as string,
        originPeriod: isoDate(periodStart(frequency, origin)),
      };
    },
  };
}

/** Targets of so many windows, none observed yet. */
const emptyTargets = (count: number, periods: number) => ({
  target: new Float32Array(count * periods),
  targetObserved: new Float32Array(count * periods),
  stockOut: new Float32Array(count * periods),
});

/** A window's series and origin. @throws RangeError (for an index outside) */
export function placeOf(
  seriesOf: Uint32Array,
  originOf: Int32Array,
  index: number | undefined,
): { series: number; origin: number } {
  const series = index === undefined ? undefined : seriesOf[index];
  const origin = index === undefined ? undefined : originOf[index];
  if (series === undefined || origin === undefined) {
    throw new RangeError(`no window ${index}: this set has ${seriesOf.length}`);
  }
  return { series, origin };
}

function orZero(value: number | undefined): number {
  return value === undefined || Number.isNaN(value) ? 0 : value;
}

// Bands double in width; the first row of a range means "not known".
function bandRow(rows: { readonly first: number; readonly count: number }, value: number): number {
  if (Number.isNaN(value)) return rows.first;
  const band = Math.floor(Math.log2(value)) + 5;
  return rows.first + Math.max(1, Math.min(rows.count - 1, band));
}

function categoryRow(category: string | undefined): number {
  if (category === undefined) return STATIC_ROWS.category.first;
  const plain = category.normalize('NFKC').trim().toLowerCase();
  const hash = createHash('sha256').update(`hansa/category/${plain}`).digest().readUInt32BE(0);
  return STATIC_ROWS.category.first + 1 + (hash % (STATIC_ROWS.category.count - 1));
}
