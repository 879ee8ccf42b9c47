import { mkdir, open, rm, rmdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { HansaError } from '@hansa/shared/errors';
import Database from 'libsql';

/** A coordinator that cannot write this much when it starts would fail in its first round. */
const PROBE_SIZE_BYTES = 1024 * 1024;

/** A coordinator's data folder, held exclusively by this process. */
export interface DataFolder {
  readonly path: string;
  /** Path of a file in the folder. */
  file(...names: string[]): string;
  /** Lets another process take the folder. */
  release(): void;
}

/**
 * Takes the folder at `folderPath` for this process, making it where there is none.
 *
 * The lock is SQLite's exclusive lock on `lock.db`: the operating system drops it with the process, however that ends. Where the folder cannot be taken,
 * nothing is left behind.
 *
 * @throws HansaError DataFolderUnusable (no folder, read-only, full), DataFolderInUse
 */
export async function openDataFolder(folderPath: string): Promise<DataFolder> {
  if (folderPath.trim() === '') throw new HansaError('InvalidArgument', '--data is empty: name the data folder.');
  const root = path.resolve(folderPath);
  const made = await makeFolder(root);
  try {
    await probe(root);
  } catch (error) {
    if (made) await rmdir(root).catch(() => undefined);
    throw unusable(root, error);
  }
  let lock: Database.Database | undefined;
  try {
    lock = new Database(path.join(root, 'lock.db'));
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock?.close();
    if ((error as NodeJS.ErrnoException).code?.startsWith('SQLITE_BUSY')) {
      throw new HansaError(
        'DataFolderInUse',
        `Another coordinator is using the data folder ${root}. Stop it first, or choose another folder with --data.`,
      );
    }
    throw unusable(root, error);
  }
  return {
    path: root,
    file: (...names) => path.join(root, ...names),
    release: () => {
      lock.exec('ROLLBACK');
      lock.close();
    },
  };
}

async function makeFolder(root: string): Promise<boolean> {
  try {
    const found = await stat(root).catch(() => undefined);
    if (found?.isDirectory()) return false;
    await mkdir(root, { recursive: true, mode: 0o700 });
    return true;
  } catch (error) {
    throw unusable(root, error);
  }
}

async function probe(root: string): Promise<void> {
  const file = path.join(root, `.probe.${process.pid}`);
  try {
    const handle = await open(file, 'wx', 0o600);
    try {
      await handle.writeFile(Buffer.alloc(PROBE_SIZE_BYTES));
      await handle.sync();
    } finally {
      await handle.close();
    }
  } finally {
    await rm(file, { force: true });
  }
}

function unusable(root: string, error: unknown): HansaError {
  const reasons: Record<string, string> = {
    ENOSPC: 'its disk is full',
    EDQUOT: 'its disk quota is used up',
    EROFS: 'it is on a read-only file system',
    EACCES: 'this user may not write there',
    EPERM: 'this user may not write there',
    ENOTDIR: 'it is not a folder',
    EEXIST: 'it is not a folder',
  };
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return new HansaError(
    'DataFolderUnusable',
    `The data folder ${root} cannot be used: ${reasons[code] ?? (error as Error).message}. Make it writable with some free space, or choose another with --data.`,
    {},
    { cause: error },
  );
}
