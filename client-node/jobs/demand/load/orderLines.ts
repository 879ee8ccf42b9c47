import { quotedString } from '@duckdb/node-api';
import {
  type CellFault,
  dateSql,
  explainReading,
  faultyCells,
  firstFaultSql,
  noDay,
  noDaySql,
  numberSql,
  partlyRead,
} from '../../../data/cells.ts';
import type { OrderDatabase, Parameters } from '../../../data/database.ts';
import type { OrderFile, OrderTable } from '../../../data/orderFile.ts';
import type { Columns, DataConfig, Source } from '../config.ts';

const LARGEST_NUMBER = 1e9;
const NOT_FINITE_PATTERN = '[+-]?(nan|inf|infinity)';

type Fault = CellFault<keyof Columns>;

function cellFaults(returns: DataConfig['returns']): Fault[] {
  const number = 'Write plain numbers with a point for decimals and no thousands separator.';
  const faults: Fault[] = [
    { meaning: 'date', when: noDaySql('day'), ...noDay },
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
function parsedLines(
  table: OrderTable<keyof Columns>,
  source: Source,
  faults: readonly Fault[],
  merchant: string | undefined,
) {
  const parameters: Parameters = {};
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
    SELECT *, ${firstFaultSql(faults)} AS fault
    FROM (
      SELECT *,
        ${dateSql('date_text')} AS day,
        coalesce(regexp_matches(regexp_extract(date_text, '[ T]([0-9:]+)', 1), '[1-9]'), false) AS has_time,
        ${numberSql('quantity_text')} AS quantity,
        ${numberSql('price_text')} AS price,
        CASE WHEN lower(promotion_text) IN ('true', 't', 'yes', 'y') THEN 1.0
          WHEN lower(promotion_text) IN ('false', 'f', 'no', 'n') THEN 0.0
          WHEN ${numberSql('promotion_text')} BETWEEN 0 AND 1 THEN ${numberSql('promotion_text')} END AS promotion,
        ${numberSql('stock_text')} AS stock
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
  table: OrderTable<keyof Columns>,
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
  throw faultyCells(
    file,
    source.columns,
    faults,
    located.map((row) => ({
      fault: Number(row.fault),
      lines: Number(row.lines),
      first: Number(row.first),
      value: typeof row.value === 'string' ? row.value : undefined,
    })),
  );
}
