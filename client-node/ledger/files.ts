import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { HansaError } from '@hansa/shared/errors';

/** Codes with which an operating system says that it will not let this process write here. */
const UNWRITABLE = new Set([
  'EROFS',
  'EACCES',
  'EPERM',
  'ENOTDIR',
  'ENOENT',
  'EEXIST',
  'EISDIR',
  'ENAMETOOLONG',
  'EIO',
]);
const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** What to do where the node's folder may not be written. */
export const folderRemedy = `Make the node's folder writable, or name another in "folder".`;

/**
 * The HansaError (StorageFull, DataFolderUnusable) that a failed write to `path` stands for; anything else is given back as it is.
 *
 * @param remedy what to do where this process may not write there
 */
export function explainWriteError(error: unknown, path: string, remedy = folderRemedy): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code !== undefined && FULL.has(code)) {
    return new HansaError(
      'StorageFull',
      `There is no space left to write ${path}. Free some, then try again.`,
      {},
      { cause: error },
    );
  }
  if (code !== undefined && UNWRITABLE.has(code)) {
    return new HansaError('DataFolderUnusable', `Cannot write ${path} (${code}). ${remedy}`, {}, { cause: error });
  }
  return error;
}

/** Runs a write to `path` and explains its failure; see {@link explainWriteError}. */
export async function writing<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw explainWriteError(error, path);
  }
}

/** Makes a folder and those above it, readable by its owner alone. @throws HansaError DataFolderUnusable, StorageFull */
export async function makeFolder(path: string): Promise<void> {
  await writing(path, async () => {
    await mkdir(path, { recursive: true, mode: 0o700 });
  });
}

/**
 * Writes a file whole or not at all: a temporary one beside it, forced to disk, then renamed.
 *
 * @param mode permission bits, by default the owner's alone
 * @throws HansaError DataFolderUnusable, StorageFull
 */
export async function writeWhole(path: string, content: string | Uint8Array, mode = 0o600): Promise<void> {
  await writing(path, async () => {
    const temporary = `${path}.${randomUUID()}.tmp`;
    try {
      const file = await open(temporary, 'wx', mode);
      try {
        await file.writeFile(content);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined);
      throw error;
    }
    await syncFolder(dirname(path));
  });
}

/** Forces a folder's entries to disk, where the system can. */
export async function syncFolder(path: string): Promise<void> {
  // Windows opens no folders; its file system journals the rename itself.
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
