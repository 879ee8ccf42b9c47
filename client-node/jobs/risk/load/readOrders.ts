import { quotedString } from '@duckdb/node-api';
import {
  type CellFault,
  explainReading,
  faultyCells,
  firstFaultSql,
  locateFaults,
  partlyRead,
} from '../../../data/cells.ts';
import type { OrderDatabase, Parameters } from '../../../data/database.ts';
import { dataFault, shorten } from '../../../data/dataFault.ts';
import { dateSql, noDay, noDaySql } from '../../../data/dates.ts';
import { numberSql } from '../../../data/numbers.ts';
import { type OrderFile, type OrderTable, openOrderTable } from '../../../data/orderFile.ts';
import { knownTextSql, plainText } from '../../../data/text.ts';
import { namesOf, type RiskConfig, type Source } from '../config.ts';
import type { OrderNames } from '../orders.ts';

const numbersOf = (names: OrderNames) => names.numbers.map((name, at) => ({ name, column: `n${at}` }));
const textsOf = ({ categories, texts }: OrderNames) => [
  ...categories.map((name, at) => ({ meaning: `categories.${name}`, column: `c${at}` })),
  ...texts.map((name, at) => ({ meaning: `texts.${name}`, column: `t${at}` })),
];

/** Every mapped column by what it means; of those that the league names, KIND.NAME. */
function flat({ numbers, categories, texts, ...fixed }: Source['columns']): Record<string, string | undefined> {
  const kinds = { numbers, categories, texts };
  const named = Object.entries(kinds).flatMap(([kind, columns]) =>
    Object.entries(columns).map(([name, column]) => [`${kind}.${name}`, column] as const),
  );
  return { ...fixed, ...Object.fromEntries(named) };
}

const faults: readonly CellFault<string>[] = [
  { meaning: 'order', when: 'order_id IS NULL', says: 'is no order number', remedy: 'Name the order on every line.' },
  { meaning: 'ordered', when: noDaySql('ordered'), ...noDay },
  { meaning: 'promised', when: noDaySql('promised'), ...noDay },
  { meaning: 'delivered', when: `delivered_text IS NOT NULL AND (${noDaySql('delivered')})`, ...noDay },
  {
    meaning: 'late',
    when: 'late_text IS NOT NULL AND late IS NULL',
    says: 'is neither true nor false',
    remedy: 'Write true or false; leave the cell empty where it is not known yet.',
  },
  {
    meaning: 'weight',
    when: 'weight_text IS NOT NULL AND (weight IS NULL OR weight <= 0 OR weight > 1e9)',
    says: 'is no number above 0',
    remedy: 'Write what the order counts for, with a point for decimals, or leave the cell empty.',
  },
];

/** The text that a fault of this meaning is shown with. */
const shownText: Readonly<Record<string, string>> = {
  order: 'order_id',
  ordered: 'ordered_text',
  promised: 'promised_text',
  delivered: 'delivered_text',
  late: 'late_text',
  weight: 'weight_text',
};

/** Makes the empty table `lines` that {@link readOrders} fills. */
export async function createLines(database: OrderDatabase, names: OrderNames): Promise<void> {
  const numbers = numbersOf(names).map(({ column }) => `${column} DOUBLE, ${column}_unread BOOLEAN, `);
  const texts = textsOf(names).map(({ column }) => `${column} VARCHAR, `);
  await database.run(`CREATE TABLE lines (order_id VARCHAR, ordered DATE, promised DATE, delivered DATE, late BOOLEAN, weight DOUBLE,
    ${numbers.join('')}${texts.join('')} fault UTINYINT)`);
}

/** SQL that gives a source's lines, parsed. */
function parsedLines(
  table: OrderTable<string>,
  source: Source,
  names: OrderNames,
  { merchant, timeZone }: RiskConfig,
  withRows: boolean,
): { sql: string; parameters: Parameters } {
  const numbers = numbersOf(names);
  const known = (meaning: string, column: string) => `${knownTextSql(table.text(meaning))} AS ${column}`;
  const reading = { format: source.dateFormat, timeZone };
  const raw = [
    known('order', 'order_id'),
    ...['ordered', 'promised', 'delivered', 'late', 'weight'].map((name) => known(name, `${name}_text`)),
    ...numbers.map(({ name, column }) => known(`numbers.${name}`, `${column}_text`)),
    ...textsOf(names).map(({ meaning, column }) => known(meaning, column)),
    ...(withRows ? ['row_number'] : []),
  ];
  const parsed = [
    ...['ordered', 'promised', 'delivered'].map((name) => `${dateSql(`${name}_text`, reading)} AS ${name}`),
    `CASE WHEN lower(late_text) IN ('true', 't', 'yes', 'y', '1') THEN true WHEN lower(late_text) IN ('false', 'f', 'no', 'n', '0') THEN false END AS late`,
    `${numberSql('weight_text', source.numbers)} AS weight`,
    ...numbers.map(({ column }) => `${numberSql(`${column}_text`, source.numbers)} AS ${column}`),
  ];
  const unread = numbers.map(({ column }) => `${column}_text IS NOT NULL AND ${column} IS NULL AS ${column}_unread`);
  const from = withRows ? `(SELECT *, row_number() OVER () AS row_number FROM ${table.from})` : table.from;
  const inRange = [
    ...(source.from === undefined ? [] : [`promised >= DATE ${quotedString(source.from)}`]),
    ...(source.before === undefined ? [] : [`promised < DATE ${quotedString(source.before)}`]),
  ];
  const sql = `
    SELECT ${['*', ...unread].join(', ')}, ${firstFaultSql(faults)} AS fault
    FROM (SELECT *, ${parsed.join(', ')} FROM (
      SELECT ${raw.join(', ')} FROM ${from} WHERE ${table.emptyRows === undefined ? 'true' : `NOT (${table.emptyRows.isEmpty})`} ${merchant === undefined ? '' : `AND ${table.text('merchant')} = $merchant`}
    ))
    ${inRange.length === 0 ? '' : `WHERE promised IS NULL OR (${inRange.join(' AND ')})`}`;
  return { sql, parameters: merchant === undefined ? {} : { merchant: plainText(merchant) } };
}

/**
 * Appends a source's orders to the table `lines`.
 *
 * @throws HansaError InvalidData (naming each kind of fault in the file with its first row and how many rows have it)
 * @throws HansaError Interrupted (when the signal aborts)
 */
export async function readOrders(
  database: OrderDatabase,
  file: OrderFile,
  source: Source,
  config: RiskConfig,
  names: OrderNames,
  signal: AbortSignal | undefined,
): Promise<void> {
  const columns = flat(source.columns);
  const table = await openOrderTable(database, file, columns, signal);
  const { sql, parameters } = parsedLines(table, source, names, config, false);
  const kept = [
    'order_id, ordered, promised, delivered, late, weight',
    ...numbersOf(names).map(({ column }) => `${column}, ${column}_unread`),
    ...textsOf(names).map(({ column }) => column),
    'fault',
  ];
  try {
    await database.run(`INSERT INTO lines SELECT ${kept.join(', ')} FROM (${sql})`, parameters);
    if (table.rows !== undefined) {
      const { read } = await database.row(
        `SELECT count(*) AS read FROM (SELECT ${table.text('promised')} AS d FROM ${table.from})`,
      );
      if (read !== table.rows) throw partlyRead(file.name);
    }
  } catch (error) {
    throw explainReading(error, file.name);
  }
  const { faulty } = await database.row('SELECT count(*) FILTER (fault > 0) AS faulty FROM lines');
  if (faulty !== 0) {
    await tellFaults(database, file, table.rowsBefore, columns, parsedLines(table, source, names, config, true));
  }
  await assertNumbers(database, file, columns, names);
}

async function tellFaults(
  database: OrderDatabase,
  file: OrderFile,
  rowsBefore: number,
  columns: Record<string, string | undefined>,
  { sql, parameters }: { sql: string; parameters: Parameters },
): Promise<never> {
  const located = await locateFaults(database, `(${sql})`, faults, (meaning) => shownText[meaning]!, parameters);
  throw faultyCells(file, rowsBefore, columns, faults, located);
}

/** A cell that holds words instead of a number counts as missing, but a column of nothing else was mapped by mistake. */
async function assertNumbers(
  database: OrderDatabase,
  file: OrderFile,
  columns: Record<string, string | undefined>,
  names: OrderNames,
): Promise<void> {
  for (const { name, column } of numbersOf(names)) {
    const { read, unread } = await database.row(
      `SELECT count(${column}) AS read, count(*) FILTER (${column}_unread) AS unread FROM lines`,
    );
    if (read !== 0 || unread === 0) continue;
    throw dataFault(
      `${file.name}, column ${shorten(columns[`numbers.${name}`] ?? name)}: no cell holds a number. ` +
        'Write plain numbers with a point for decimals and no thousands separator, or map the column under categories or texts.',
      { columns: [{ column: `numbers.${name}`, rows: Number(unread) }] },
    );
  }
}

/** The names of a configuration's columns. */
export function orderNames({ sources: [first] }: RiskConfig): OrderNames {
  const { numbers = {}, categories = {}, texts = {} } = first?.columns ?? {};
  return { numbers: namesOf(numbers), categories: namesOf(categories), texts: namesOf(texts) };
}
