import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type DuckDBConnection, DuckDBInstance, quotedIdentifier, quotedString } from '@duckdb/node-api';
import type { DataConfig } from '@hansa/client-node/jobs/demand';
import { HansaError } from '@hansa/shared/errors';

/** One merchant's part of shared files. */
export interface Silo {
  readonly name: string;
  /** Order lines before validFrom. */
  readonly trainingRows: number;
  readonly rows: number;
}

const meanings = [
  'date',
  'order',
  'item',
  'quantity',
  'merchant',
  'location',
  'price',
  'promotion',
  'stock',
  'soldOut',
  'category',
  'text',
] as const;

/** SQL for every mapped column of every source as text under its meaning's name, cut to each source's dates. */
export function linesOf(mapping: DataConfig, dataFolder: string): string {
  const used = meanings.filter((meaning) => mapping.sources.some(({ columns }) => columns[meaning] !== undefined));
  return mapping.sources
    .map(({ file, columns, from, before }) => {
      if (file === undefined || !/\.(csv|csv\.gz|parquet)$/i.test(file)) {
        throw new HansaError(
          'InvalidData',
          'The demo reads CSV and Parquet files; a mapping for it names no other source.',
        );
      }
      const path = resolve(dataFolder, file);
      if (!existsSync(path)) {
        throw new HansaError('InvalidData', `The mapping names ${file}, but ${path} does not exist.`);
      }
      const text = (column: string): string => `trim(CAST(${quotedIdentifier(column)} AS VARCHAR))`;
      const select = used.map((meaning) => {
        const column = columns[meaning];
        return `${column === undefined ? 'CAST(NULL AS VARCHAR)' : text(column)} AS ${quotedIdentifier(meaning)}`;
      });
      const table = file.toLowerCase().endsWith('.parquet')
        ? `read_parquet(${quotedString(path)})`
        : `read_csv(${quotedString(path)}, all_varchar = true)`;
      const day = dayOf(text(columns.date));
      const where = [
        ...(from === undefined ? [] : [`${day} >= ${quotedString(from)}`]),
        ...(before === undefined ? [] : [`${day} < ${quotedString(before)}`]),
      ];
      return `SELECT ${select.join(', ')} FROM ${table}${where.length > 0 ? ` WHERE ${where.join(' AND ')}` : ''}`;
    })
    .join(' UNION ALL ');
}

export const dayOf = (text: string): string => `replace(left(${text}, 10), '/', '-')`;

/**
 * The `count` largest merchants of a data folder by training rows, ties by name, each with its order lines written to
 * `folderOf(silo)/orders.parquet` and a data config that reads them.
 *
 * @throws HansaError InvalidData (when files are missing or unreadable), InvalidArgument (when there are fewer merchants than asked for)
 */
export async function writeSilos(
  mapping: DataConfig,
  dataFolder: string,
  count: number,
  folderOf: (silo: Silo, index: number) => string,
): Promise<{ silo: Silo; folder: string; data: DataConfig }[]> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2', autoinstall_known_extensions: 'false' });
  const connection = await instance.connect();
  try {
    await read(connection, `CREATE TEMP TABLE lines AS ${linesOf(mapping, dataFolder)}`, dataFolder);
    const silos = await largest(connection, mapping.validFrom, count);
    if (silos.length < count) {
      throw new HansaError(
        'InvalidArgument',
        `${dataFolder} holds ${silos.length} merchants with order lines${mapping.validFrom === undefined ? '' : ` before ${mapping.validFrom}`}; ${count} were asked for. Give --merchants ${silos.length} or fewer.`,
      );
    }
    const columns = (await connection.runAndReadAll('DESCRIBE lines'))
      .getRowObjects()
      .map(({ column_name }) => String(column_name))
      .filter((name) => name !== 'merchant');
    const source = {
      file: 'orders.parquet',
      columns: Object.fromEntries(columns.map((name) => [name, name])) as DataConfig['sources'][number]['columns'],
    };
    const written: { silo: Silo; folder: string; data: DataConfig }[] = [];
    for (const [index, silo] of silos.entries()) {
      const folder = folderOf(silo, index);
      await mkdir(folder, { recursive: true });
      await connection.run(
        `COPY (SELECT * EXCLUDE (merchant) FROM lines WHERE merchant = ${quotedString(silo.name)}) TO ${quotedString(join(folder, source.file))} (FORMAT parquet, COMPRESSION zstd)`,
      );
      const { frequency, returns, validFrom, testFrom } = mapping;
      written.push({
        silo,
        folder,
        data: { job: 'demand', sources: [source], frequency, returns, validFrom, testFrom },
      });
    }
    return written;
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

async function largest(connection: DuckDBConnection, validFrom: string | undefined, count: number): Promise<Silo[]> {
  const result = await connection.runAndReadAll(
    `SELECT merchant, count(*)::INTEGER AS rows, (count(*) FILTER (${validFrom === undefined ? 'true' : `${dayOf('date')} < ${quotedString(validFrom)}`}))::INTEGER AS training
     FROM lines WHERE merchant <> '' GROUP BY merchant HAVING training > 0 ORDER BY training DESC, merchant LIMIT ${count}`,
  );
  return result.getRowObjects().map(({ merchant, rows, training }) => ({
    name: String(merchant),
    trainingRows: Number(training),
    rows: Number(rows),
  }));
}

async function read(connection: DuckDBConnection, sql: string, dataFolder: string): Promise<void> {
  try {
    await connection.run(sql);
  } catch (error) {
    throw new HansaError(
      'InvalidData',
      `The files of ${dataFolder} do not fit the mapping: ${(error as Error).message}`,
      {},
      { cause: error },
    );
  }
}
