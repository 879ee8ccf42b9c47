import { HansaError } from '@hansa/shared/errors';
import Database from 'libsql';
import { explainWriteError } from './files.ts';

/** A held lock. */
export interface IdentityLock {
  release(): void;
}

/**
 * Takes the lock that lets one process at a time act with an identity.
 *
 * It is SQLite's exclusive lock on an empty database file: the operating system frees it when the process dies, however it dies, and it holds
 * between containers that share the folder. A file with a process id in it would do neither.
 *
 * @param path the lock file; made where it does not exist, never removed
 * @throws HansaError IdentityLocked where another process holds it; DataFolderUnusable or StorageFull
 */
export function lockIdentity(path: string): IdentityLock {
  let database: Database.Database | undefined;
  try {
    database = new Database(path, { timeout: 0 });
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database?.close();
    const code = (error as { code?: string }).code ?? '';
    if (code.startsWith('SQLITE_BUSY')) {
      throw new HansaError(
        'IdentityLocked',
        `Another process is using this node's identity (${path}). One node is one process: stop the other, or give this one a folder and an enrolment of its own.`,
      );
    }
    if (code === 'SQLITE_FULL') throw explainWriteError(Object.assign(new Error(code), { code: 'ENOSPC' }), path);
    throw new HansaError(
      'DataFolderUnusable',
      `Cannot lock ${path} (${code || (error as Error).message}). Make the node's folder writable, or name another in "folder".`,
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
