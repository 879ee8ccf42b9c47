import type { HansaError } from '@hansa/shared/errors';
import type { OrderDatabase } from '../../../data/database.ts';
import { dataFault } from '../../../data/dataFault.ts';
import { dayOfTime, isoDate } from '../../../data/days.ts';
import { interruptible } from '../../../data/interruptible.ts';
import type { OrderFile } from '../../../data/orderFile.ts';
import { withSources } from '../../../data/orderSources.ts';
import type { Finding, LoadOptions, Timeline } from '../../job.ts';
import { type DataConfig, frequencyShapes, type Source } from '../config.ts';
import type { MerchantData } from '../windows.ts';
import { periodOf, periodStart } from './calendar.ts';
import type { CleaningReport } from './cleaning.ts';
import { dataDigest } from './dataDigest.ts';
import { describeData } from './describeData.ts';
import { coverage } from './findings/coverage.ts';
import { dayCounts } from './findings/days.ts';
import { markImplausible } from './findings/implausible.ts';
import { leaveOutStrayDays, openCells } from './findings/lines.ts';
import { damagedNames } from './findings/names.ts';
import { rhythm } from './findings/rhythm.ts';
import { totals } from './findings/totals.ts';
import { publicHolidays } from './holidays.ts';
import { knownSeriesOf } from './knownSeries.ts';
import { createLines, type OpenSource, openSource, readOrderLines } from './orderLines.ts';
import { countLines, distinctLines, sumToPeriods } from './orderPeriods.ts';
import { readPlan } from './plan.ts';
import { cutOutliers, loadSeries, type SeriesTable } from './series.ts';
import { type SplitPeriods, splitPeriods } from './splitPeriods.ts';
import { stockNow } from './stockNow.ts';
import { wholePeriods } from './wholePeriods.ts';
import { MIN_HISTORY_PERIODS, placeOf, placeWindows, type WindowSource } from './windowSet.ts';

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
  const all = [...config.sources, ...(config.plan === undefined ? [] : [config.plan])];
  return withSources(
    all,
    baseFolder,
    { ...options, maxMemoryBytes: config.maxMemoryBytes },
    async (database, files) => {
      const planFile = config.plan && files.at(-1);
      const { sources, emptyRows } = await readAll(database, config, files, signal, onProgress);
      onProgress?.('cleaning');
      const mapped = (meaning: keyof Source['columns']) =>
        config.sources.some((source) => source.columns[meaning] !== undefined);
      const findings = await openCells(database, mapped('location'));
      const allDays = await dayCounts(database);
      if (allDays.days.length === 0) throw noLines(config);
      const today = dayOfTime(options.now ?? Date.now());
      const kept = await leaveOutStrayDays(database, sources, config, allDays, today);
      findings.push(...kept.findings, ...rhythm(kept.counts, frequency));
      const whole = wholePeriods(frequency, kept.counts.days);
      const split = splitPeriods(config, kept.counts.days, whole);
      await distinctLines(database, mapped('order'));
      findings.push(...(await markImplausible(database, mapped('price'))));
      const facts = await countLines(database);
      if (facts.withoutOrder > 0) findings.push(withoutOrder(facts.withoutOrder));
      findings.push(...(await totals(database)));
      const size = await sumToPeriods(database, frequency, whole);
      if (size.cells > MAX_CELLS) {
        throw dataFault(
          `${size.series} series over ${size.cells} periods are more than this node can hold (${MAX_CELLS}). ` +
            'Choose a longer period (data.frequency), leave out the location column, or cut the years with data.sources[].from.',
        );
      }
      const table = await loadSeries(database, size, whole.last, {
        returns: config.returns === 'negative',
        price: mapped('price'),
        promotion: mapped('promotion'),
        stock: mapped('stock'),
        censored: mapped('stock') || mapped('soldOut') || size.unknown > 0,
      });
      findings.push(
        ...damagedNames(new Set(table.items), 'articles'),
        ...damagedNames(new Set(table.locations), 'locations'),
      );
      const plan =
        planFile === undefined || config.plan === undefined
          ? undefined
          : await readPlan(database, planFile, config.plan, config, signal);
      const holidays = config.holidays && (await publicHolidays(config.holidays, frequency));
      onProgress?.('building windows');
      const covered = [kept.counts.days[0]!, kept.counts.days.at(-1)!].map((day) => periodOf(frequency, day));
      return assemble(config, { table, plan, holidays }, split, whole.last, findings, {
        rowsRead: facts.lines,
        rowsUsed: facts.lines - facts.duplicatesRemoved,
        duplicatesRemoved: facts.duplicatesRemoved,
        identicalKept: facts.identicalKept,
        missingPeriodsFilled: table.filled,
        returnLines: facts.returnLines,
        returnedUnits: facts.returnedUnits,
        stockOutPeriods: (table.censored?.reduce((sum, flag) => sum + flag, 0) ?? 0) - size.unknown,
        unknownPeriods: size.unknown,
        incompletePeriods: whole.first - covered[0]! + covered[1]! - whole.last,
        emptyRows,
        strayLines: kept.strayLines,
      });
    },
  );
}

const withoutOrder = (lines: number): Finding => ({
  kind: 'warning',
  sentence:
    `${lines} lines do not tell their order, though its column is mapped: it is empty, a word such as NULL, 0, or the same for over a month. ` +
    'Whether two that are equal are one sale or two was judged as if there were no order numbers.',
  examples: [],
});

async function readAll(
  database: OrderDatabase,
  config: DataConfig,
  files: readonly OrderFile[],
  signal: AbortSignal | undefined,
  onProgress: LoadOptions['onProgress'],
): Promise<{ sources: OpenSource[]; emptyRows: number }> {
  await createLines(database);
  const sources: OpenSource[] = [];
  let emptyRows = 0;
  for (const [index, source] of config.sources.entries()) {
    const file = files[index];
    if (file === undefined) throw new RangeError('a source without its file');
    onProgress?.(`reading ${file.name}`);
    const open = await openSource(database, file, source, signal);
    await readOrderLines(database, open, config);
    emptyRows += open.table.emptyRows?.count ?? 0;
    sources.push(open);
  }
  return { sources, emptyRows };
}

function noLines(config: DataConfig): HansaError {
  const whose = config.merchant === undefined ? '' : ' of this merchant (data.merchant)';
  return dataFault(
    `No order line${whose} lies within the sources' dates. Check ${whose === '' ? '' : 'data.merchant and '}data.sources[].from and before.`,
  );
}

function assemble(
  config: DataConfig,
  { table, plan, holidays }: Pick<WindowSource, 'table' | 'plan' | 'holidays'>,
  split: SplitPeriods,
  lastPeriod: number,
  findings: readonly Finding[],
  counts: Omit<
    CleaningReport,
    'outliersCut' | 'seriesRead' | 'seriesAllZero' | 'seriesTooShort' | 'seriesUsed' | 'zeroWindowsSkipped'
  >,
): MerchantData {
  const { frequency } = config;
  const { horizonPeriods, season } = frequencyShapes[frequency];
  const { units, cut } = cutOutliers(table, split.trainEnd);
  const source: WindowSource = { frequency, table, units, lastPeriod, plan, holidays };
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
  const used = new Set<number>();
  for (const set of [train, validation, test]) for (const series of set.seriesOf) used.add(series);
  const cleaning: CleaningReport = {
    ...counts,
    outliersCut: cut,
    ...countSeries(table, used.size),
    zeroWindowsSkipped: train.zeroSkipped + validation.zeroSkipped + test.zeroSkipped,
  };
  const periods = {
    firstPeriod: isoDate(periodStart(frequency, split.first)),
    lastPeriod: isoDate(periodStart(frequency, lastPeriod)),
    validFrom: split.validFrom,
    testFrom: split.testFrom,
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
    rows: cleaning.rowsRead,
    series,
    firstPeriod: periods.firstPeriod,
    lastPeriod: periods.lastPeriod,
    cleaning,
    report: describeData(
      cleaning.rowsRead,
      { frequency, series, ...periods, horizonPeriods, windows, cleaning },
      [...findings, ...coverage(config, table, split, { validation, test, stride }, used)],
      timelineOf(source, split),
    ),
    digest: dataDigest(source, split, config.holidays),
    train: train.windows,
    validation: validation.windows,
    test: test.windows,
    now: now.windows,
    history(split, index) {
      const { seriesOf, originOf } = split === 'test' ? test : validation;
      const { series, origin } = placeOf(seriesOf, originOf, index);
      return soldBefore(table, series, origin);
    },
    naiveErrors: () =>
      Float64Array.from({ length: table.count }, (_, series) =>
        meanSeasonalError(
          soldBefore(table, series, Math.max(split.trainEnd, table.firstPeriods[series] as number)),
          season,
        ),
      ),
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
        stock: stockNow(table, frequency, series, origin),
      };
    },
  };
}

function timelineOf({ frequency, table, lastPeriod }: WindowSource, split: SplitPeriods): Timeline {
  const { first, validFrom, testFrom } = split;
  const units = new Array<number>(lastPeriod - first + 1).fill(0);
  for (let series = 0; series < table.count; series += 1) {
    const start = (table.firstPeriods[series] as number) - first;
    const from = table.offsets[series] as number;
    for (let cell = from; cell < (table.offsets[series + 1] as number); cell += 1) {
      units[start + cell - from]! += table.sold[cell] as number;
    }
  }
  return { periods: units.map((_, at) => isoDate(periodStart(frequency, first + at))), units, validFrom, testFrom };
}

/** Mean distance of a period from the one a season before; NaN where there is none. */
function meanSeasonalError(sold: Float64Array, season: number): number {
  let sum = 0;
  let count = 0;
  for (let at = season; at < sold.length; at += 1) {
    const error = Math.abs((sold[at] as number) - (sold[at - season] as number));
    if (Number.isNaN(error)) continue;
    sum += error;
    count += 1;
  }
  return sum / count;
}

/** Units of a series before an origin, as sold; NaN where the item was sold out. */
function soldBefore(table: SeriesTable, series: number, origin: number): Float64Array {
  const from = table.offsets[series] as number;
  const to = from + origin - (table.firstPeriods[series] as number);
  return Float64Array.from(table.sold.subarray(from, to), (value, step) =>
    table.censored?.[from + step] === 1 ? Number.NaN : value,
  );
}

function countSeries(
  table: SeriesTable,
  used: number,
): Pick<CleaningReport, 'seriesRead' | 'seriesAllZero' | 'seriesTooShort' | 'seriesUsed'> {
  let allZero = 0;
  for (let index = 0; index < table.count; index += 1) {
    const cells = table.sold.subarray(table.offsets[index], table.offsets[index + 1]);
    if (cells.every((value) => value === 0)) allZero += 1;
  }
  return {
    seriesRead: table.count,
    seriesAllZero: allZero,
    seriesTooShort: table.count - allZero - used,
    seriesUsed: used,
  };
}
