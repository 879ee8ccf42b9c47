import { quotedString } from '@duckdb/node-api';
import type { HansaError } from '@hansa/shared/errors';
import type { OrderDatabase, Parameters } from '../../../data/database.ts';
import { dataFault, shorten } from '../../../data/dataFault.ts';
import type { OrderFile, OrderTable } from '../../../data/orderFile.ts';
import type { Columns, DataConfig, Source } from '../config.ts';

const LARGEST_NUMBER = 1e9;
const DATE_PATTERN =
  '[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}([ T][0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?( ?(Z|[+-][0-9]{2}(:?[0-9]{2})?))?)?';
const NUMBER_PATTERN = String.raw`[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?`;
const NOT_FINITE_PATTERN = '[+-]?(nan|inf|infinity)';

/** What can be wrong with a cell: the condition over the parsed line, and what to say of it. */
interface CellFault {
  readonly meaning: keyof Columns;
  readonly when: string;
  readonly says: string;
  readonly remedy: string;
}

function cellFaults(returns: DataConfig['returns']): CellFault[] {
  const number = 'Write plain numbers with a point for decimals and no thousands separator.';
  const faults: CellFault[] = [
    {
      meaning: 'date',
      when: `day IS NULL OR day < DATE '1950-01-01' OR day >= DATE '2150-01-01'`,
      says: 'is no date from 1950 to 2149',
      remedy: 'Write dates as YYYY-MM-DD; a time of day may follow.',
    },
    { meaning: 'item', when: 'item IS NULL', says: 'is no item', remedy: 'Name the item on every line.' },
    {
      meaning: 'quantity',
      when: `regexp_full_match(lower(quantity_text), '${NOT_FINITE_PATTERN}')`,
      says: 'is not a finite number',
      remedy: 'Remove these lines or write the units sold.',
    },
    {
      meaning: 'quantity',
      when: `quantity IS NULL OR abs(quantity) > ${LARGEST_NUMBER}`,
      says: 'is no number up to a thousand million',
      remedy: number,
    },
    {
      meaning: 'price',
      when: `price_text IS NOT NULL AND (price IS NULL OR abs(price) > ${LARGEST_NUMBER})`,
      says: 'is no number up to a thousand million',
      remedy: number,
    },
    {
      meaning: 'promotion',
      when: 'promotion_text IS NOT NULL AND promotion IS NULL',
      says: 'is neither true or false nor a share from 0 to 1',
      remedy: 'Write true, false, yes, no, or a share.',
    },
    {
      meaning: 'stock',
      when: `stock_text IS NOT NULL AND (stock IS NULL OR abs(stock) > ${LARGEST_NUMBER})`,
      says: 'is no number up to a thousand million',
      remedy: number,
    },
  ];
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

/** SQL that gives a source's lines, parsed, with `fault` = number of the first fault of the line (0 = none). */
function parsedLines(table: OrderTable, source: Source, faults: readonly CellFault[], merchant: string | undefined) {
  const parameters: Parameters = {};
  const number = (column: string) =>
    `CASE WHEN regexp_full_match(${column}, '${NUMBER_PATTERN}') THEN TRY_CAST(${column} AS DOUBLE) END`;
  let ours = '';
  if (merchant !== undefined) {
    ours = `WHERE ${table.text('merchant')} = $merchant`;
    parameters.merchant = merchant.trim();
  }
  const inRange: string[] = [];
  if (source.from !== undefined) inRange.push(`day >= DATE ${quotedString(source.from)}`);
  if (source.before !== undefined) inRange.push(`day < DATE ${quotedString(source.before)}`);
  const numbered = `SELECT *, row_number() OVER () AS row_number FROM ${table.from}`;
  const sql = (withRows: boolean) => `
    SELECT *, CASE ${faults.map((fault, index) => `WHEN ${fault.when} THEN ${index + 1}`).join(' ')} ELSE 0 END AS fault
    FROM (
      SELECT *,
        CASE WHEN regexp_full_match(date_text, '${DATE_PATTERN}')
          THEN TRY_CAST(replace(regexp_extract(date_text, '^[0-9]{4}.[0-9]{1,2}.[0-9]{1,2}'), '/', '-') AS DATE) END AS day,
        coalesce(regexp_matches(regexp_extract(date_text, '[ T]([0-9:]+)', 1), '[1-9]'), false) AS has_time,
        ${number('quantity_text')} AS quantity,
        ${number('price_text')} AS price,
        CASE WHEN lower(promotion_text) IN ('true', 't', 'yes', 'y') THEN 1.0
          WHEN lower(promotion_text) IN ('false', 'f', 'no', 'n') THEN 0.0
          WHEN ${number('promotion_text')} BETWEEN 0 AND 1 THEN ${number('promotion_text')} END AS promotion,
        ${number('stock_text')} AS stock
      FROM (
        SELECT ${table.text('date')} AS date_text, ${table.text('item')} AS item, coalesce(${table.text('location')}, '') AS location,
          ${table.text('quantity')} AS quantity_text, ${table.text('price')} AS price_text,
          ${table.text('promotion')} AS promotion_text, ${table.text('stock')} AS stock_text,
          ${table.text('order')} AS order_text, ${table.text('category')} AS category, ${table.text('text')} AS label
          ${withRows ? ', row_number' : ''}
        FROM ${withRows ? `(${numbered})` : table.from} ${ours}
      )
    )
    ${inRange.length === 0 ? '' : `WHERE day IS NULL OR (${inRange.join(' AND ')})`}`;
  return { sql, parameters };
}

/** Makes the empty table `lines` that {@link readOrderLines} fills. */
export async function createLines(database: OrderDatabase): Promise<void> {
  await database.run(`CREATE TABLE lines (
    day DATE, item VARCHAR, location VARCHAR, quantity DOUBLE, price DOUBLE, promotion DOUBLE, stock DOUBLE, category VARCHAR, label VARCHAR,
    has_time BOOLEAN, key_hash UBIGINT, line_hash UBIGINT, fault UTINYINT)`);
}

/**
 * Appends a source's lines to the table `lines`.
 *
 * `key_hash` stands for what tells one sale from another (date and time as written, order); `line_hash` for every mapped column as written.
 *
 * @throws HansaError InvalidData (naming each kind of fault in the file with its first row and how many rows have it)
 */
export async function readOrderLines(
  database: OrderDatabase,
  file: OrderFile,
  table: OrderTable,
  source: Source,
  config: DataConfig,
): Promise<void> {
  const faults = cellFaults(config.returns);
  const { sql, parameters } = parsedLines(table, source, faults, config.merchant);
  const texts =
    'date_text, order_text, item, location, quantity_text, price_text, promotion_text, stock_text, category, label';
  try {
    await database.run(
      `INSERT INTO lines SELECT day, item, location, quantity, price, promotion, stock, category, label, has_time,
        hash(date_text, order_text), hash(${texts}), fault FROM (${sql(false)})`,
      parameters,
    );
    if (table.rows !== undefined) {
      const { read } = await database.row(
        `SELECT count(*) AS read FROM (SELECT ${table.text('date')} AS d FROM ${table.from})`,
      );
      if (read !== table.rows) throw partlyRead(file.name);
    }
  } catch (error) {
    throw explainReading(error, file.name);
  }
  const { faulty } = await database.row('SELECT count(*) FILTER (fault > 0) AS faulty FROM lines');
  if (faulty === 0) return;

  const values = faults.map(
    (fault, index) => `WHEN ${index + 1} THEN ${fault.meaning === 'item' ? 'item' : `${fault.meaning}_text`}`,
  );
  const located = await database.rows(
    `SELECT fault, count(*) AS lines, min(row_number) AS first, arg_min(CASE fault ${values.join(' ')} END, row_number) AS value
     FROM (${sql(true)}) WHERE fault > 0 GROUP BY fault ORDER BY first`,
    parameters,
  );
  throw describeFaults(file, source, faults, located);
}

function describeFaults(
  file: OrderFile,
  source: Source,
  faults: readonly CellFault[],
  located: readonly Record<string, unknown>[],
): HansaError {
  const header = file.kind === 'parquet' ? 0 : 1;
  const faultOf = (row: Record<string, unknown>): CellFault => {
    const fault = faults[Number(row.fault) - 1];
    if (fault === undefined) throw new RangeError('a line has a fault that is not in the table');
    return fault;
  };
  const sentences = located.map((row) => {
    const fault = faultOf(row);
    const value = typeof row.value === 'string' ? shorten(row.value) : 'an empty cell';
    const others = Number(row.lines) - 1;
    const more = others === 0 ? '' : `, and so in ${others} more row${others === 1 ? '' : 's'}`;
    const column = shorten(source.columns[fault.meaning] ?? fault.meaning);
    return `${file.name}, row ${Number(row.first) + header}, column ${column}: ${value} ${fault.says}${more}. ${fault.remedy}`;
  });
  const note = header === 1 ? ' (The header is row 1.)' : '';
  return dataFault(sentences.join('\n') + note, {
    columns: located.map((row) => ({ column: faultOf(row).meaning, rows: Number(row.lines) })),
  });
}

function partlyRead(name: string): HansaError {
  return dataFault(`${name} could be read only in part. Look for unusual line endings or quotes, or export it again.`);
}

// The database's own messages quote whole lines of the file, so that only the place is taken from them.
function explainReading(error: unknown, name: string): unknown {
  if (!(error instanceof Error) || !/^(Invalid Input|Conversion|IO|Serialization|Invalid) Error/i.test(error.message))
    return error;
  const line = /Line: (\d+)/.exec(error.message)?.[1];
  return dataFault(
    `${name}${line === undefined ? '' : `, line ${line}`}: the file is damaged or not of the kind that its name says. Export it again.`,
  );
}
