import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance, quotedString } from '@duckdb/node-api';
import { HansaError } from '@hansa/shared/errors';
import type { DataSet } from './dataSets.ts';

/** Merchants with fewer orders take no part. */
const MIN_ORDERS = 100;

export interface Merchant {
  readonly name: string;
  /** Holds deliveries.csv. */
  readonly folder: string;
  readonly orders: number;
  /** Orders of the hold-out that were late, and that were on time. */
  readonly testLate: number;
  readonly testOnTime: number;
}

/** An AUROC needs both outcomes, and its variance two of each: a merchant with fewer trains, but is not judged. */
export const isJudged = ({ testLate, testOnTime }: Merchant): boolean => testLate >= 2 && testOnTime >= 2;

const columnsOf = ({ numbers, categories }: DataSet) =>
  [...numbers, ...categories].map((name) => `"${name}"`).join(', ');

/**
 * Writes the orders of each merchant of a data set that has a hundred or more to a folder of its own, largest first.
 *
 * @param shuffled gives every order the outcome of another of the same merchant, so that nothing tells of it
 * @throws HansaError NotFound (when the data set is not there)
 */
export async function writeMerchants(
  dataSet: DataSet,
  dataFolder: string,
  folder: string,
  shuffled: boolean,
): Promise<Merchant[]> {
  if (!existsSync(join(dataFolder, dataSet.name))) {
    throw new HansaError(
      'NotFound',
      `${join(dataFolder, dataSet.name)} is not there; set HANSA_DATA to the folder of the public data sets.`,
    );
  }
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    const outcome = shuffled
      ? `SELECT * EXCLUDE (late, place, drawn), (SELECT late FROM numbered AS other WHERE other.merchant = numbered.merchant AND other.drawn = numbered.place) AS late FROM numbered`
      : 'SELECT * EXCLUDE (place, drawn) FROM numbered';
    await connection.run(
      `CREATE TABLE orders AS WITH numbered AS (
         SELECT *, delivered > promised AS late, row_number() OVER (PARTITION BY merchant ORDER BY id) AS place,
           row_number() OVER (PARTITION BY merchant ORDER BY md5(CAST(id AS VARCHAR))) AS drawn
         FROM (${dataSet.sql(dataFolder)})
       ) ${outcome}`,
    );
    const found = await connection.runAndReadAll(
      `SELECT merchant, count(*) AS orders, count(*) FILTER (late AND promised >= DATE ${quotedString(dataSet.testFrom)}) AS late,
         count(*) FILTER (NOT late AND promised >= DATE ${quotedString(dataSet.testFrom)}) AS onTime
       FROM orders GROUP BY merchant HAVING orders >= ${MIN_ORDERS} ORDER BY orders DESC, merchant`,
    );
    const merchants: Merchant[] = [];
    for (const [index, row] of found.getRowObjects().entries()) {
      const name = String(row.merchant);
      const home = join(folder, `${dataSet.name}-${index}`);
      mkdirSync(home, { recursive: true });
      await connection.run(
        `COPY (SELECT id, ordered, promised, delivered, late, ${columnsOf(dataSet)} FROM orders WHERE merchant = ${quotedString(name)} ORDER BY promised, id)
         TO ${quotedString(join(home, 'deliveries.csv'))} (HEADER, DELIMITER ',')`,
      );
      merchants.push({
        name,
        folder: home,
        orders: Number(row.orders),
        testLate: Number(row.late),
        testOnTime: Number(row.onTime),
      });
    }
    return merchants;
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** A merchant's entry for risk under `data`. */
export function riskEntry({ numbers, categories, carrier, validFrom, testFrom }: DataSet, shuffled: boolean): object {
  const named = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, name]));
  return {
    job: 'risk',
    sources: [
      {
        file: 'deliveries.csv',
        columns: {
          order: 'id',
          ordered: 'ordered',
          promised: 'promised',
          ...(shuffled ? { late: 'late' } : { delivered: 'delivered' }),
          numbers: named(numbers),
          categories: named(categories),
        },
      },
    ],
    carrier,
    validFrom,
    testFrom,
  };
}
