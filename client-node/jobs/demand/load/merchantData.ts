import type { HansaError } from '@hansa/shared/errors';
import { type OrderDatabase, openDatabase } from '../../../data/database.ts';
import { dataFault } from '../../../data/dataFault.ts';
import { dayNumber, isoDate } from '../../../data/days.ts';
import { interruptible } from '../../../data/interruptible.ts';
import { findOrderFile, type OrderFile, openOrderTable } from '../../../data/orderFile.ts';
import type { LoadOptions } from '../../job.ts';
import { type DataConfig, type Frequency, frequencyShapes, type Source } from '../config.ts';
import type { MerchantData } from '../windows.ts';
import { firstPeriodFrom, periodOf, periodStart } from './calendar.ts';
import type { CleaningReport } from './cleaning.ts';
import { dataDigest } from './dataDigest.ts';
import { describeData } from './describeData.ts';
import { knownSeriesOf } from './knownSeries.ts';
import { createLines, readOrderLines } from './orderLines.ts';
import { countLines, type LineFacts, lineFacts, sumToPeriods } from './orderPeriods.ts';
import { cutOutliers, loadSeries, type SeriesTable } from './series.ts';
import { MIN_HISTORY_PERIODS, type PlacedWindows, placeOf, placeWindows, type WindowSource } from './windowSet.ts';

/** Series x periods that are held in memory: about 1 GB with every column mapped. */
const MAX_CELLS = 20_000_000;
/** More training windows than this are thinned evenly. */
const MAX_TRAINING_WINDOWS = 2_000_000;

/**
 * Reads, checks and cleans a merchant's order lines and lays them out as windows, split by time.
 *
 * A period is a day, a week from Monday, or a calendar month. Training targets end before validFrom, validation targets lie in [validFrom, testFrom),
 * test targets from testFrom; a period that a split date cuts in two is nobody's target. Origins: every period for training, every horizon for
 * validation and test; the last one's targets end where the split ends.
 *
 * Covariates are those known at the origin: the calendar; the last price before it; and planned promotions, where nearly every period states them.
 *
 * @param baseFolder folder that the sources' paths count from
 * @throws HansaError InvalidData (what is wrong, in which file, row and column, and what to do), Interrupted (when the signal aborts)
 */
export async function loadMerchantData(
  config: DataConfig,
  baseFolder: string,
  options: LoadOptions = {},
): Promise<MerchantData> {
  return interruptible(options.signal, () => load(config, baseFolder, options));
}

async function load(config: DataConfig, baseFolder: string, options: LoadOptions): Promise<MerchantData> {
  const { signal, onProgress } = options;
  const { frequency } = config;
  const files: OrderFile[] = [];
  for (const source of config.sources) files.push(await findOrderFile(source, baseFolder));
  const database = await openDatabase(
    files.map((file) => file.path),
    options,
  );
  try {
    await readAll(database, config, files, signal, onProgress);
    onProgress?.('cleaning');
    const span = await lineFacts(database, frequency);
    if (span.lines === 0) throw noLines(config);
    const lastWhole = lastWholePeriod(frequency, span.lastDay, span.stamped);
    const split = splitPeriods(config, span, lastWhole);
    const mapped = (meaning: keyof Source['columns']) =>
      config.sources.some((source) => source.columns[meaning] !== undefined);
    const counted = await countLines(
      database,
      config.sources.every((source) => source.columns.order !== undefined),
    );
    const size = await sumToPeriods(database, frequency, lastWhole);
    if (size.cells > MAX_CELLS) {
      throw dataFault(
        `${size.series} series over ${size.cells} periods are more than this node can hold (${MAX_CELLS}). ` +
          'Choose a longer period (data.frequency), leave out the location column, or cut the years with data.sources[].from.',
      );
    }
    const table = await loadSeries(database, size, lastWhole, {
      returns: config.returns === 'negative',
      price: mapped('price'),
      promotion: mapped('promotion'),
      stock: mapped('stock'),
    });
    onProgress?.('building windows');
    return assemble(config, table, split, { ...span, ...counted }, lastWhole);
  } finally {
    await database.close();
  }
}

async function readAll(
  database: OrderDatabase,
  config: DataConfig,
  files: readonly OrderFile[],
  signal: AbortSignal | undefined,
  onProgress: LoadOptions['onProgress'],
): Promise<void> {
  await createLines(database);
  for (const [index, source] of config.sources.entries()) {
    const file = files[index];
    if (file === undefined) throw new RangeError('a source without its file');
    onProgress?.(`reading ${file.name}`);
    const table = await openOrderTable(database, file, source.columns, signal);
    await readOrderLines(database, file, table, source, config);
  }
}

function noLines(config: DataConfig): HansaError {
  const whose = config.merchant === undefined ? '' : ' of this merchant (data.merchant)';
  return dataFault(
    `No order line${whose} lies within the sources' dates. Check ${whose === '' ? '' : 'data.merchant and '}data.sources[].from and before.`,
  );
}

// A file that was summed to weeks or months before carries one day of each; otherwise the last period is whole when its last day is there.
function lastWholePeriod(frequency: Frequency, lastDay: number, stamped: boolean): number {
  const period = periodOf(frequency, lastDay);
  return stamped || periodStart(frequency, period + 1) - 1 === lastDay ? period : period - 1;
}

interface SplitPeriods {
  readonly first: number;
  /** First period that is not wholly before validFrom. */
  readonly trainEnd: number;
  readonly validStart: number;
  readonly validEnd: number;
  readonly testStart: number;
}

function splitPeriods(
  config: DataConfig,
  span: Pick<LineFacts, 'firstDay' | 'lastDay'>,
  lastWhole: number,
): SplitPeriods {
  const { frequency } = config;
  const { horizonPeriods } = frequencyShapes[frequency];
  const valid = dayNumber(config.validFrom);
  const test = dayNumber(config.testFrom);
  const split: SplitPeriods = {
    first: periodOf(frequency, span.firstDay),
    trainEnd: periodOf(frequency, valid),
    validStart: firstPeriodFrom(frequency, valid),
    validEnd: periodOf(frequency, test),
    testStart: firstPeriodFrom(frequency, test),
  };
  const units = { day: 'days', week: 'weeks', month: 'months' }[frequency];
  const before = split.trainEnd - split.first;
  const needed = MIN_HISTORY_PERIODS + horizonPeriods;
  const faults: string[] = [];
  if (before < needed) {
    faults.push(
      `before validFrom (${config.validFrom}) there are ${Math.max(0, before)} whole ${units} of data, and at least ${needed} are needed ` +
        `(${MIN_HISTORY_PERIODS} of history and ${horizonPeriods} to forecast)`,
    );
  }
  if (split.validEnd <= split.validStart) {
    faults.push(
      `between validFrom (${config.validFrom}) and testFrom (${config.testFrom}) there is no whole ${frequency}`,
    );
  }
  if (lastWhole < split.testStart) {
    faults.push(`from testFrom (${config.testFrom}) on there is no whole ${frequency} of data`);
  }
  if (faults.length === 0) return split;
  const days = span.lastDay - span.firstDay + 1;
  const covers =
    days === 1
      ? `The order lines cover one day, ${isoDate(span.firstDay)}`
      : `The order lines cover ${days} days, ${isoDate(span.firstDay)} to ${isoDate(span.lastDay)}`;
  throw dataFault(
    `${covers}: too little for these split dates. ${faults.map((fault) => fault[0]?.toUpperCase() + fault.slice(1)).join('. ')}. ` +
      `Give at least ${needed + 2} ${units} (${needed} before validFrom, 1 from there, 1 from testFrom), or move the split dates.`,
    { neededPeriods: needed + 2 },
  );
}

function assemble(
  config: DataConfig,
  table: SeriesTable,
  split: SplitPeriods,
  facts: LineFacts,
  lastPeriod: number,
): MerchantData {
  const { frequency } = config;
  const { horizonPeriods, season } = frequencyShapes[frequency];
  const { units, cut } = cutOutliers(table, split.trainEnd);
  const source: WindowSource = { frequency, table, units, lastPeriod };
  const known = knownSeriesOf(source, horizonPeriods);
  const stride = Math.max(1, Math.ceil(table.sold.length / MAX_TRAINING_WINDOWS));
  const train = placeWindows(source, known, {
    firstOrigin: split.first + MIN_HISTORY_PERIODS,
    originEnd: split.trainEnd - horizonPeriods + 1,
    stride,
    targetEnd: split.trainEnd,
    history: MIN_HISTORY_PERIODS,
    skips: 'quiet',
  });
  const validation = placeWindows(source, known, {
    firstOrigin: split.validStart,
    originEnd: split.validEnd,
    stride: horizonPeriods,
    targetEnd: split.validEnd,
    history: MIN_HISTORY_PERIODS,
    skips: 'unsold',
  });
  const test = placeWindows(source, known, {
    firstOrigin: split.testStart,
    originEnd: lastPeriod + 1,
    stride: horizonPeriods,
    targetEnd: lastPeriod + 1,
    history: MIN_HISTORY_PERIODS,
    skips: 'unsold',
  });
  const now = placeWindows(source, known, {
    firstOrigin: lastPeriod + 1,
    originEnd: lastPeriod + 2,
    stride: 1,
    targetEnd: lastPeriod + 1,
    history: 0,
    skips: 'none',
  });
  if (train.windows.count === 0) {
    throw dataFault(
      'No series has enough history with sales before validFrom to train on. Give more history, move validFrom, or choose a longer period.',
    );
  }
  const incomplete = periodOf(frequency, facts.lastDay) - lastPeriod;
  const cleaning: CleaningReport = {
    rowsRead: facts.lines,
    rowsUsed: facts.lines - facts.duplicatesRemoved,
    duplicatesRemoved: facts.duplicatesRemoved,
    identicalKept: facts.identicalKept,
    missingPeriodsFilled: table.filled,
    returnLines: facts.returnLines,
    returnedUnits: facts.returnedUnits,
    outliersCut: cut,
    stockOutPeriods: table.soldOut?.reduce((sum, flag) => sum + flag, 0) ?? 0,
    incompletePeriods: incomplete,
    ...countSeries(table, [train, validation, test]),
    zeroWindowsSkipped: train.zeroSkipped + validation.zeroSkipped + test.zeroSkipped,
    warnings: warningsFor(config, table, split, { validation, test, stride }),
  };
  const periods = {
    firstPeriod: isoDate(periodStart(frequency, split.first)),
    lastPeriod: isoDate(periodStart(frequency, lastPeriod)),
  };
  const windows = {
    train: train.windows.count,
    validation: validation.windows.count,
    test: test.windows.count,
  };
  const { seriesUsed: series } = cleaning;
  return {
    frequency,
    horizonPeriods,
    season,
    rows: facts.lines,
    series,
    ...periods,
    cleaning,
    report: describeData(facts.lines, { frequency, series, ...periods, horizonPeriods, windows, cleaning }),
    digest: dataDigest(source, split),
    train: train.windows,
    validation: validation.windows,
    test: test.windows,
    now: now.windows,
    history(testIndex) {
      const { series, origin } = placeOf(test.seriesOf, test.originOf, testIndex);
      return soldBefore(table, series, origin);
    },
    describeNow(index) {
      const { series, origin } = placeOf(now.seriesOf, now.originOf, index);
      return {
        item: table.items[series] as string,
        location: table.locations[series] as string,
        name: table.names[series] as string,
        periodsAhead: Array.from({ length: horizonPeriods }, (_, step) =>
          isoDate(periodStart(frequency, origin + step)),
        ),
        history: soldBefore(table, series, origin),
      };
    },
  };
}

/** Units of a series before an origin, as sold; NaN where the item was sold out. */
function soldBefore(table: SeriesTable, series: number, origin: number): Float64Array {
  const from = table.offsets[series] as number;
  const to = from + origin - (table.firstPeriods[series] as number);
  return Float64Array.from(table.sold.subarray(from, to), (value, step) =>
    table.soldOut?.[from + step] === 1 ? Number.NaN : value,
  );
}

function countSeries(
  table: SeriesTable,
  sets: readonly PlacedWindows[],
): Pick<CleaningReport, 'seriesRead' | 'seriesAllZero' | 'seriesTooShort' | 'seriesUsed'> {
  const used = new Set<number>();
  for (const set of sets) for (const series of set.seriesOf) used.add(series);
  let allZero = 0;
  for (let index = 0; index < table.count; index += 1) {
    const cells = table.sold.subarray(table.offsets[index], table.offsets[index + 1]);
    if (cells.every((value) => value === 0)) allZero += 1;
  }
  return {
    seriesRead: table.count,
    seriesAllZero: allZero,
    seriesTooShort: table.count - allZero - used.size,
    seriesUsed: used.size,
  };
}

function warningsFor(
  config: DataConfig,
  table: SeriesTable,
  split: SplitPeriods,
  sets: { readonly validation: PlacedWindows; readonly test: PlacedWindows; readonly stride: number },
): string[] {
  const { frequency } = config;
  const { season } = frequencyShapes[frequency];
  const warnings: string[] = [];
  const cutBy = (name: 'validFrom' | 'testFrom', start: number) => {
    warnings.push(
      `${name} (${config[name]}) lies inside a ${frequency}: that ${frequency} is nobody's target. ` +
        `${isoDate(periodStart(frequency, start))} is the first day of the next one.`,
    );
  };
  if (split.validStart !== split.trainEnd) cutBy('validFrom', split.validStart);
  if (split.testStart !== split.validEnd) cutBy('testFrom', split.testStart);
  if (sets.validation.windows.count === 0) {
    warnings.push(
      'No series can be forecast between validFrom and testFrom: learning rates cannot be chosen on this data.',
    );
  }
  if (sets.test.windows.count === 0) {
    warnings.push('No series can be forecast from testFrom on: there is nothing to evaluate.');
  }
  if (split.trainEnd - split.first < 2 * season) {
    warnings.push(
      `Before validFrom there are ${split.trainEnd - split.first} ${frequency}s, fewer than two seasons (${2 * season}): seasons can hardly be learned.`,
    );
  }
  if (table.promotion !== undefined) {
    const stated = table.stated.reduce((sum, share) => sum + share, 0) / table.count;
    if (stated < 0.95) {
      warnings.push(
        `Only ${Math.round(100 * stated)} % of the periods have a line that states the promotion. A series' promotions are used as a plan ` +
          'only where at least 95 % do: write a line with quantity 0 for days without a sale.',
      );
    }
  }
  if (sets.stride > 1) {
    warnings.push(`There is much data: training takes every ${sets.stride}th ${frequency} as an origin.`);
  }
  return warnings;
}
