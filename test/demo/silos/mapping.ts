import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { dataConfigSchema } from '@hansa/client-node/jobs/demand';
import { readJsonFile } from '@hansa/shared/config';
import { HansaError } from '@hansa/shared/errors';
import { z } from 'zod';

const shippedFolder = fileURLToPath(new URL('../mappings/', import.meta.url));

/** What the files of a data folder mean: a node's `data` config with a merchant column in every source, and no one merchant picked. */
export const mappingSchema = dataConfigSchema
  .safeExtend({ title: z.string().max(200).optional() })
  .refine(({ sources }) => sources.every(({ columns }) => columns.merchant !== undefined), {
    message: 'every source must name the merchant column: it tells the silos apart',
    path: ['sources'],
  })
  .refine(({ merchant }) => merchant === undefined, {
    message: 'must be left out: the demo picks the merchants',
    path: ['merchant'],
  });

/** A checked mapping; `title` says what the data is. */
export type Mapping = z.output<typeof mappingSchema>;

/**
 * Finds and reads what the columns of a folder mean: the file asked for, else the folder's own hansa-mapping.json, else the one shipped
 * under the folder's name.
 *
 * @throws HansaError InvalidArgument, InvalidConfig (with what is missing or wrong)
 */
export function readMapping(dataFolder: string, asked: string | undefined): Mapping {
  if (!existsSync(dataFolder)) {
    throw new HansaError('InvalidArgument', `The folder ${dataFolder} does not exist. Correct --data.`);
  }
  const own = join(dataFolder, 'hansa-mapping.json');
  const shipped = join(shippedFolder, `${basename(dataFolder)}.json`);
  const path = asked ?? [own, shipped].find((candidate) => existsSync(candidate));
  if (path === undefined) {
    throw new HansaError(
      'InvalidArgument',
      `Nothing says what the columns of ${dataFolder} mean: write ${own}, or name a file with --mapping. ` +
        `Mappings are shipped for folders named ${shippedMappings().join(', ')}.`,
    );
  }
  return readJsonFile(path, mappingSchema, 'The mapping');
}

/** Names of the data folders that a mapping is shipped for. */
export function shippedMappings(): string[] {
  if (!existsSync(shippedFolder)) return [];
  return readdirSync(shippedFolder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => name.slice(0, -'.json'.length))
    .sort();
}
