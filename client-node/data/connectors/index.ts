import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HansaError } from '@hansa/shared/errors';
import { dataFault } from '../dataFault.ts';
import { findOrderFile, type OrderFile } from '../orderFile.ts';
import type { SourceLocation } from '../sourceSchema.ts';
import { type Row, writeRows } from './rowsFile.ts';

/** Source files that the database can read, and what deletes those that were made for it. */
export interface PreparedSources {
  readonly files: readonly OrderFile[];
  dispose(): Promise<void>;
}

interface Options {
  readonly scratchFolder?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((step: string) => void) | undefined;
}

/**
 * Finds sources' files. What the database cannot read itself, workbooks, SQLite files and servers, is copied to temporary files of JSON lines first.
 *
 * @throws HansaError InvalidData, InvalidConfig, Unavailable
 */
export async function prepareSources(
  sources: readonly SourceLocation[],
  baseFolder: string,
  { scratchFolder, signal, onProgress }: Options,
): Promise<PreparedSources> {
  let folder: string | undefined;
  const dispose = async () => {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  };
  const copied = async (name: string, rows: AsyncIterable<Row>): Promise<OrderFile> => {
    onProgress?.(`copying the rows of ${name}`);
    folder ??= await mkdtemp(join(scratchFolder ?? tmpdir(), 'hansa-rows-'));
    const path = join(folder, `${files.length}.jsonl`);
    await writeRows(path, name, rows, signal);
    return { name, path, kind: 'jsonl' };
  };
  const files: OrderFile[] = [];
  try {
    for (const source of sources) {
      if (source.database !== undefined) {
        const { kind, urlVariable } = source.database;
        const name = `the ${kind} query`;
        const url = addressIn(urlVariable);
        // Drivers are loaded when they are asked for.
        const rows =
          kind === 'postgres'
            ? (await import('./postgres.ts')).postgresRows(url, name, source.query!, signal)
            : (await import('./mysql.ts')).mysqlRows(url, name, source.query!, signal);
        files.push(await copied(name, rows));
        continue;
      }
      const file = await findOrderFile({ file: source.file! }, baseFolder);
      if (file.kind === 'sqlite') {
        const { sqliteRows } = await import('./sqlite.ts');
        files.push(await copied(file.name, sqliteRows(file.path, file.name, source.query!)));
      } else if (file.kind === 'xlsx') {
        const { workbookRows } = await import('./workbook.ts');
        files.push(await copied(file.name, workbookRows(file.path, file.name, source.sheet)));
      } else files.push(file);
    }
    return { files, dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

function addressIn(variable: string): string {
  const url = process.env[variable];
  if (url === undefined || url === '') {
    throw new HansaError(
      'InvalidConfig',
      `The environment variable ${variable}, which data.sources[].database.urlVariable names, is not set. Put the address there, such as postgres://user:password@host/database.`,
    );
  }
  if (!URL.canParse(url))
    throw dataFault(
      `The environment variable ${variable} holds no address such as postgres://user:password@host/database.`,
    );
  return url;
}
