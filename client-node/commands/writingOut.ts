import { HansaError } from '@hansa/shared/errors';
import { explainWriteError } from '../ledger/files.ts';

/**
 * Runs a command's write to the path of --out.
 *
 * @throws HansaError InvalidArgument, StorageFull (when the path cannot be written)
 * @throws what `write` throws
 */
export async function writingOut<T>(path: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    const explained = explainWriteError(error, path);
    if (!(explained instanceof HansaError && explained.code === 'DataFolderUnusable')) throw explained;
    const { cause } = explained;
    throw new HansaError(
      'InvalidArgument',
      `Cannot write ${path} (${(cause as NodeJS.ErrnoException).code}). Name a path with --out in a folder that exists and can be written to.`,
      {},
      { cause },
    );
  }
}
