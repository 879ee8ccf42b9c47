import { createHash } from 'node:crypto';
import type { OrderDatabase } from '../../../data/database.ts';
import { type OrderNames, TOKENS, WORDS } from '../orders.ts';
import type { TextReader } from './textReader.ts';

/** A merchant's orders whose outcome is known, by promised day; n = count. Days are days since 1970-01-01. */
export interface OrderTable {
  readonly count: number;
  readonly ordered: Int32Array;
  readonly promised: Int32Array;
  /** [n] the first day on which the outcome is known: that of delivery, or the one after the promised day, whichever is first; never before `ordered`. */
  readonly known: Int32Array;
  /** [n] 1 = delivered after the promised day. */
  readonly late: Float32Array;
  /** [n] as the file has it; 1 where it has none. */
  readonly weight: Float32Array;
  /** Of each number [n], NaN where missing. */
  readonly numbers: readonly Float64Array[];
  /** Of each category [n] hashes of the values, at least 0. */
  readonly categories: readonly Int32Array[];
  /** Of each text [n · WORDS] hashes of the words, at least 0; -1 where there is none. */
  readonly texts: readonly Int32Array[];
  /** Of each text [n · TOKENS] its tokens; -1 where there is none. Undefined where there is no tokenizer. */
  readonly tokens: readonly Int32Array[] | undefined;
}

/** What became of the lines of the files, in counts. */
export interface OrderCounts {
  readonly rowsRead: number;
  readonly duplicatesRemoved: number;
  /** Orders left out because their outcome is not known. */
  readonly withoutOutcome: number;
  /** Orders promised or delivered before the day of the order. */
  readonly beforeOrdered: number;
  /** Of each number, cells that are empty, and cells that hold something else than a number. */
  readonly missing: readonly { readonly name: string; readonly empty: number; readonly unread: number }[];
}

/** A hash of 31 bits, the same on every node: equal words of one column name the same row of the model's table. */
export function hashOf(column: string, value: string): number {
  const plain = value.normalize('NFKC').trim().toLowerCase();
  return createHash('sha256').update(`hansa/risk/${column}/${plain}`).digest().readUInt32BE(0) >>> 1;
}

const isLate = 'coalesce(late, delivered > promised)';

/** Turns the table `lines` into `orders`: each different line once, those with a known outcome. */
export async function keepOrders(database: OrderDatabase, names: OrderNames): Promise<OrderCounts> {
  const { read } = await database.row('SELECT count(*) AS read FROM lines');
  await database.run('CREATE TABLE different AS SELECT DISTINCT * FROM lines');
  const columns = names.numbers.map(
    (_, at) =>
      `count(*) FILTER (n${at} IS NULL AND NOT n${at}_unread AND ${isLate} IS NOT NULL) AS empty${at}, count(*) FILTER (n${at}_unread AND ${isLate} IS NOT NULL) AS unread${at}`,
  );
  const counts = await database.row(
    `SELECT ${[`count(*) AS different, count(*) FILTER (${isLate} IS NULL) AS open, count(*) FILTER (${isLate} IS NOT NULL AND least(promised, coalesce(delivered, promised)) < ordered) AS early`, ...columns].join(', ')} FROM different`,
  );
  await database.run(`CREATE TABLE orders AS SELECT * FROM different WHERE ${isLate} IS NOT NULL`);
  return {
    rowsRead: Number(read),
    duplicatesRemoved: Number(read) - Number(counts.different),
    withoutOutcome: Number(counts.open),
    beforeOrdered: Number(counts.early),
    missing: names.numbers.map((name, at) => ({
      name,
      empty: Number(counts[`empty${at}`]),
      unread: Number(counts[`unread${at}`]),
    })),
  };
}

/** Reads the table `orders`; texts also as tokens where there is a `reader`. @throws HansaError InvalidData (when the tokenizer cannot read a text) */
export async function readTable(
  database: OrderDatabase,
  names: OrderNames,
  reader: TextReader | undefined,
): Promise<OrderTable> {
  const { orders } = await database.row('SELECT count(*) AS orders FROM orders');
  const count = Number(orders);
  const table = {
    count,
    ordered: new Int32Array(count),
    promised: new Int32Array(count),
    known: new Int32Array(count),
    late: new Float32Array(count),
    weight: new Float32Array(count),
    numbers: names.numbers.map(() => new Float64Array(count)),
    categories: names.categories.map(() => new Int32Array(count)),
    texts: names.texts.map(() => new Int32Array(count * WORDS).fill(-1)),
    tokens: reader && names.texts.map(() => new Int32Array(count * TOKENS).fill(-1)),
  };
  const fixed = [table.ordered, table.promised, table.known, table.late, table.weight, ...table.numbers];
  const hashes = names.categories.map(remembered);
  const day = (date: string) => `date_diff('day', DATE '1970-01-01', ${date})`;
  const selected = [
    day('ordered'),
    day('promised'),
    // Where a file has an order delivered before its own day, that day tells no less: an order's outcome must not be among what was known of others then.
    `greatest(${day('ordered')}, least(${day('promised')} + 1, coalesce(${day('delivered')}, ${day('promised')} + 1)))`,
    `CAST(${isLate} AS INTEGER)`,
    'coalesce(weight, 1.0)',
    ...names.numbers.map((_, at) => `n${at}`),
    ...names.categories.map((_, at) => `coalesce(c${at}, '')`),
    ...names.texts.map((_, at) => `coalesce(t${at}, '')`),
  ];
  let row = 0;
  await database.columns(
    `SELECT ${selected.join(', ')} FROM orders ORDER BY promised, ordered, order_id, hash(orders)`,
    (columns, rows) => {
      fixed.forEach((into, column) => {
        const values = columns[column]!;
        for (let at = 0; at < rows; at++) into[row + at] = values[at] === null ? Number.NaN : Number(values[at]);
      });
      table.categories.forEach((into, category) => {
        const values = columns[fixed.length + category]!;
        for (let at = 0; at < rows; at++) into[row + at] = hashes[category]!(String(values[at]));
      });
      table.texts.forEach((into, text) => {
        const values = columns[fixed.length + names.categories.length + text]!;
        const tokens = table.tokens?.[text];
        for (let at = 0; at < rows; at++) {
          into.set(wordsOf(String(values[at])), (row + at) * WORDS);
          if (reader !== undefined) tokens?.set(reader.tokensOf(String(values[at])), (row + at) * TOKENS);
        }
      });
      row += rows;
    },
  );
  return table;
}

/** The hashes of a column's values; each value is hashed once. */
function remembered(column: string): (value: string) => number {
  const known = new Map<string, number>();
  return (value) => {
    const found = known.get(value) ?? hashOf(column, value);
    known.set(value, found);
    return found;
  };
}

const wordHash = remembered('word');

/** Hashes of the first WORDS different words; the same words mean the same in every text. */
function wordsOf(text: string): number[] {
  const words =
    text
      .normalize('NFKC')
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? [];
  return [...new Set(words)].slice(0, WORDS).map(wordHash);
}
