import { HansaError } from '@hansa/shared/errors';
import Database from 'libsql';
import { explainWriteError, folderRemedy } from './files.ts';

/** A held lock. */
export interface FileLock {
  release(): void;
}

/**
 * Takes a lock that one process at a time can hold.
 *
 * It is SQLite's exclusive lock on an empty database file: the operating system frees it when the process dies, however it dies, and it holds
 * between containers that share the folder. A file with a process id in it would do neither.
 *
 * @param path the lock file; made where it does not exist, never removed
 * @param inUse what is thrown where another process holds it
 * @param remedy what to do where this process may not write there
 * @throws HansaError DataFolderUnusable, StorageFull
 * @throws what `inUse` makes
 */
export function lockFile(path: string, inUse: () => HansaError, remedy = folderRemedy): FileLock {
  let database: Database.Database | undefined;
  try {
    database = new Database(path, { timeout: 0 });
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database?.close();
    const code = (error as { code?: string }).code ?? '';
    if (code.startsWith('SQLITE_BUSY')) throw inUse();
    if (code === 'SQLITE_FULL') throw explainWriteError(Object.assign(new Error(code), { code: 'ENOSPC' }), path);
    throw new HansaError(
      'DataFolderUnusable',
      `Cannot lock ${path} (${code || (error as Error).message}). ${remedy}`,
      {},
      { cause: error },
    );
  }
  const held = database;
  return {
    release() {
      if (!held.open) return;
      held.exec('ROLLBACK');
      held.close();
    },
  };
}
