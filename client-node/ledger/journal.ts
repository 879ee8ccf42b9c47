import { createHash } from 'node:crypto';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { JournalRecord } from '@hansa/aggregation/secagg/client';
import { HansaError } from '@hansa/shared/errors';
import { syncFolder } from '@hansa/shared/files';
import { explainWriteError, writing } from './files.ts';
import { decodeRecord, encodeRecord } from './records.ts';

/**
 * What this node must never forget: set-ups joined, rounds signed, answers given. An append-only text file.
 *
 * A line is `HASH JSON`, where HASH is the first 32 hexadecimal digits of SHA-256(the line before's HASH ‖ JSON): a changed, missing or moved
 * line breaks the chain from there on. A last line without its line break was cut off by a crash before anything was done on the strength of it,
 * and is removed. A rolled-back file cannot be told from an old one.
 */
export interface Journal {
  readonly records: readonly JournalRecord[];
  /**
   * Adds a record; when this returns it is on disk (fsync), when it throws the file is as it was.
   *
   * @throws HansaError StorageFull, DataFolderUnusable
   */
  append(record: JournalRecord): Promise<void>;
  close(): Promise<void>;
}

const HASH_DIGITS = 32;
const FIRST_HASH = '0'.repeat(HASH_DIGITS);

/**
 * Opens the journal at `path`, making an empty one where there is none.
 *
 * @throws HansaError LedgerCorrupt (naming the line that cannot be trusted), DataFolderUnusable, StorageFull
 */
export async function openJournal(path: string): Promise<Journal> {
  const file = await writing(path, () => open(path, 'a+', 0o600));
  try {
    const bytes = await file.readFile();
    const { records, lastHash, validBytes } = readLines(bytes, path);
    if (validBytes < bytes.length) {
      await writing(path, async () => {
        await file.truncate(validBytes);
        await file.sync();
      });
    }
    await writing(path, () => syncFolder(dirname(path)));
    return appendable(path, file, records, lastHash, validBytes);
  } catch (error) {
    await file.close();
    throw error;
  }
}

/**
 * The records of the journal at `path`, which another process may be writing; none where there is no file.
 *
 * @throws HansaError LedgerCorrupt (naming the line that cannot be trusted), DataFolderUnusable (when it cannot be read)
 */
export async function readJournal(path: string): Promise<readonly JournalRecord[]> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return Buffer.alloc(0);
    throw new HansaError('DataFolderUnusable', `Cannot read ${path} (${error.message}).`, {}, { cause: error });
  });
  return readLines(bytes, path).records;
}

function appendable(
  path: string,
  file: FileHandle,
  records: JournalRecord[],
  hashAtOpen: string,
  sizeAtOpen: number,
): Journal {
  let lastHash = hashAtOpen;
  let sizeBytes = sizeAtOpen;
  let last: Promise<unknown> = Promise.resolve();
  const write = async (record: JournalRecord): Promise<void> => {
    const json = encodeRecord(record);
    const hash = chain(lastHash, json);
    const line = Buffer.from(`${hash} ${json}\n`);
    try {
      await file.appendFile(line);
      await file.sync();
    } catch (error) {
      // Half a line must not stay: the next append would follow it.
      await file.truncate(sizeBytes).catch(() => undefined);
      throw explainWriteError(error, path);
    }
    lastHash = hash;
    sizeBytes += line.length;
    records.push(record);
  };
  return {
    records,
    append(record) {
      const done = last.then(() => write(record));
      last = done.catch(() => undefined);
      return done;
    },
    async close() {
      await last;
      await file.close();
    },
  };
}

function readLines(bytes: Buffer, path: string): { records: JournalRecord[]; lastHash: string; validBytes: number } {
  const records: JournalRecord[] = [];
  let lastHash = FIRST_HASH;
  let start = 0;
  for (;;) {
    const end = bytes.indexOf(0x0a, start);
    if (end === -1) return { records, lastHash, validBytes: start };
    const line = bytes.toString('utf8', start, end);
    const hash = line.slice(0, HASH_DIGITS);
    const json = line.slice(HASH_DIGITS + 1);
    const record = line[HASH_DIGITS] === ' ' && hash === chain(lastHash, json) ? decodeRecord(json) : undefined;
    if (record === undefined) {
      throw new HansaError(
        'LedgerCorrupt',
        `Line ${records.length + 1} of ${path} was changed or damaged. The node must not go on without knowing what it has signed: restore the file from the machine it was written on, or enrol this merchant again in an empty folder.`,
        { line: records.length + 1 },
      );
    }
    records.push(record);
    lastHash = hash;
    start = end + 1;
  }
}

function chain(previousHash: string, json: string): string {
  return createHash('sha256').update(previousHash).update(json).digest('hex').slice(0, HASH_DIGITS);
}
