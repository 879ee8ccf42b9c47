import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance, quotedString } from '@duckdb/node-api';
import { HansaError } from '@hansa/shared/errors';

/** What the database may take of the machine's memory, and the least that it works with. */
const MEMORY_SHARE = 0.25;
const LEAST_MEMORY_BYTES = 512 * 1024 ** 2;
const THREADS = '2';
const INTERRUPT_EVERY_MS = 20;

/** Bytes of the machine's memory, no more than a container's limit. */
const machineMemoryBytes = () => Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);

/** A value that a statement's `$name` stands for. */
export type Parameters = Record<string, string | number>;

/** An in-memory database that can read the files it was opened for and nothing else, and spills to a folder of its own. */
export interface OrderDatabase {
  run(sql: string, parameters?: Parameters): Promise<void>;
  /** The only row of a result; numbers that SQL holds in 64 bits come as numbers. */
  row(sql: string, parameters?: Parameters): Promise<Record<string, unknown>>;
  rows(sql: string, parameters?: Parameters): Promise<Record<string, unknown>[]>;
  /** Hands the result on piece by piece as columns of plain values; memory does not grow with the result. */
  columns(sql: string, visit: (columns: readonly (readonly unknown[])[], rows: number) => void): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens the database for the given files (absolute paths).
 *
 * Extensions are neither downloaded nor loaded, and once open its settings are locked.
 *
 * @param scratchFolder where it may spill; the system's temporary folder when undefined
 * @param maxMemoryBytes what it may take of memory, at least 512 MiB; a quarter of the machine's when undefined
 */
export async function openDatabase(
  files: readonly string[],
  options: {
    readonly scratchFolder?: string | undefined;
    readonly maxMemoryBytes?: number | undefined;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<OrderDatabase> {
  const spill = await mkdtemp(join(options.scratchFolder ?? tmpdir(), 'hansa-orders-'));
  const memoryBytes = Math.max(LEAST_MEMORY_BYTES, options.maxMemoryBytes ?? MEMORY_SHARE * machineMemoryBytes());
  const instance = await DuckDBInstance.create(':memory:', {
    threads: THREADS,
    memory_limit: `${Math.floor(memoryBytes / 1024)}KiB`,

    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  });
  const connection = await instance.connect();
  const list = files.flatMap((file) => [file, globSafe(file)]).map(quotedString);
  // Where this machine is has no say in what day an instant is.
  await connection.run("SET TimeZone = 'UTC'");
  await connection.run(`SET temp_directory = ${quotedString(spill)}`);
  await connection.run(`SET allowed_paths = [${list.join(', ')}]`);
  await connection.run('SET enable_external_access = false');
  await connection.run('SET lock_configuration = true');

  const guarded = async <T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T> => {
    options.signal?.throwIfAborted();
    let repeated: NodeJS.Timeout | undefined;
    const interrupt = () => {
      // An interrupt that comes before the statement has begun is lost: it is repeated until the statement has ended.
      connection.interrupt();
      repeated = setInterval(() => connection.interrupt(), INTERRUPT_EVERY_MS);
    };
    options.signal?.addEventListener('abort', interrupt, { once: true });
    try {
      return await work(connection);
    } catch (error) {
      options.signal?.throwIfAborted();
      throw explain(error, spill, memoryBytes);
    } finally {
      options.signal?.removeEventListener('abort', interrupt);
      clearInterval(repeated);
    }
  };

  const rows = (sql: string, parameters?: Parameters) =>
    guarded(async (open) => {
      const reader = await open.runAndReadAll(sql, parameters);
      return reader.getRowObjects().map(withPlainNumbers);
    });

  return {
    run: (sql, parameters) => guarded(async (open) => void (await open.run(sql, parameters))),
    rows,
    async row(sql, parameters) {
      const [first] = await rows(sql, parameters);
      if (first === undefined) throw new RangeError('a statement meant for one row gave none');
      return first;
    },
    columns: (sql, visit) =>
      guarded(async (open) => {
        const result = await open.stream(sql);
        for (
          let chunk = await result.fetchChunk();
          chunk !== null && chunk.rowCount > 0;
          chunk = await result.fetchChunk()
        ) {
          options.signal?.throwIfAborted();
          visit(chunk.getColumns(), chunk.rowCount);
        }
      }),
    async close() {
      connection.closeSync();
      instance.closeSync();
      await rm(spill, { recursive: true, force: true });
    },
  };
}

/** A path as the database's file functions take it: its glob characters stand for themselves. */
export function globSafe(path: string): string {
  return path.replaceAll(/[[*?]/g, (character) => `[${character}]`);
}

function withPlainNumbers(row: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row).map(([key, value]) => [key, typeof value === 'bigint' ? Number(value) : value]),
  );
}

function explain(error: unknown, spill: string, memoryBytes: number): unknown {
  const message = error instanceof Error ? error.message : '';
  if (/No space left|failed to (offload|write)|max_temp_directory_size/i.test(message)) {
    return new HansaError(
      'StorageFull',
      `There is not enough room in ${spill} to work through the order files. Free some space on that disk, or map fewer files.`,
    );
  }
  if (/Out of Memory/i.test(message)) {
    const megabytes = Math.round(memoryBytes / 1e6);
    return new HansaError(
      'InvalidConfig',
      `The order files need more memory to be read than the ${megabytes} MB allowed. Raise data.maxMemoryBytes, map fewer columns, or cut the years with data.sources[].from.`,
    );
  }
  return error;
}
