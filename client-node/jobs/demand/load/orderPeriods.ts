import type { OrderDatabase } from '../../../data/database.ts';
import type { Frequency } from '../config.ts';
import { periodSql } from './calendar.ts';

/** A day's copies can be told from a day's sales only where many different lines agree. */
const COPIED_DAY_MIN_LINES = 20;

/** Facts of all order lines together. */
export interface LineFacts {
  readonly lines: number;
  /** Day numbers of the first and last line. */
  readonly firstDay: number;
  readonly lastDay: number;
  /** Whether every line lies on the same weekday (or, by month, the same day of the month): the file was summed to periods before. */
  readonly stamped: boolean;
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
}

/** Counts lines and days of the table `lines`. */
export async function lineFacts(
  database: OrderDatabase,
  frequency: Frequency,
): Promise<Pick<LineFacts, 'lines' | 'firstDay' | 'lastDay' | 'stamped'>> {
  const mark = frequency === 'month' ? 'day(day)' : 'dayofweek(day)';
  const row = await database.row(
    `SELECT count(*) AS lines, coalesce(min(date_diff('day', DATE '1970-01-01', day)), 0) AS first,
       coalesce(max(date_diff('day', DATE '1970-01-01', day)), 0) AS last,
       min(${mark}) = max(${mark}) OR bool_and(day = last_day(day)) AS stamped
     FROM lines`,
  );
  return {
    lines: Number(row.lines),
    firstDay: Number(row.first),
    lastDay: Number(row.last),
    stamped: frequency !== 'day' && row.stamped === true,
  };
}

/**
 * Turns the table `lines` into `counted`: each different line once, with how many times it counts.
 *
 * Two identical lines are one line written twice, or two sales of the same thing. They are one where something tells sales apart:
 * - an order number is mapped, or most dates carry a time of day; or
 * - the file is a ledger with one line for each item, location, date and sign of quantity: lines that share these and differ are at most a quarter
 *   as many as the repeats, although quantities vary enough (no quantity makes more than half of the lines) that two sales would differ at least as
 *   often as agree.
 * Otherwise they are two sales and are kept, unless a whole day was copied: where at least 20 different lines of a day, and all of them, occur an
 * even number of times (or a multiple of three), the day counts half (or a third).
 */
export async function countLines(
  database: OrderDatabase,
  orderMapped: boolean,
): Promise<Pick<LineFacts, 'duplicatesRemoved' | 'identicalKept' | 'returnLines' | 'returnedUnits'>> {
  await database.run(
    `CREATE TABLE distinct_lines AS
     SELECT day, item, location, quantity, line_hash, key_hash, any_value(price) AS price, any_value(promotion) AS promotion,
       any_value(stock) AS stock, any_value(category) AS category, any_value(label) AS label, bool_or(has_time) AS has_time,
       CAST(count(*) AS INTEGER) AS copies
     FROM lines GROUP BY day, item, location, quantity, line_hash, key_hash`,
  );
  await database.run('DROP TABLE lines');
  const facts = await database.row(
    `SELECT count(*) AS different, sum(copies) AS lines, count(*) FILTER (has_time) AS timed,
       (SELECT count(*) FROM (SELECT 1 FROM distinct_lines GROUP BY item, location, key_hash, sign(quantity))) AS keys,
       (SELECT max(n) FROM (SELECT sum(copies) AS n FROM distinct_lines GROUP BY quantity)) AS commonest
     FROM distinct_lines`,
  );
  const different = Number(facts.different);
  const lines = Number(facts.lines);
  const timed = Number(facts.timed) * 2 > different;
  const clashes = different - Number(facts.keys);
  const ledger = clashes * 4 <= lines - different && Number(facts.commonest) * 2 <= lines;
  if (orderMapped || timed || ledger) {
    await database.run('CREATE VIEW counted AS SELECT *, 1 AS times FROM distinct_lines');
  } else {
    await database.run(
      `CREATE TABLE copied_days AS
       SELECT day, CASE WHEN bool_and(copies % 2 = 0) THEN 2 ELSE 3 END AS factor FROM distinct_lines GROUP BY day
       HAVING count(*) >= ${COPIED_DAY_MIN_LINES} AND (bool_and(copies % 2 = 0) OR bool_and(copies % 3 = 0))`,
    );
    await database.run(
      `CREATE VIEW counted AS
       SELECT distinct_lines.*, copies // coalesce(factor, 1) AS times FROM distinct_lines LEFT JOIN copied_days USING (day)`,
    );
  }
  const result = await database.row(
    `SELECT sum(times) AS counted, sum(times - 1) AS identical, coalesce(sum(times) FILTER (quantity < 0), 0) AS returns,
       coalesce(-sum(times * quantity) FILTER (quantity < 0), 0.0) AS returned FROM counted`,
  );
  return {
    duplicatesRemoved: lines - Number(result.counted),
    identicalKept: Number(result.identical),
    returnLines: Number(result.returns),
    returnedUnits: Number(result.returned),
  };
}

/**
 * Sums `counted` to the tables `series` (item x location, numbered from 0 in order of item and location) and `periods`.
 *
 * In a period: units sold and returned, mean price, share of days on promotion, last known stock, and whether it was sold out, that is some stock
 * was 0 and nothing was sold.
 */
export async function sumToPeriods(
  database: OrderDatabase,
  frequency: Frequency,
  lastPeriod: number,
): Promise<SeriesFacts> {
  await database.run(
    `CREATE TABLE series AS
     SELECT item, location, mode(category) AS category, max(label) AS label, CAST(min(${periodSql(frequency, 'day')}) AS INTEGER) AS first_period,
       CAST(row_number() OVER (ORDER BY item, location) - 1 AS INTEGER) AS number
     FROM counted GROUP BY item, location HAVING min(${periodSql(frequency, 'day')}) <= ${lastPeriod}`,
  );
  await database.run(
    `CREATE TABLE periods AS
     SELECT item, location, CAST(${periodSql(frequency, 'day')} AS INTEGER) AS period, sum(sold) AS sold, sum(returned) AS returned,
       avg(price) AS price, avg(promotion) AS promotion, arg_max(stock, day) FILTER (stock IS NOT NULL) AS stock,
       coalesce(min(stock) <= 0, false) AND sum(sold) = 0 AS sold_out
     FROM (
       SELECT item, location, day, sum(times * greatest(quantity, 0)) AS sold, sum(times * greatest(-quantity, 0)) AS returned,
         avg(price) FILTER (price > 0) AS price, max(promotion) AS promotion, min(stock) AS stock
       FROM counted GROUP BY item, location, day
     )
     GROUP BY ALL`,
  );
  const row = await database.row(
    `SELECT count(*) AS series, coalesce(sum(${lastPeriod} - first_period + 1), 0) AS cells FROM series`,
  );
  return { series: Number(row.series), cells: Number(row.cells) };
}
