import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance, quotedString } from '@duckdb/node-api';
import { dataConfigSchema, loadMerchantData } from '@hansa/client-node/jobs/demand';
import type { BenchCase, BenchResult } from '../report.ts';

const REPEATS = 5;
/** Threads of the database, as a node uses them. */
const THREADS = '2';
const LIMIT = 3;

const columns = { order: 'order', date: 'date', item: 'sku', quantity: 'units', price: 'price', location: 'store' };

/**
 * What reading and cleaning a CSV file of order lines costs, from the file to windows, beside the database's own scan and group-by of the same file: by what
 * forecasting needs (item, location and week), and by whole lines, which finding duplicates needs.
 *
 * In turns, the least of all repeats.
 */
export async function benchReadOrders({ lines }: { readonly lines: number }): Promise<BenchResult> {
  const folder = await mkdtemp(join(tmpdir(), 'hansa-read-orders-'));
  try {
    const file = join(folder, 'orders.csv');
    await inDatabase(writeOrders(file, lines));
    const config = dataConfigSchema.parse({ sources: [{ file, columns }], frequency: 'week', returns: 'negative' });
    const from = `read_csv(${quotedString(file)})`;
    const candidates: Record<string, () => Promise<unknown>> = {
      'read and clean': () => loadMerchantData(config, folder),
      'scan and group by item, location and week': () =>
        inDatabase(
          `CREATE TABLE t AS SELECT sku, store, date_trunc('week', date) AS week, sum(units), avg(price) FROM ${from} GROUP BY ALL`,
        ),
      'scan and group by line': () =>
        inDatabase(
          `CREATE TABLE t AS SELECT sku, store, date, "order", units, price, count(*) AS copies FROM ${from} GROUP BY ALL`,
        ),
    };
    const least = new Map<string, number>();
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      for (const [name, run] of Object.entries(candidates)) {
        const began = performance.now();
        await run();
        const seconds = (performance.now() - began) / 1000;
        least.set(name, Math.min(seconds, least.get(name) ?? Number.POSITIVE_INFINITY));
      }
    }
    const [[name, seconds], ...rivals] = [...least] as [[string, number], ...[string, number][]];
    const cases: BenchCase[] = rivals.flatMap(([against, value]) => {
      const ratio = seconds / value;
      process.stderr.write(
        `${name}: ${seconds.toFixed(2)} s; ${against}: ${value.toFixed(2)} s, ratio ${ratio.toFixed(2)} (at most ${LIMIT})\n`,
      );
      return [
        { name: against, value, unit: 's' },
        { name, value: seconds, unit: 's', against, ratio, limit: LIMIT, pass: ratio <= LIMIT },
      ];
    });
    return { lines, cases };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function inDatabase(sql: string): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:', { threads: THREADS });
  const connection = await instance.connect();
  try {
    await connection.run(sql);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** Orders of three lines each over 900 days, ascending; few items sell much. */
const writeOrders = (file: string, lines: number) =>
  `COPY (
     SELECT 1000 + range // 3 AS "order", DATE '2023-01-01' + CAST(range // 3 * 900 // (${lines} // 3 + 1) AS INTEGER) AS date,
       'SKU-' || CAST(pow(hash(range) % 1000 / 1000.0, 3) * 5000 AS INTEGER) AS sku, 1 + hash(range + 1) % 5 AS units,
       round((hash(range + 2) % 9999) / 100 + 1, 2) AS price, 'S' || hash(range + 3) % 3 AS store
     FROM range(${lines})
   ) TO ${quotedString(file)} (HEADER)`;
