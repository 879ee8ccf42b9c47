import { HansaError } from '@hansa/shared/errors';

/** Refuses a file with a secret that users other than its owner may read or write. */
export function assertOwnerOnly(file: string, mode: number): void {
  if ((mode & 0o077) === 0) return;
  throw new HansaError(
    'DataFolderUnusable',
    `${file} holds a secret and other users may read it. Run: chmod 600 ${file}`,
  );
}
