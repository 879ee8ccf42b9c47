import { prepareSources } from './connectors/index.ts';
import { type OrderDatabase, openDatabase } from './database.ts';
import type { OrderFile } from './orderFile.ts';
import type { SourceLocation } from './sourceSchema.ts';

interface Options {
  readonly scratchFolder?: string | undefined;
  readonly maxMemoryBytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((step: string) => void) | undefined;
}

/**
 * Hands a database that can read the sources to `use`, with a file for each; whatever was made for it is gone afterwards.
 *
 * @throws HansaError InvalidData, InvalidConfig, Unavailable
 */
export async function withSources<Result>(
  sources: readonly SourceLocation[],
  baseFolder: string,
  options: Options,
  use: (database: OrderDatabase, files: readonly OrderFile[]) => Promise<Result>,
): Promise<Result> {
  const { files, dispose } = await prepareSources(sources, baseFolder, options);
  try {
    const database = await openDatabase(
      files.map(({ path }) => path),
      options,
    );
    try {
      return await use(database, files);
    } finally {
      await database.close();
    }
  } finally {
    await dispose();
  }
}
