import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import type { HansaError } from '@hansa/shared/errors';
import { ORDER_FEATURES } from '@hansa/shared/model/jobs/risk';
import { seededNumbers } from '@hansa/shared/random';
import { dataFault } from '../../../data/dataFault.ts';
import { interruptible } from '../../../data/interruptible.ts';
import { withSources } from '../../../data/orderSources.ts';
import type { LoadOptions } from '../../job.ts';
import type { RiskConfig } from '../config.ts';
import { orderSet } from '../orderSet.ts';
import type { OrderBatch, OrderData, OrderNames } from '../orders.ts';
import { describeOrders } from './describeOrders.ts';
import { keepOrders, type OrderCounts, type OrderTable, readTable } from './orderTable.ts';
import { logitOf, pastRates, USUAL_SHARE } from './pastRates.ts';
import { createLines, orderNames, readOrders } from './readOrders.ts';
import { robustlyScaled } from './scaling.ts';
import { splitOrders } from './splitOrders.ts';
import { openTextReader, type TokenCounts } from './textReader.ts';

/** More orders than this are not held in memory: about 2 GB with every column mapped, half as much again with a tokenizer. */
const MOST_ORDERS = 5_000_000;
/** Orders that the usual share of late ones counts for in a merchant's own. */
const BASE_ORDERS = 10;
const YEAR_DAYS = 365.25;
/** 1970-01-01 was a Thursday. */
const MONDAY_SHIFT_DAYS = 3;

/**
 * Reads, checks and cleans a merchant's orders, and splits them by promised day: training ends before validFrom, validation lies in [validFrom, testFrom), the test
 * from testFrom on.
 *
 * An example holds what was known on the day of the order: its own columns, and the outcomes of orders delivered, or overdue, before that day. Numbers are scaled by
 * the training orders.
 *
 * @param baseFolder folder that the sources' paths count from
 * @throws HansaError InvalidData (what is wrong, in which file, row and column, and what to do)
 * @throws HansaError Interrupted (when the signal aborts)
 */
export async function loadOrders(
  config: RiskConfig,
  baseFolder: string,
  options: LoadOptions = {},
): Promise<OrderData> {
  return interruptible(options.signal, () => load(config, baseFolder, options));
}

async function load(config: RiskConfig, baseFolder: string, options: LoadOptions): Promise<OrderData> {
  const { signal, onProgress } = options;
  const names = orderNames(config);
  const reader =
    config.tokenizer === undefined ? undefined : await openTextReader(resolve(baseFolder, config.tokenizer));
  const reading = { ...options, maxMemoryBytes: config.maxMemoryBytes };
  return withSources(config.sources, baseFolder, reading, async (database, files) => {
    await createLines(database, names);
    for (const [index, source] of config.sources.entries()) {
      const file = files[index]!;
      onProgress?.(`reading ${file.name}`);
      await readOrders(database, file, source, config, names, signal);
    }
    onProgress?.('cleaning');
    const counts = await keepOrders(database, names);
    const orders = counts.rowsRead - counts.duplicatesRemoved - counts.withoutOutcome;
    if (orders === 0) throw noOrders(config, counts);
    if (orders > MOST_ORDERS) {
      throw dataFault(
        `${orders} orders are more than this node can hold (${MOST_ORDERS}). Cut the years with data.sources[].from.`,
      );
    }
    const table = await readTable(database, names, reader);
    return assemble(config, names, table, counts, reader?.counts());
  });
}

function noOrders({ merchant }: RiskConfig, { rowsRead }: OrderCounts): HansaError {
  if (rowsRead > 0) {
    return dataFault(
      'No order has a known outcome. Check columns.delivered (or columns.late): it says when an order came, or whether it was late.',
    );
  }
  const whose = merchant === undefined ? '' : ' of this merchant (data.merchant)';
  return dataFault(
    `No order${whose} lies within the sources' dates. Check ${whose === '' ? '' : 'data.merchant and '}data.sources[].from and before.`,
  );
}

function assemble(
  config: RiskConfig,
  names: OrderNames,
  table: OrderTable,
  counts: OrderCounts,
  tokens: TokenCounts | undefined,
): OrderData {
  const split = splitOrders(table, config);
  const columns = columnsOf(table, split.trainEnd);
  const orders = { ...columns, count: table.count };
  const rows = (from: number, to: number) => Int32Array.from({ length: to - from }, (_, at) => from + at);
  const set = (from: number, to: number) => orderSet(orders, rows(from, to));
  const digest = digestOf(columns, { names, split });
  return {
    rows: counts.rowsRead,
    report: describeOrders(table, split, names, counts, tokens),
    digest,
    readsWords: tokens !== undefined,
    names,
    carrier: config.carrier === undefined ? undefined : names.categories.indexOf(config.carrier),
    // Whoever knows a round's seed, but not the orders, cannot tell which of them are drawn.
    train: orderSet(orders, shuffled(rows(0, split.trainEnd), digest)),
    validation: set(split.trainEnd, split.validEnd),
    test: set(split.validEnd, table.count),
  };
}

function columnsOf(table: OrderTable, trained: number): Omit<OrderBatch, 'count'> {
  const { count, ordered, promised, late, weight, numbers, categories, texts, tokens } = table;
  const past = pastRates(table);
  const totalWeight = weight.subarray(0, trained).reduce((sum, of) => sum + of, 0);
  const lateWeight = weight.subarray(0, trained).reduce((sum, of, row) => sum + of * late[row]!, 0);
  const base = logitOf(((lateWeight / totalWeight) * trained + USUAL_SHARE * BASE_ORDERS) / (trained + BASE_ORDERS));
  return {
    numbers: sideBySide(
      numbers.map((values) => robustlyScaled(values, trained)),
      count,
    ),
    present: sideBySide(
      numbers.map((values) => Float32Array.from(values, (value) => (Number.isNaN(value) ? 0 : 1))),
      count,
    ),
    categories: sideBySide(categories, count, Int32Array),
    pastRates: sideBySide(past.rates, count),
    pastCounts: sideBySide(
      past.counts.map((of) => of.map((orders) => Math.log1p(orders) / 5)),
      count,
    ),
    words: sideBySide(texts, count, Int32Array),
    // Not there rather than empty: data without a tokenizer has the digest, and the order, that it had when there was none.
    ...(tokens !== undefined && { tokens: sideBySide(tokens, count, Int32Array) }),
    order: sideBySide(orderFeatures(ordered, promised), count),
    base: new Float32Array(count).fill(base),
    running: past.running,
    weight: weight.map((of) => (of * trained) / totalWeight),
    late,
  };
}

/** In the order of ORDER_FEATURES. */
function orderFeatures(ordered: Int32Array, promised: Int32Array): Float32Array[] {
  const turn = (share: (day: number) => number) =>
    [Math.sin, Math.cos].map((wave) => Float32Array.from(promised, (day) => wave(2 * Math.PI * share(day))));
  const features = [
    Float32Array.from(promised, (day, row) => Math.log1p(Math.max(0, day - ordered[row]!)) / 5),
    ...turn((day) => day / YEAR_DAYS),
    ...turn((day) => (day + MONDAY_SHIFT_DAYS) / 7),
  ];
  if (features.length !== ORDER_FEATURES.length) throw new RangeError('the model knows other features of an order');
  return features;
}

/** Columns of `count` rows each, [count · width] numbers, as one of [count, all widths]. */
function sideBySide<Column extends Float32Array | Int32Array = Float32Array>(
  columns: readonly Column[],
  count: number,
  Kind: new (length: number) => Column = Float32Array as never,
): Column {
  const width = columns.reduce((sum, { length }) => sum + length / count, 0);
  const out = new Kind(count * width);
  let start = 0;
  for (const column of columns) {
    const own = column.length / count;
    for (let at = 0; at < column.length; at++) out[Math.floor(at / own) * width + start + (at % own)] = column[at]!;
    start += own;
  }
  return out;
}

function digestOf(columns: Omit<OrderBatch, 'count'>, rest: object): string {
  const hash = createHash('sha256').update(JSON.stringify(rest));
  // With its length, so that no column's end can be taken for the next one's beginning.
  for (const [name, values] of Object.entries(columns)) hash.update(`\n${name} ${values.length}\n`).update(values);
  return hash.digest('hex');
}

/** The rows in an order that follows from the seed. */
function shuffled(rows: Int32Array, seed: string): Int32Array {
  const drawn = seededNumbers(`order/${seed}`);
  for (let last = rows.length - 1; last > 0; last--) {
    const other = Math.floor(drawn.uniform() * (last + 1));
    [rows[last], rows[other]] = [rows[other]!, rows[last]!];
  }
  return rows;
}
