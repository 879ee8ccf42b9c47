import { HansaError } from '@hansa/shared/errors';
import { type FileLock, lockFile } from './fileLock.ts';

/**
 * Takes the lock that lets one process at a time act with an identity.
 *
 * @param path the lock file; made where it does not exist, never removed
 * @throws HansaError IdentityLocked (when another process holds it), DataFolderUnusable, StorageFull
 */
export function lockIdentity(path: string): FileLock {
  return lockFile(
    path,
    () =>
      new HansaError(
        'IdentityLocked',
        `Another process is using this node's identity (${path}). One node is one process: stop the other, or give this one a folder and an enrolment of its own.`,
      ),
  );
}
