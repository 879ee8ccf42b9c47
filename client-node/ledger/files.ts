import { mkdir } from 'node:fs/promises';
import { HansaError } from '@hansa/shared/errors';
import { writeFileWhole } from '@hansa/shared/files';

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
 * Writes a file whole or not at all.
 *
 * @param mode permission bits, by default the owner's alone
 * @throws HansaError DataFolderUnusable, StorageFull
 */
export async function writeWhole(path: string, content: string | Uint8Array, mode = 0o600): Promise<void> {
  await writing(path, () => writeFileWhole(path, [content], mode));
}
