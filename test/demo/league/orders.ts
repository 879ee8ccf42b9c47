import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DataConfig } from '@hansa/client-node/jobs/demand';
import { columns, generateMerchants, split } from '../generator/index.ts';
import type { DemoOptions } from '../options.ts';
import type { Mapping } from '../silos/mapping.ts';

/** A merchant with its private orders in a folder of its own. */
export interface MerchantFolder {
  readonly id: string;
  readonly folder: string;
  /** Order lines in its file. */
  readonly rows: number;
  readonly data: DataConfig;
}

/** A folder's name for a merchant: its place and what of its name every file system takes. */
function folderName(id: string, index: number): string {
  const name = id
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40);
  return /^merchant-\d+$/.test(name) ? name : `${String(index + 1).padStart(2, '0')}-${name}`;
}

/** Writes every merchant's order file into its own node's folder, generated or cut out of real files. */
export async function writeOrders(
  options: DemoOptions,
  mapping: Mapping | undefined,
  nodesFolder: string,
): Promise<MerchantFolder[]> {
  if (options.data !== undefined && mapping !== undefined) {
    // The database is loaded only where it is needed: the first view should not wait for it.
    const { writeSilos } = await import('../silos/silos.ts');
    const silos = await writeSilos(mapping, options.data, options.merchants, ({ name }, index) =>
      join(nodesFolder, folderName(name, index)),
    );
    return silos.map(({ silo, folder, data }) => ({ id: silo.name, folder, rows: silo.rows, data }));
  }
  const data: DataConfig = {
    job: 'demand',
    sources: [{ file: 'orders.csv', columns }],
    frequency: 'day',
    returns: 'negative',
    ...split,
  };
  return await Promise.all(
    generateMerchants(options.world, options.seed, options.merchants).map(async ({ id, csv, lines }, index) => {
      const folder = join(nodesFolder, folderName(id, index));
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, 'orders.csv'), csv);
      return { id, folder, rows: lines, data };
    }),
  );
}
