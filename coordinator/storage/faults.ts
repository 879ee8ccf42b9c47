import { HansaError } from '@hansa/shared/errors';

const fullCodes = new Set(['ENOSPC', 'EDQUOT', 'SQLITE_FULL']);

function codeOf(error: unknown): string {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : '';
}

/** Whether the disk (or its quota) had no room, as the file system or SQLite reports it. */
export function isStorageFull(error: unknown): boolean {
  // SQLite reports a disk that fills up under its write-ahead log as a failed write or sync.
  return fullCodes.has(codeOf(error)) || /^SQLITE_IOERR_(WRITE|FSYNC|SHM|TRUNCATE)/.test(codeOf(error));
}

/** The error to throw on when writing `what` failed: StorageFull where the disk had no room, else the error as it came. */
export function storageFault(error: unknown, what: string): unknown {
  if (!isStorageFull(error)) return error;
  return new HansaError(
    'StorageFull',
    `The coordinator's disk is full: ${what} could not be stored. Free some space in its data folder, then try again.`,
    {},
    { cause: error },
  );
}
