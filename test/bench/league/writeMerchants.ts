import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance, quotedString } from '@duckdb/node-api';
import type { DataConfig } from '@hansa/client-node/jobs/demand';
import type { DataSet } from './dataSets.ts';

/** A merchant of a public data set, with a file of its own. */
export interface LeagueMerchant {
  readonly name: string;
  readonly folder: string;
  readonly data: DataConfig;
}

const PERIOD_DAYS = { day: 1, week: 7, month: 365.25 / 12 } as const;

/**
 * Writes the largest merchants' lines below `folder`, each to a Parquet file of its own with the best-selling items before validFrom.
 *
 * @param history periods before validFrom that are kept; all when undefined
 */
export async function writeMerchants(
  dataSet: DataSet,
  dataFolder: string,
  folder: string,
  count: number,
  history: number | undefined,
): Promise<LeagueMerchant[]> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
  const connection = await instance.connect();
  try {
    const { split, columns, items } = dataSet;
    await connection.run(`CREATE TABLE lines AS ${dataSet.lines(dataFolder)}`);
    const before = `date < DATE ${quotedString(split.validFrom!)}`;
    const names = await textsOf(
      connection,
      `SELECT merchant FROM lines WHERE ${before} GROUP BY merchant ORDER BY count(*) DESC, merchant LIMIT ${count}`,
    );
    const first =
      history === undefined ? undefined : isoDaysBefore(split.validFrom!, history * PERIOD_DAYS[split.frequency]);
    const merchants: LeagueMerchant[] = [];
    for (const [index, name] of names.entries()) {
      const own = join(folder, `merchant-${index + 1}`);
      await mkdir(own, { recursive: true });
      const ours = `merchant = ${quotedString(name)}`;
      await connection.run(
        `COPY (
           SELECT merchant, item, date, quantity ${columns.map((column) => `, ${column}`).join('')} FROM lines SEMI JOIN (
             SELECT item FROM lines WHERE ${ours} AND ${before} GROUP BY item ORDER BY sum(quantity) DESC, item LIMIT ${items}
           ) USING (item) WHERE ${ours} ORDER BY item, date
         ) TO ${quotedString(join(own, 'orders.parquet'))} (FORMAT parquet)`,
      );
      const named = Object.fromEntries(['item', 'date', 'quantity', ...columns].map((column) => [column, column]));
      merchants.push({
        name,
        folder: own,
        data: {
          job: 'demand',
          sources: [{ file: 'orders.parquet', columns: named as never, ...(first !== undefined && { from: first }) }],
          ...split,
        },
      });
    }
    return merchants;
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

const textsOf = async (connection: DuckDBConnection, sql: string): Promise<string[]> =>
  (await connection.runAndReadAll(sql)).getRows().map(([text]) => String(text));

const isoDaysBefore = (day: string, days: number): string =>
  new Date(Date.parse(day) - Math.round(days) * 86_400_000).toISOString().slice(0, 10);
