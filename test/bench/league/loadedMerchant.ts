import { join } from 'node:path';
import { DuckDBInstance, quotedString } from '@duckdb/node-api';
import { loadMerchantData, type MerchantData } from '@hansa/client-node/jobs/demand';
import { dayNumber } from '../../../client-node/data/days.ts';
import { periodOf } from '../../../client-node/jobs/demand/load/calendar.ts';
import { requestRunner } from '../../../client-node/trainer/performRequests.ts';
import type { LeagueMerchant } from './writeMerchants.ts';

/** A merchant with its data in this process: for what a node's training process does with them, and as they are. */
export interface LoadedMerchant extends LeagueMerchant {
  readonly trainer: ReturnType<typeof requestRunner>;
  readonly read: MerchantData;
  /** Mean promotion by item and period, which is known ahead; empty where the data has none. */
  readonly promotions: ReadonlyMap<string, ReadonlyMap<number, number>>;
}

export async function loadMerchant(merchant: LeagueMerchant): Promise<LoadedMerchant> {
  const { data, folder } = merchant;
  const trainer = requestRunner();
  const context = { signal: new AbortController().signal, onProgress: () => undefined };
  await trainer.run('load', { data: [data], baseFolder: folder, scratchFolder: folder }, context);
  const read = await loadMerchantData(data, folder);
  const promotions = data.sources[0]!.columns.promotion === undefined ? new Map() : await promotionsOf(merchant);
  return { ...merchant, trainer, read, promotions };
}

async function promotionsOf({ data, folder }: LeagueMerchant): Promise<Map<string, Map<number, number>>> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
  const connection = await instance.connect();
  try {
    const found = await connection.runAndReadAll(
      `SELECT item, CAST(date AS VARCHAR), CAST(avg(promotion) AS DOUBLE) FROM read_parquet(${quotedString(join(folder, 'orders.parquet'))}) GROUP BY item, date`,
    );
    const sums = new Map<string, Map<number, number[]>>();
    for (const [item, date, share] of found.getRows()) {
      const period = periodOf(data.frequency, dayNumber(String(date)));
      const own = sums.get(String(item)) ?? new Map<number, number[]>();
      own.set(period, [...(own.get(period) ?? []), Number(share)]);
      sums.set(String(item), own);
    }
    const mean = (shares: number[]) => shares.reduce((sum, share) => sum + share, 0) / shares.length;
    return new Map(
      [...sums].map(([item, own]) => [item, new Map([...own].map(([period, shares]) => [period, mean(shares)]))]),
    );
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
