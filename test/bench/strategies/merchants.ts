import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DataConfig } from '@hansa/client-node/jobs/demand';
import { requestRunner } from '../../../client-node/trainer/performRequests.ts';
import { columns, generateMerchants, split, type World } from '../../demo/generator/index.ts';

/** A merchant of the demo with its orders loaded, and what a node's training process does with them. */
export interface Merchant {
  readonly folder: string;
  readonly trainer: ReturnType<typeof requestRunner>;
}

/** The demo's default. */
const MERCHANTS = 6;

const data: DataConfig = {
  job: 'demand',
  sources: [{ file: 'orders.csv', columns }],
  frequency: 'day',
  returns: 'negative',
  ...split,
};

/** Writes the orders of the demo's merchants below `folder` and loads them, each into a trainer of its own in this process. */
export async function loadMerchants(world: World, seed: number, folder: string): Promise<readonly Merchant[]> {
  const merchants: Merchant[] = [];
  for (const { id, csv } of generateMerchants(world, seed, MERCHANTS)) {
    const own = join(folder, id);
    await mkdir(join(own, 'controls', 'common'), { recursive: true });
    await writeFile(join(own, 'orders.csv'), csv);
    const trainer = requestRunner();
    const context = { signal: new AbortController().signal, onProgress: () => undefined };
    await trainer.run('load', { data: [data], baseFolder: own, scratchFolder: own }, context);
    merchants.push({ folder: own, trainer });
  }
  return merchants;
}
