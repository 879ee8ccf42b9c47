import type { OrderDatabase } from '../../../data/database.ts';

/** A merchant's series, each from its first line to the last period of the file, laid one after another in flat arrays. */
export interface SeriesTable {
  readonly count: number;
  /** [count + 1] where a series' cells begin in the flat arrays. */
  readonly offsets: Uint32Array;
  /** [count] period of a series' first cell. */
  readonly firstPeriods: Int32Array;
  readonly items: readonly string[];
  /** Empty where the data has no locations. */
  readonly locations: readonly string[];
  readonly names: readonly string[];
  readonly categories: readonly (string | undefined)[];
  /** [cells] units sold, at least 0; 0 where there was no line. */
  readonly sold: Float32Array;
  /** [cells] 1 = the units sold are a lower bound of demand: sold out, or not known. Undefined where neither occurs. */
  readonly censored: Uint8Array | undefined;
  /** [cells] units; undefined where no return is told, as is what follows where its column is not mapped. */
  readonly returned: Float32Array | undefined;
  /** [cells] the last price known by the end of the period; NaN before the first. */
  readonly price: Float32Array | undefined;
  /** [cells] share 0..1. */
  readonly promotion: Float32Array | undefined;
  /** [count] share of the periods that have a line. */
  readonly stated: Float32Array;
  /** [cells] units on hand; NaN where not told. */
  readonly stock: Float32Array | undefined;
  /** Cells without a line. */
  readonly filled: number;
}

/** Which optional columns the sources map. */
export interface MappedColumns {
  readonly returns: boolean;
  readonly price: boolean;
  readonly promotion: boolean;
  readonly stock: boolean;
  /** Whether units may be a lower bound of demand. */
  readonly censored: boolean;
}

/** Loads the tables `series` and `periods` up to and with `lastPeriod`. */
export async function loadSeries(
  database: OrderDatabase,
  size: { readonly series: number; readonly cells: number },
  lastPeriod: number,
  mapped: MappedColumns,
): Promise<SeriesTable> {
  const { series: count, cells } = size;
  const offsets = new Uint32Array(count + 1);
  const firstPeriods = new Int32Array(count);
  const names: string[] = [];
  const itemOf: string[] = [];
  const locationOf: string[] = [];
  const categories: (string | undefined)[] = [];
  await database.columns(
    'SELECT item, location, category, label, first_period FROM series ORDER BY number',
    (columns, rows) => {
      const [items, locations, kinds, labels, firsts] = columns as [
        string[],
        string[],
        (string | null)[],
        (string | null)[],
        number[],
      ];
      for (let row = 0; row < rows; row += 1) {
        const index = names.length;
        const first = firsts[row] as number;
        firstPeriods[index] = first;
        offsets[index + 1] = (offsets[index] as number) + (lastPeriod - first + 1);
        itemOf.push(items[row] as string);
        locationOf.push(locations[row] as string);
        const location = locations[row] === '' ? '' : ` · ${locations[row]}`;
        names.push(`${items[row]}${labels[row] == null ? '' : ` ${labels[row]}`}${location}`);
        categories.push(kinds[row] ?? undefined);
      }
    },
  );

  const sold = new Float32Array(cells);
  const stated = new Float32Array(count);
  const censored = mapped.censored ? new Uint8Array(cells) : undefined;
  const returned = mapped.returns ? new Float32Array(cells) : undefined;
  const price = mapped.price ? new Float32Array(cells).fill(Number.NaN) : undefined;
  const promotion = mapped.promotion ? new Float32Array(cells) : undefined;
  const stock = mapped.stock ? new Float32Array(cells).fill(Number.NaN) : undefined;
  let lines = 0;
  const periods = `SELECT number, period, sold, returned, price, promotion, stock, censored
    FROM periods JOIN series USING (key)`;
  await database.columns(periods, (columns, rows) => {
    const [numbers, at, units, backs, prices, promotions, stocks, outs] = columns as [
      number[],
      number[],
      number[],
      number[],
      (number | null)[],
      (number | null)[],
      (number | null)[],
      boolean[],
    ];
    lines += rows;
    for (let row = 0; row < rows; row += 1) {
      const index = numbers[row] as number;
      const cell = (offsets[index] as number) + (at[row] as number) - (firstPeriods[index] as number);
      sold[cell] = units[row] as number;
      stated[index] = (stated[index] as number) + 1;
      if (returned !== undefined) returned[cell] = backs[row] as number;
      if (price !== undefined) price[cell] = prices[row] ?? Number.NaN;
      if (promotion !== undefined) promotion[cell] = promotions[row] ?? 0;
      if (stock !== undefined) stock[cell] = stocks[row] ?? Number.NaN;
      if (censored !== undefined) censored[cell] = outs[row] === true ? 1 : 0;
    }
  });
  for (let index = 0; index < count; index += 1) {
    const from = offsets[index] as number;
    const to = offsets[index + 1] as number;
    stated[index] = (stated[index] as number) / (to - from);
    if (price !== undefined) carryForward(price, from, to);
  }
  return {
    count,
    offsets,
    firstPeriods,
    items: itemOf,
    locations: locationOf,
    names,
    categories,
    sold,
    censored,
    returned,
    price,
    promotion,
    stated,
    stock,
    filled: cells - lines,
  };
}

function carryForward(values: Float32Array, from: number, to: number): void {
  for (let cell = from + 1; cell < to; cell += 1) {
    if (Number.isNaN(values[cell])) values[cell] = values[cell - 1] as number;
  }
}

const OUTLIER_MIN_SALES = 20;
const OUTLIER_MIN_RATIO = 10;
const OUTLIER_DEVIATIONS = 6;
// Makes the median absolute deviation of a normal sample estimate its standard deviation.
const NORMAL_MAD = 1.4826;

/**
 * Cuts outliers of the training periods: a period's units are lowered to exp(median + max(6 · 1.4826 · MAD, ln 10)) of the logarithms of that series'
 * training periods with sales; series with fewer than 20 of them are left alone.
 *
 * @param endPeriod first period that is no longer training
 * @returns the units with outliers cut (the table's own array where nothing is) and how many periods were
 */
export function cutOutliers(table: SeriesTable, endPeriod: number): { units: Float32Array; cut: number } {
  let units = table.sold;
  let cut = 0;
  for (let index = 0; index < table.count; index += 1) {
    const from = table.offsets[index] as number;
    const length = Math.max(0, endPeriod - (table.firstPeriods[index] as number));
    const to = Math.min(from + length, table.offsets[index + 1] as number);
    const logs = table.sold
      .subarray(from, to)
      .filter((value) => value > 0)
      .map(Math.log);
    if (logs.length < OUTLIER_MIN_SALES) continue;
    const centre = median(logs);
    const spread = NORMAL_MAD * median(logs.map((value) => Math.abs(value - centre)));
    const limit = Math.exp(centre + Math.max(OUTLIER_DEVIATIONS * spread, Math.log(OUTLIER_MIN_RATIO)));
    for (let cell = from; cell < to; cell += 1) {
      if ((table.sold[cell] as number) <= limit) continue;
      if (units === table.sold) units = table.sold.slice();
      units[cell] = limit;
      cut += 1;
    }
  }
  return { units, cut };
}

function median(values: Float32Array): number {
  const sorted = values.slice().sort();
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
}
