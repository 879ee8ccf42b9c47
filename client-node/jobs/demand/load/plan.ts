import { quotedString } from '@duckdb/node-api';
import { type CellFault, explainReading, faultyCells, firstFaultSql, locateFaults } from '../../../data/cells.ts';
import type { OrderDatabase } from '../../../data/database.ts';
import { dataFault } from '../../../data/dataFault.ts';
import { dateSql, noDay, noDaySql } from '../../../data/dates.ts';
import { numberSql } from '../../../data/numbers.ts';
import { type OrderFile, openOrderTable } from '../../../data/orderFile.ts';
import { knownTextSql } from '../../../data/text.ts';
import type { DataConfig, Frequency } from '../config.ts';
import { firstPeriodFrom, periodSql, periodStart } from './calendar.ts';
import { SMALLEST_PRICE, shareSql } from './orderLines.ts';

type PlanSource = NonNullable<DataConfig['plan']>;
type PlanColumn = keyof PlanSource['columns'];

/** Planned values of a period; undefined where the plan says nothing. */
export interface Planned {
  readonly price: number | undefined;
  /** Share 0..1. */
  readonly promotion: number | undefined;
  /** Share 0..1 of the period in which the shop is closed. */
  readonly closed: number | undefined;
}

/** What a merchant has planned, and when it was known. */
export interface Plan {
  /** Which values any line of it has. */
  readonly has: Readonly<Record<keyof Planned, boolean>>;
  /** What was planned at an origin for a period of a series; undefined where nothing was. */
  at(series: number, period: number, origin: number): Planned | undefined;
  /** Everything in it, for a digest. */
  readonly text: string;
}

/** More planned periods than this are no plan. */
const MOST_CELLS = 2_000_000;

const faults: readonly CellFault<PlanColumn>[] = [
  { meaning: 'date', when: noDaySql('day'), ...noDay },
  { meaning: 'known', when: `known_text IS NOT NULL AND (${noDaySql('known')})`, ...noDay },
  {
    meaning: 'price',
    when: `price_text IS NOT NULL AND (price IS NULL OR price < ${SMALLEST_PRICE} OR price > 1e9)`,
    says: 'is no price above 0',
    remedy: 'Write the number alone, with a point for decimals, or leave the cell empty.',
  },
  {
    meaning: 'promotion',
    when: 'promotion_text IS NOT NULL AND promotion IS NULL',
    says: 'is neither true or false nor a share from 0 to 1',
    remedy: 'Write true, false, yes, no, or a share.',
  },
  {
    meaning: 'closed',
    when: 'closed_text IS NOT NULL AND closed IS NULL',
    says: 'is neither true or false nor a share from 0 to 1',
    remedy: 'Write true, false, yes, no, or a share of the day.',
  },
];

/**
 * Reads a plan file into a plan for the series of the table `series`: a line holds for its day, its item (every item where it names none) and its location
 * (likewise); a line for an item goes before one for all.
 *
 * @throws HansaError InvalidData (naming each kind of fault in the file with its first row and how many rows have it)
 */
export async function readPlan(
  database: OrderDatabase,
  file: OrderFile,
  source: PlanSource,
  { frequency, timeZone }: DataConfig,
  signal: AbortSignal | undefined,
): Promise<Plan> {
  const { columns } = source;
  const table = await openOrderTable(database, file, columns, signal);
  const reading = { format: source.dateFormat, timeZone };
  const known = (meaning: PlanColumn) => `${knownTextSql(table.text(meaning))} AS ${meaning}_text`;
  const parsed = `
    SELECT *, ${firstFaultSql(faults)} AS fault FROM (
      SELECT *, ${dateSql('date_text', reading)} AS day, ${dateSql('known_text', reading)} AS known, ${numberSql('price_text', source.numbers)} AS price,
        ${shareSql('promotion_text', source.numbers)} AS promotion, ${shareSql('closed_text', source.numbers)} AS closed
      FROM (
        SELECT ${(['date', 'item', 'location', 'known', 'price', 'promotion', 'closed'] as const).map(known).join(', ')}, row_number() OVER () AS row_number
        FROM ${table.from} ${table.emptyRows === undefined ? '' : `WHERE NOT (${table.emptyRows.isEmpty})`}
      )
    )`;
  const kept = [
    ...(source.from === undefined ? [] : [`day >= DATE ${quotedString(source.from)}`]),
    ...(source.before === undefined ? [] : [`day < DATE ${quotedString(source.before)}`]),
  ];
  try {
    const located = await locateFaults(database, `(${parsed})`, faults, (meaning) => `${meaning}_text`);
    if (located.length > 0) throw faultyCells(file, table.rowsBefore, columns, faults, located);
    await database.run(`CREATE TABLE plan AS
      SELECT item_text AS item, location_text AS location, CAST(${periodSql(frequency, 'day')} AS INTEGER) AS period, avg(price) AS price, avg(promotion) AS promotion,
        sum(closed) AS closed, max(date_diff('day', DATE '1970-01-01', known)) AS known
      FROM (${parsed}) ${kept.length === 0 ? '' : `WHERE ${kept.join(' AND ')}`} GROUP BY ALL`);
  } catch (error) {
    throw explainReading(error, file.name);
  }
  return planOf(database, file, frequency);
}

interface Cell extends Planned {
  /** First period at whose beginning it was known. */
  readonly knownFrom: number;
}

async function planOf(database: OrderDatabase, file: OrderFile, frequency: Frequency): Promise<Plan> {
  // General lines first, so that those for an item, and for an item at a location, go over them.
  const joined = `SELECT number, period, plan.price AS price, plan.promotion AS promotion, closed, known,
      (CASE WHEN plan.item IS NULL THEN 0 ELSE 2 END + CASE WHEN plan.location IS NULL THEN 0 ELSE 1 END) AS rank
    FROM plan JOIN series ON (plan.item IS NULL OR plan.item = series.item) AND (plan.location IS NULL OR plan.location = series.location)`;
  const { cells } = await database.row(`SELECT count(*) AS cells FROM (${joined})`);
  if (Number(cells) > MOST_CELLS) {
    throw dataFault(
      `${file.name} plans ${cells} periods of items, more than ${MOST_CELLS}. Plan fewer periods, or write lines without an item for what holds for all.`,
    );
  }
  const planned = new Map<string, Cell>();
  const has = { price: false, promotion: false, closed: false };
  for (const row of await database.rows(`${joined} ORDER BY number, period, rank`)) {
    const period = Number(row.period);
    const key = `${row.number} ${period}`;
    const before = planned.get(key);
    const days = periodStart(frequency, period + 1) - periodStart(frequency, period);
    const value = (name: keyof Planned) => {
      const given = row[name];
      if (typeof given !== 'number') return before?.[name];
      has[name] = true;
      return name === 'closed' ? Math.min(1, given / days) : given;
    };
    // A day is known at the beginning of the next one.
    const knownFrom = row.known === null ? Number.NEGATIVE_INFINITY : firstPeriodFrom(frequency, Number(row.known) + 1);
    planned.set(key, {
      price: value('price'),
      promotion: value('promotion'),
      // Of a week or a month, days are planned one by one.
      closed: value('closed'),
      knownFrom: Math.max(knownFrom, before?.knownFrom ?? knownFrom),
    });
  }
  return {
    has,
    at(series, period, origin) {
      const cell = planned.get(`${series} ${period}`);
      return cell === undefined || cell.knownFrom > origin ? undefined : cell;
    },
    text: JSON.stringify([...planned]),
  };
}
