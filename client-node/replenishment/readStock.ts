import { type CellFault, explainReading, faultyCells, firstFaultSql, locateFaults, partlyRead } from '../data/cells.ts';
import { type OrderDatabase, openDatabase } from '../data/database.ts';
import { dataFault } from '../data/dataFault.ts';
import { interruptible } from '../data/interruptible.ts';
import { eitherNumberSql, numberSql } from '../data/numbers.ts';
import { findOrderFile, type OrderTable, openOrderTable } from '../data/orderFile.ts';
import { knownTextSql } from '../data/text.ts';
import { type ReplenishmentConfig, type StockMeaning, stockMeanings } from './config.ts';
import { LEAST_LEVEL, MOST_LEVEL } from './levels.ts';
import { type StockLine, stockKey, stockLineOf, type ToldStock } from './stockLine.ts';

const numbers = stockMeanings.filter((meaning) => meaning !== 'item' && meaning !== 'location');
type NumberMeaning = (typeof numbers)[number];

const MOST = 1e9;
const MOST_DAYS = 3650;
/** What each number may be, as SQL, and how a refusal says so; a cell that is empty is left to the configuration. */
const ranges: Readonly<Record<NumberMeaning, readonly [allowed: string, says: string]>> = {
  onHand: [`abs(onHand) <= ${MOST}`, 'is no number of units'],
  onOrder: [`onOrder BETWEEN 0 AND ${MOST}`, 'is no number of units from 0'],
  backorders: [`backorders BETWEEN 0 AND ${MOST}`, 'is no number of units from 0'],
  unitCost: [`unitCost > 0 AND unitCost <= ${MOST}`, 'is no amount of money above 0'],
  leadDays: [`leadDays BETWEEN 0 AND ${MOST_DAYS}`, `is no number of days from 0 to ${MOST_DAYS}`],
  leadSpreadDays: [`leadSpreadDays BETWEEN 0 AND ${MOST_DAYS}`, `is no number of days from 0 to ${MOST_DAYS}`],
  reviewDays: [
    'reviewDays BETWEEN 1 AND 366 AND reviewDays = floor(reviewDays)',
    'is no whole number of days from 1 to 366',
  ],
  packSize: [`packSize > 0 AND packSize <= ${MOST}`, 'is no number of units above 0'],
  minimumOrder: [`minimumOrder BETWEEN 0 AND ${MOST}`, 'is no number of units from 0'],
  holdingCost: [`holdingCost > 0 AND holdingCost <= ${MOST}`, 'is no amount of money above 0'],
  shortageCost: [`shortageCost > 0 AND shortageCost <= ${MOST}`, 'is no amount of money above 0'],
  serviceLevel: [
    `serviceLevel BETWEEN ${LEAST_LEVEL} AND ${MOST_LEVEL}`,
    `is no service level from ${LEAST_LEVEL} to ${MOST_LEVEL}`,
  ],
  size: [`size > 0 AND size <= ${MOST}`, 'is no size above 0'],
};

function faultsOf(table: OrderTable<StockMeaning>, config: ReplenishmentConfig): CellFault<StockMeaning>[] {
  const remedy = 'Write plain numbers with a point for decimals, or say how they are written in replenishment.numbers.';
  const unclear = table.delimiter === ';' && config.numbers === undefined;
  return [
    { meaning: 'item', when: 'item IS NULL', says: 'is no item', remedy: 'Name the item on every line.' },
    {
      meaning: 'onHand',
      when: 'onHand_text IS NULL',
      says: 'says nothing',
      remedy: 'Write 0 where nothing is on hand.',
    },
    ...numbers.flatMap((meaning): CellFault<StockMeaning>[] => [
      {
        meaning,
        when: `${meaning}_text IS NOT NULL AND (${meaning} IS NULL OR NOT (${ranges[meaning][0]}))`,
        says: ranges[meaning][1],
        remedy,
      },
      ...(unclear
        ? [
            {
              meaning,
              when: eitherNumberSql(`${meaning}_text`),
              says: 'may have thousands or decimals behind its point',
              remedy:
                'Set replenishment.numbers to {"decimal": ",", "thousands": "."} where it separates thousands, to {"decimal": "."} where it stands before decimals.',
            },
          ]
        : []),
    ]),
  ];
}

/** SQL of the lines, parsed, each with the number of its first fault and with its row, from 1. */
function linesSql(
  table: OrderTable<StockMeaning>,
  faults: readonly CellFault<StockMeaning>[],
  { numbers: reading }: ReplenishmentConfig,
): string {
  const known = (meaning: StockMeaning) => knownTextSql(table.text(meaning));
  const texts = numbers.map((meaning) => `${known(meaning)} AS ${meaning}_text`);
  const parsed = numbers.map((meaning) => {
    const text = `${meaning}_text`;
    if (meaning !== 'serviceLevel') return `${numberSql(text, reading)} AS ${meaning}`;
    const share = `CASE WHEN ends_with(${text}, '%') THEN 100 ELSE 1 END`;
    return `${numberSql(`rtrim(${text}, '% ')`, reading)} / ${share} AS ${meaning}`;
  });
  return `SELECT *, ${firstFaultSql(faults)} AS fault FROM (
    SELECT *, ${parsed.join(', ')} FROM (
      SELECT ${known('item')} AS item, coalesce(${known('location')}, '') AS location, ${texts.join(', ')}, row_number
      FROM (SELECT *, row_number() OVER () AS row_number FROM ${table.from})
      WHERE ${table.emptyRows === undefined ? 'true' : `NOT (${table.emptyRows.isEmpty})`}
    )
  )`;
}

/**
 * Reads a stock file: a line for each item at each location, CSV or Parquet. What a line leaves empty is the configuration's default.
 *
 * @param path absolute, or from the working folder
 * @returns lines by stockKey
 * @throws HansaError InvalidData (what is wrong, in which row and column, and what to do)
 * @throws HansaError Interrupted (when the signal aborts)
 */
export async function readStock(
  path: string,
  config: ReplenishmentConfig,
  options: { readonly scratchFolder?: string; readonly signal?: AbortSignal } = {},
): Promise<Map<string, StockLine>> {
  return interruptible(options.signal, async () => {
    const mayLack = stockMeanings.filter(
      (meaning) => meaning !== 'item' && meaning !== 'onHand' && config.columns[meaning] === undefined,
    );
    const file = {
      ...(await findOrderFile({ file: path }, '.')),
      other: { mapping: 'replenishment.columns', mayLack },
    };
    const database = await openDatabase([file.path], options);
    try {
      const columns = Object.fromEntries(
        stockMeanings.map((meaning) => [meaning, config.columns[meaning] ?? meaning]),
      ) as Record<StockMeaning, string>;
      const table = await openOrderTable(database, file, columns, options.signal);
      const faults = faultsOf(table, config);
      try {
        await database.run(`CREATE TABLE stock AS ${linesSql(table, faults, config)}`);
        const { read } = await database.row(
          `SELECT count(*) AS read FROM (SELECT ${table.text('item')} AS i FROM ${table.from})`,
        );
        if (table.rows !== undefined && read !== table.rows) throw partlyRead(file.name);
      } catch (error) {
        throw explainReading(error, file.name);
      }
      const textOf = (meaning: string) => (meaning === 'item' ? 'item' : `${meaning}_text`);
      const located = await locateFaults(database, 'stock', faults, textOf);
      if (located.length > 0) throw faultyCells(file, table.rowsBefore, columns, faults, located);
      await refuseTwice(database, file.name, table.rowsBefore);
      return await linesOf(database, config);
    } finally {
      await database.close();
    }
  });
}

async function refuseTwice(database: OrderDatabase, name: string, rowsBefore: number): Promise<void> {
  const { twice, first, second } = await database.row(
    `SELECT count(*) AS twice, min(first) AS first, arg_min(second, first) AS second FROM (
       SELECT min(row_number) AS first, min(row_number, 2)[2] AS second FROM stock GROUP BY item, location HAVING count(*) > 1
     )`,
  );
  if (twice === 0) return;
  throw dataFault(
    `${name} has ${twice} item${twice === 1 ? '' : 's'} with more than one line, the first in rows ${Number(first) + rowsBefore} and ${Number(second) + rowsBefore}. ` +
      'Write one line for each item at each location: add up what lies in several places, or name the column location.',
  );
}

async function linesOf(database: OrderDatabase, config: ReplenishmentConfig): Promise<Map<string, StockLine>> {
  const lines = new Map<string, StockLine>();
  await database.columns(
    `SELECT item, location, ${numbers.join(', ')} FROM stock ORDER BY row_number`,
    (columns, rows) => {
      for (let row = 0; row < rows; row++) {
        const [item, location, ...values] = columns.map((column) => column[row]) as [
          string,
          string,
          ...(number | null)[],
        ];
        const told = Object.fromEntries(numbers.map((meaning, at) => [meaning, values[at] ?? undefined]));
        const line = stockLineOf({ item, location, ...(told as Omit<ToldStock, 'item' | 'location'>) }, config);
        lines.set(stockKey(line), line);
      }
    },
  );
  return lines;
}
