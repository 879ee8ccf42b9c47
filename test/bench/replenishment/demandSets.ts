import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance, quotedString } from '@duckdb/node-api';
import { HansaError } from '@hansa/shared/errors';
import type { replayedSets } from './names.ts';

/** Weekly demand of a public data set. */
interface DemandSet {
  readonly name: (typeof replayedSets)[number];
  /** The first Monday that is replayed, and how many weeks are. */
  readonly testFrom: string;
  readonly testWeeks: number;
  /** Locations with the largest demand, and the largest items of each, that are replayed. */
  readonly locations: number;
  readonly items: number;
  /** SQL for the columns day, item, location, units. */
  sql(folder: string): string;
}

const parquet = (folder: string, name: string) => quotedString(join(folder, `${name}.parquet`));

export const demandSets: readonly DemandSet[] = [
  {
    name: 'iowa_liquor',
    testFrom: '2015-11-30',
    testWeeks: 26,
    locations: 40,
    items: 20,
    sql: (folder) =>
      `SELECT weekStarting AS day, item, county AS location, sum_sale_liters AS units FROM ${parquet(folder, 'iowa_weekly_city_item')}`,
  },
  {
    name: 'walmart_store_sales',
    testFrom: '2012-07-02',
    testWeeks: 17,
    locations: 45,
    items: 20,
    sql: (folder) =>
      `SELECT "Date" AS day, CAST("Dept" AS VARCHAR) AS item, CAST("Store" AS VARCHAR) AS location, "Weekly_Sales" AS units FROM ${parquet(folder, 'train')}`,
  },
  {
    name: 'online_retail',
    testFrom: '2011-09-05',
    testWeeks: 13,
    locations: 1,
    items: 600,
    // The files overlap in December 2010; the later one has sales alone, so returns are left out of the earlier one too.
    sql: (folder) =>
      `SELECT InvoiceDate AS day, StockCode AS item, Country AS location, Quantity AS units FROM ${parquet(folder, 'online_retail_II_2009_2010')}
         WHERE InvoiceDate < TIMESTAMP '2010-12-01'
       UNION ALL SELECT InvoiceDate, StockCode, Country, Quantity FROM ${parquet(folder, 'online_retail_2010_2011_sales_lines')}`,
  },
];

/** Weeks that a series must have been sold for before the first one that is replayed. */
const LEAST_HISTORY = 70;

/** Demand of one item at one location. */
export interface WeeklySeries {
  readonly item: string;
  readonly location: string;
  /** Units by week, from its first sale to the last week that is replayed. */
  readonly units: Float64Array;
  /** Place of the first week that is replayed. */
  readonly testStart: number;
}

/**
 * Sums a data set to weeks and writes them as order lines that the product reads: `weeks.parquet` with day (a Monday), item, location, units.
 *
 * @returns the series that are replayed: those that were sold for a good year before, and in the year before
 * @throws HansaError NotFound (when the data set is not there)
 */
export async function writeWeeks(set: DemandSet, dataFolder: string, folder: string): Promise<WeeklySeries[]> {
  const from = join(dataFolder, set.name);
  if (!existsSync(from)) {
    throw new HansaError('NotFound', `${from} is not there; set HANSA_DATA to the folder of the public data sets.`);
  }
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    const test = `DATE ${quotedString(set.testFrom)}`;
    await connection.run(
      `CREATE TABLE weeks AS
       WITH lines AS (SELECT CAST(date_trunc('week', day) AS DATE) AS day, item, location, greatest(0, units) AS units FROM (${set.sql(from)}) WHERE item IS NOT NULL AND location IS NOT NULL),
         summed AS (SELECT day, item, location, sum(units) AS units FROM lines WHERE day < ${test} + ${7 * set.testWeeks} GROUP BY ALL),
         series AS (
           SELECT item, location, sum(units) FILTER (day < ${test} AND day >= ${test} - 364) AS year FROM summed WHERE units > 0
           GROUP BY ALL HAVING min(day) <= ${test} - ${7 * LEAST_HISTORY} AND year > 0
         ),
         placed AS (
           SELECT item, location, dense_rank() OVER (ORDER BY whole DESC, location) AS place, row_number() OVER (PARTITION BY location ORDER BY year DESC, item) AS within
           FROM (SELECT *, sum(year) OVER (PARTITION BY location) AS whole FROM series)
         )
       SELECT day, item, location, units FROM summed JOIN placed USING (item, location)
       WHERE place <= ${set.locations} AND within <= ${set.items} AND units > 0 ORDER BY day, location, item`,
    );
    await connection.run(`COPY weeks TO ${quotedString(join(folder, 'weeks.parquet'))} (FORMAT parquet)`);
    const { testWeeks } = set;
    const found = await connection.runAndReadAll(
      `SELECT item, location, CAST(date_diff('day', min(day) OVER (PARTITION BY item, location), day) / 7 AS INTEGER) AS week,
         CAST(date_diff('day', min(day) OVER (PARTITION BY item, location), ${test}) / 7 AS INTEGER) AS start, CAST(units AS DOUBLE) AS units
       FROM weeks ORDER BY item, location, day`,
    );
    const series = new Map<string, WeeklySeries>();
    for (const row of found.getRowObjects()) {
      const { item, location, week, start, units } = row as {
        item: string;
        location: string;
        week: number;
        start: number;
        units: number;
      };
      const key = `${item}\0${location}`;
      const one = series.get(key) ?? { item, location, units: new Float64Array(start + testWeeks), testStart: start };
      series.set(key, one);
      one.units[week] = units;
    }
    return [...series.values()];
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
