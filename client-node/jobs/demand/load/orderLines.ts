import { quotedString } from '@duckdb/node-api';
import {
  type CellFault,
  explainReading,
  faultyCells,
  firstFaultSql,
  type LocatedFault,
  locateFaults,
  partlyRead,
} from '../../../data/cells.ts';
import type { OrderDatabase, Parameters } from '../../../data/database.ts';
import { adviseDateFormat, dateSql, hasTimeSql, noDay, noDaySql, uncertainDaySql } from '../../../data/dates.ts';
import { adviseNumbers, eitherNumberSql, numberSql } from '../../../data/numbers.ts';
import { type OrderFile, type OrderTable, openOrderTable } from '../../../data/orderFile.ts';
import { knownTextSql, missingWordSql, plainText } from '../../../data/text.ts';
import type { Columns, DataConfig, Source } from '../config.ts';

const LARGEST_NUMBER = 1e9;
/** Below it, single precision and logarithms fail. */
export const SMALLEST_PRICE = 1e-6;
const NOT_FINITE_PATTERN = '[+-]?(nan|inf|infinity)';
const YES = ['true', 't', 'yes', 'y', 'on', '是', 'ja', 'oui', 'sí', 'si', 'sim'];
const NO = ['false', 'f', 'no', 'n', 'off', '否', 'nein', 'non', 'não', 'nao'];

type Fault = CellFault<keyof Columns>;

/** Meanings whose cells may be missing; a line's bit is set where a word such as NULL stands there. */
export const missable = ['location', 'order', 'price', 'promotion', 'stock', 'soldOut', 'category', 'text'] as const;

/** An order file that is open, with what its source says of it. */
export interface OpenSource {
  readonly file: OrderFile;
  readonly source: Source;
  readonly table: OrderTable<keyof Columns>;
}

/** Checks the form of a source's file. @throws HansaError InvalidData */
export async function openSource(
  database: OrderDatabase,
  file: OrderFile,
  source: Source,
  signal?: AbortSignal,
): Promise<OpenSource> {
  return { file, source, table: await openOrderTable(database, file, source.columns, signal) };
}

function cellFaults({ returns }: DataConfig, { source, table }: OpenSource): Fault[] {
  const number = 'Write the number alone, with a point for decimals and nothing between thousands.';
  const unlikely = 'is no number up to a thousand million';
  const tooLarge = (name: string) => `(${name} IS NULL OR abs(${name}) > ${LARGEST_NUMBER})`;
  const faults: Fault[] = [
    { meaning: 'date', when: noDaySql('day'), ...noDay },
    { meaning: 'item', when: 'item IS NULL', says: 'is no item', remedy: 'Name the item on every line.' },
    {
      meaning: 'quantity',
      when: `regexp_full_match(lower(quantity_text), '${NOT_FINITE_PATTERN}')`,
      says: 'is not a finite number',
      remedy: 'Remove these lines or write the units sold.',
    },
    { meaning: 'quantity', when: tooLarge('quantity'), says: unlikely, remedy: number },
    { meaning: 'price', when: `price_text IS NOT NULL AND ${tooLarge('price')}`, says: unlikely, remedy: number },
    {
      meaning: 'promotion',
      when: 'promotion_text IS NOT NULL AND promotion IS NULL',
      says: 'is neither true or false nor a share from 0 to 1',
      remedy: 'Write true, false, yes, no, or a share.',
    },
    {
      meaning: 'soldOut',
      when: 'soldOut_text IS NOT NULL AND sold_out IS NULL',
      says: 'is neither true or false nor a share from 0 to 1',
      remedy: 'Write true, false, yes, no, or the share of the day.',
    },
    { meaning: 'stock', when: `stock_text IS NOT NULL AND ${tooLarge('stock')}`, says: unlikely, remedy: number },
  ];
  if (table.delimiter === ';' && source.numbers === undefined) {
    // Semicolons separate fields where a comma stands before decimals, and there a point stands between thousands.
    for (const meaning of ['quantity', 'price', 'stock'] as const) {
      faults.push({
        meaning,
        when: eitherNumberSql(`${meaning}_text`),
        says: 'may have thousands or decimals behind its point',
        remedy:
          'Set data.sources[].numbers to {"decimal": ",", "thousands": "."} where it separates thousands, to {"decimal": "."} where it stands before decimals.',
      });
    }
  }
  if (returns === 'none') {
    faults.push({
      meaning: 'quantity',
      when: 'quantity < 0',
      says: 'is negative',
      remedy: `If such lines are returns, set data.returns to "negative"; otherwise correct them.`,
    });
  }
  return faults;
}

/** SQL for a share 0..1, or true or false. */
export function shareSql(text: string, numbers: Source['numbers']): string {
  const words = (list: readonly string[]) => list.map(quotedString).join(', ');
  const number = numberSql(`rtrim(${text}, '% ')`, numbers);
  const share = `(${number}) / CASE WHEN ends_with(${text}, '%') THEN 100 ELSE 1 END`;
  return `CASE WHEN lower(${text}) IN (${words(YES)}) THEN 1.0 WHEN lower(${text}) IN (${words(NO)}) THEN 0.0
    WHEN ${share} BETWEEN 0 AND 1 THEN ${share} END`;
}

/** SQL that gives a source's lines, parsed, with `fault` = number of the first fault of the line (0 = none); with `row_number`, counted from 1, where asked for. */
export function parsedLines(
  { table, source }: OpenSource,
  faults: readonly Fault[],
  { merchant, timeZone }: DataConfig,
  withRows: boolean,
): { sql: string; parameters: Parameters } {
  const parameters: Parameters = {};
  const kept = table.emptyRows === undefined ? ['true'] : [`NOT (${table.emptyRows.isEmpty})`];
  if (merchant !== undefined) {
    kept.push(`${table.text('merchant')} = $merchant`);
    parameters.merchant = plainText(merchant);
  }
  const inRange: string[] = [];
  if (source.from !== undefined) inRange.push(`day >= DATE ${quotedString(source.from)}`);
  if (source.before !== undefined) inRange.push(`day < DATE ${quotedString(source.before)}`);
  const reading = { format: source.dateFormat, timeZone };
  const isMapped = (meaning: keyof Columns) => source.columns[meaning] !== undefined;
  const missing = missable.flatMap((meaning, bit) =>
    isMapped(meaning) ? [`CASE WHEN ${missingWordSql(`${meaning}_raw`)} THEN ${1 << bit} ELSE 0 END`] : [],
  );
  const known = (meaning: keyof Columns, name: string) => `${knownTextSql(`${meaning}_raw`)} AS ${name}`;
  const from = withRows ? `(SELECT *, row_number() OVER () AS row_number FROM ${table.from})` : table.from;
  const sql = `
    SELECT *, ${firstFaultSql(faults)} AS fault
    FROM (
      SELECT *,
        ${dateSql('date_text', reading)} AS day,
        ${hasTimeSql('date_text')} AS has_time,
        ${timeZone === undefined ? uncertainDaySql('date_text') : 'false'} AS uncertain_day,
        ${numberSql('quantity_text', source.numbers)} AS quantity,
        ${numberSql('price_text', source.numbers)} AS price,
        ${shareSql('promotion_text', source.numbers)} AS promotion,
        ${shareSql('soldOut_text', source.numbers)} AS sold_out,
        ${numberSql('stock_text', source.numbers)} AS stock
      FROM (
        SELECT date_raw AS date_text, item_raw AS item_text, ${known('item', 'item')}, coalesce(${knownTextSql('location_raw')}, '') AS location,
          quantity_raw AS quantity_text, ${known('price', 'price_text')}, ${known('promotion', 'promotion_text')}, ${known('stock', 'stock_text')},
          ${known('soldOut', 'soldOut_text')},
          CASE WHEN NOT regexp_full_match(order_raw, '[-0. ]*') THEN ${knownTextSql('order_raw')} END AS order_text,
          ${isMapped('order')} AS order_mapped, ${known('category', 'category')}, ${known('text', 'label')},
          CAST(${missing.join(' + ') || '0'} AS UTINYINT) AS missing ${withRows ? ', row_number' : ''}
        FROM (
          SELECT ${(['date', 'item', 'quantity', ...missable] as const).map((meaning) => `${table.text(meaning)} AS ${meaning}_raw`).join(', ')}
            ${withRows ? ', row_number' : ''}
          FROM ${from} WHERE ${kept.join(' AND ')}
        )
      )
    )
    ${inRange.length === 0 ? '' : `WHERE day IS NULL OR (${inRange.join(' AND ')})`}`;
  return { sql, parameters };
}

/** Makes the empty table `lines` that {@link readOrderLines} fills. */
export async function createLines(database: OrderDatabase): Promise<void> {
  await database.run(`CREATE TABLE lines (
    day DATE, item VARCHAR, location VARCHAR, quantity DOUBLE, price DOUBLE, tiny_price BOOLEAN, promotion DOUBLE, stock DOUBLE, sold_out DOUBLE, category VARCHAR,
    label VARCHAR,    has_time BOOLEAN, uncertain_day BOOLEAN, missing UTINYINT, order_mapped BOOLEAN, order_hash UBIGINT, key_hash UBIGINT, line_hash UBIGINT,
    fault UTINYINT)`);
}

/**
 * Appends a source's lines to the table `lines`; rows without a value in any cell are passed over.
 *
 * `order_hash` stands for the order number, NULL where none is told; `key_hash` for what tells one sale from another (date and time as written, order);
 * `line_hash` for every mapped column.
 *
 * @throws HansaError InvalidData (naming each kind of fault in the file with its first row and how many rows have it)
 */
export async function readOrderLines(database: OrderDatabase, open: OpenSource, config: DataConfig): Promise<void> {
  const { file, table } = open;
  const faults = cellFaults(config, open);
  const { sql, parameters } = parsedLines(open, faults, config, false);
  const texts =
    'date_text, order_text, item, location, quantity_text, price_text, promotion_text, stock_text, soldOut_text, category, label';
  try {
    await database.run(
      `INSERT INTO lines SELECT day, item, location, quantity, CASE WHEN price >= ${SMALLEST_PRICE} THEN price END, price > 0 AND price < ${SMALLEST_PRICE}, promotion, stock, sold_out, category, label,
        has_time, uncertain_day, missing, order_mapped, CASE WHEN order_text IS NOT NULL THEN hash(order_text) END, hash(date_text, order_text),
        hash(${texts}), fault FROM (${sql})`,
      parameters,
    );
    if (table.rows !== undefined) {
      const { read } = await database.row(`SELECT count(*) AS read FROM ${table.from}`);
      if (read !== table.rows) throw partlyRead(file.name);
    }
  } catch (error) {
    throw explainReading(error, file.name);
  }
  const { faulty } = await database.row('SELECT count(*) FILTER (fault > 0) AS faulty FROM lines');
  if (faulty !== 0) await tellFaults(database, open, faults, config);
}

async function tellFaults(
  database: OrderDatabase,
  open: OpenSource,
  faults: readonly Fault[],
  config: DataConfig,
): Promise<never> {
  const { sql, parameters } = parsedLines(open, faults, config, true);
  const told = await locateFaults(database, `(${sql})`, faults, (meaning) => `${meaning}_text`, parameters);
  const advised: Fault[] = [];
  for (const [index, fault] of faults.entries()) {
    const found = told.find((one) => one.fault === index + 1);
    const advice = found === undefined ? undefined : await adviceFor(database, open, fault, found, config);
    advised.push({ ...fault, ...(advice !== undefined && { remedy: advice }) });
  }
  throw faultyCells(open.file, open.table.rowsBefore, open.source.columns, advised, told);
}

/** How the mapping can read cells that are dates or numbers in another form; undefined where they are none, or the mapping says already how to read them. */
async function adviceFor(
  database: OrderDatabase,
  { table, source }: OpenSource,
  { meaning, when }: Fault,
  { value }: LocatedFault,
  { timeZone }: DataConfig,
): Promise<string | undefined> {
  if (value === undefined) return undefined;
  const text = table.text(meaning);
  const all = `FROM ${table.from} WHERE ${text} IS NOT NULL`;
  if (meaning === 'date' && source.dateFormat === undefined) {
    return adviseDateFormat(async (format) => {
      const { share } = await database.row(
        `SELECT avg(CASE WHEN ${noDaySql(dateSql(text, { format, timeZone }))} THEN 0.0 ELSE 1.0 END) AS share ${all}`,
      );
      return Number(share);
    });
  }
  const isNumber = (meaning === 'quantity' || meaning === 'price' || meaning === 'stock') && when.includes('abs(');
  if (!isNumber || source.numbers !== undefined) return undefined;
  return adviseNumbers(async (reading) => {
    const row = await database.row(
      `SELECT bool_and(${numberSql(text, reading)} IS NOT NULL) AS every, any_value(${numberSql('$value', reading)}) AS first ${all}`,
      { value },
    );
    return { every: row.every === true, first: typeof row.first === 'number' ? row.first : undefined };
  });
}
