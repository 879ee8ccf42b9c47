import type { OrderDatabase } from '../../../data/database.ts';
import type { Frequency } from '../config.ts';
import { periodSql } from './calendar.ts';
import type { WholePeriods } from './wholePeriods.ts';

/** A day's copies can be told from a day's sales only where many different lines agree. */
const COPIED_DAY_MIN_LINES = 20;

/** Facts of all order lines together. */
export interface LineFacts {
  readonly lines: number;
  /** Lines that do not tell their order though its column is mapped. */
  readonly withoutOrder: number;
  readonly duplicatesRemoved: number;
  readonly identicalKept: number;
  readonly returnLines: number;
  readonly returnedUnits: number;
}

/** Counts of the series that the table `series` holds. */
export interface SeriesFacts {
  readonly series: number;
  /** Periods from each series' first line to the last period of the file, summed. */
  readonly cells: number;
  /** Periods of series in which a quantity cannot be right. */
  readonly unknown: number;
}

/** An order number over more days than this is none: a till, or a customer, stands in its place. */
const LONGEST_ORDER_DAYS = 31;

/**
 * Turns the table `lines` into `keys` and `distinct_lines`.
 *
 * `keys` names the series: `key`, item and location with a number of each, category and label. `distinct_lines` has each different line once, with how often it
 * occurs and whether it tells its order. It holds no texts: they would stay in memory however little of that there is.
 */
export async function distinctLines(database: OrderDatabase, orderMapped: boolean): Promise<void> {
  await database.run(
    `CREATE TABLE keys AS
     SELECT item, location, mode(category) AS category, max(label) AS label, CAST(dense_rank() OVER (ORDER BY item) AS INTEGER) AS item_number,
       CAST(dense_rank() OVER (ORDER BY location) AS INTEGER) AS location_number,
       CAST(row_number() OVER (ORDER BY item, location) AS INTEGER) AS key
     FROM lines GROUP BY item, location`,
  );
  const order = 'any_value(order_hash)';
  const told = orderMapped
    ? `${order} IS NOT NULL AND ${order} NOT IN (SELECT order_hash FROM lines WHERE order_hash IS NOT NULL GROUP BY order_hash
         HAVING max(day) - min(day) > ${LONGEST_ORDER_DAYS})`
    : 'false';
  await database.run(
    `CREATE TABLE distinct_lines AS
     SELECT key, day, quantity, key_hash, any_value(price) AS price, any_value(promotion) AS promotion, any_value(stock) AS stock,
       any_value(sold_out) AS sold_out,        bool_or(has_time) AS has_time, any_value(order_mapped) AS order_mapped, ${told} AS order_told, CAST(count(*) AS INTEGER) AS copies
     FROM lines JOIN keys USING (item, location) GROUP BY key, day, quantity, line_hash, key_hash`,
  );
  await database.run('DROP TABLE lines');
}

/**
 * Turns `distinct_lines` into `counted`: each different line with how many times it counts.
 *
 * Two identical lines are one line written twice, or two sales of the same thing. They are one where something tells sales apart:
 * - the line tells its order, or most dates carry a time of day; or
 * - the file is a ledger with one line for each item, location, date and sign of quantity: lines that share these and differ are at most a quarter
 *   as many as the repeats, although quantities vary enough (no quantity makes more than half of the lines) that two sales would differ at least as
 *   often as agree.
 * Otherwise they are two sales and are kept, unless a whole day was copied: where at least 20 different lines of a day, and all of them, occur an
 * even number of times (or a multiple of three), the day counts half (or a third).
 */
export async function countLines(
  database: OrderDatabase,
): Promise<
  Pick<LineFacts, 'lines' | 'duplicatesRemoved' | 'identicalKept' | 'returnLines' | 'returnedUnits' | 'withoutOrder'>
> {
  const facts = await database.row(
    `SELECT count(*) AS different, coalesce(sum(copies), 0) AS lines, count(*) FILTER (has_time) AS timed,
       coalesce(sum(copies) FILTER (order_mapped), 0) AS without_order,
       (SELECT count(*) FROM (SELECT 1 FROM distinct_lines WHERE NOT order_told GROUP BY key, key_hash, sign(quantity))) AS keys,
       (SELECT max(n) FROM (SELECT sum(copies) AS n FROM distinct_lines WHERE NOT order_told GROUP BY quantity)) AS commonest
     FROM distinct_lines WHERE NOT order_told`,
  );
  const different = Number(facts.different);
  const untold = Number(facts.lines);
  const timed = Number(facts.timed) * 2 > different;
  const clashes = different - Number(facts.keys);
  const ledger = clashes * 4 <= untold - different && Number(facts.commonest) * 2 <= untold;
  if (different === 0 || timed || ledger) {
    await database.run('CREATE VIEW counted AS SELECT *, 1 AS times FROM distinct_lines');
  } else {
    await database.run(
      `CREATE TABLE copied_days AS
       SELECT day, CASE WHEN bool_and(copies % 2 = 0) THEN 2 ELSE 3 END AS factor FROM distinct_lines WHERE NOT order_told GROUP BY day
       HAVING count(*) >= ${COPIED_DAY_MIN_LINES} AND (bool_and(copies % 2 = 0) OR bool_and(copies % 3 = 0))`,
    );
    await database.run(
      `CREATE VIEW counted AS
       SELECT distinct_lines.*, CASE WHEN order_told THEN 1 ELSE copies // coalesce(factor, 1) END AS times
       FROM distinct_lines LEFT JOIN copied_days USING (day)`,
    );
  }
  const result = await database.row(
    `SELECT sum(copies) AS lines, sum(times) AS counted, sum(times - 1) AS identical, coalesce(sum(times) FILTER (quantity < 0), 0) AS returns,
       coalesce(-sum(times * quantity) FILTER (quantity < 0), 0.0) AS returned FROM counted`,
  );
  return {
    lines: Number(result.lines),
    withoutOrder: Number(facts.without_order),
    duplicatesRemoved: Number(result.lines) - Number(result.counted),
    identicalKept: Number(result.identical),
    returnLines: Number(result.returns),
    returnedUnits: Number(result.returned),
  };
}

/**
 * Sums `counted` to the tables `series` (item x location, numbered from 0 in order of item and location) and `periods`.
 *
 * In a period: units sold and returned, mean price, share of days on promotion, last known stock, and whether the units are a lower bound of demand
 * (`censored`): it was sold out as the file says, some stock was 0 and nothing was sold, or a quantity cannot be right, which is left out.
 */
export async function sumToPeriods(
  database: OrderDatabase,
  frequency: Frequency,
  { first, last }: WholePeriods,
): Promise<SeriesFacts> {
  const period = periodSql(frequency, 'day');
  await database.run(
    `CREATE TABLE series AS
     SELECT key, item, location, category, label, CAST(greatest(${first}, first_period) AS INTEGER) AS first_period,
       CAST(row_number() OVER (ORDER BY key) - 1 AS INTEGER) AS number
     FROM keys JOIN (SELECT key, min(${period}) AS first_period FROM counted GROUP BY key) USING (key) WHERE first_period <= ${last}`,
  );
  await database.run(
    `CREATE TABLE periods AS
     SELECT key, CAST(${period} AS INTEGER) AS period, sum(sold) AS sold, sum(returned) AS returned,
       avg(price) AS price, avg(promotion) AS promotion, arg_max(stock, day) FILTER (stock IS NOT NULL) AS stock,
       bool_or(unknown) AS unknown, bool_or(unknown) OR coalesce(max(sold_out) > 0, false) OR coalesce(min(stock) <= 0, false) AND sum(sold) = 0 AS censored
     FROM (
       SELECT key, day, sum(CASE WHEN implausible THEN 0 ELSE times * greatest(quantity, 0) END) AS sold,
         sum(CASE WHEN implausible THEN 0 ELSE times * greatest(-quantity, 0) END) AS returned,
         avg(price) AS price, max(promotion) AS promotion, min(stock) AS stock, max(sold_out) AS sold_out,
         bool_or(implausible AND quantity > 0) AS unknown
       FROM counted WHERE ${period} BETWEEN ${first} AND ${last} GROUP BY key, day
     )
     GROUP BY ALL`,
  );
  const row = await database.row(
    `SELECT count(*) AS series, coalesce(sum(${last} - first_period + 1), 0) AS cells, (SELECT count(*) FROM periods WHERE unknown) AS unknown FROM series`,
  );
  return { series: Number(row.series), cells: Number(row.cells), unknown: Number(row.unknown) };
}
