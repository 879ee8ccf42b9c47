import { openSync, writeSync } from 'node:fs';
import type { createLogger } from '@hansa/shared/log';
import { explainWriteError } from '../ledger/files.ts';

type Destination = NonNullable<Parameters<typeof createLogger>[2]>;

/** A log at the end of the file at `path`. @throws HansaError DataFolderUnusable (when it cannot be opened) */
export function logFile(path: string): Destination {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'a', 0o600);
  } catch (error) {
    throw explainWriteError(error, path);
  }
  return {
    write(line: string) {
      try {
        writeSync(descriptor, line);
      } catch {
        // A full disk must not stop the node because of its log: a write that matters fails by itself.
      }
    },
  };
}
