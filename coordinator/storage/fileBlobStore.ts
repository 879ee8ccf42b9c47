import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { HansaError } from '@hansa/shared/errors';
import { syncFolder } from '@hansa/shared/files';
import type { BlobFacts, BlobReader, BlobStore } from './blobStore.ts';
import { storageFault } from './faults.ts';

const READ_CHUNK_BYTES = 256 * 1024;

/** Blobs as files of one folder: FOLDER/SHA256, and FOLDER/incoming for those that are being written. */
export class FileBlobStore implements BlobStore {
  readonly #folder: string;
  readonly #incoming: string;
  readonly #what: string;

  private constructor(folder: string, what: string) {
    this.#folder = folder;
    this.#what = what;
    this.#incoming = path.join(folder, 'incoming');
  }

  /** Opens the store and deletes what an earlier process left half-written. `what` a blob is called in errors. */
  static async open(folder: string, what = 'a model'): Promise<FileBlobStore> {
    const store = new FileBlobStore(folder, what);
    await rm(store.#incoming, { recursive: true, force: true });
    await mkdir(store.#incoming, { recursive: true, mode: 0o700 });
    return store;
  }

  async put(
    source: AsyncIterable<Uint8Array>,
    expected: { readonly sha256?: string; readonly maxSizeBytes?: number } = {},
  ): Promise<BlobFacts> {
    const temporary = path.join(this.#incoming, randomUUID());
    const limitBytes = expected.maxSizeBytes ?? Number.POSITIVE_INFINITY;
    try {
      const facts = await writeAndHash(temporary, source, limitBytes);
      if (expected.sha256 !== undefined && facts.sha256 !== expected.sha256) {
        throw new HansaError(
          'WrongHash',
          `The bytes received hash to ${facts.sha256}, not to ${expected.sha256} as announced. Send them again.`,
        );
      }
      await rename(temporary, this.#file(facts.sha256));
      await syncFolder(this.#folder);
      return facts;
    } catch (error) {
      await rm(temporary, { force: true });
      throw storageFault(error, this.#what);
    }
  }

  async size(sha256: string): Promise<number | undefined> {
    const found = await stat(this.#file(sha256)).catch(absent);
    return found?.size;
  }

  async open(sha256: string): Promise<BlobReader | undefined> {
    const handle = await open(this.#file(sha256), 'r').catch(absent);
    if (handle === undefined) return undefined;
    const { size } = await handle.stat();
    return {
      sizeBytes: size,
      read: (into, position) => readFully(handle, into, position),
      close: () => handle.close(),
    };
  }

  stream(sha256: string, start: number, end: number) {
    return createReadStream(this.#file(sha256), { start, end, highWaterMark: READ_CHUNK_BYTES });
  }

  async delete(sha256: string): Promise<void> {
    await rm(this.#file(sha256), { force: true });
    await syncFolder(this.#folder);
  }

  async list(): Promise<string[]> {
    return (await readdir(this.#folder)).filter(isName);
  }

  async assertWritable(): Promise<void> {
    const file = path.join(this.#incoming, randomUUID());
    try {
      const handle = await open(file, 'wx', 0o600);
      try {
        await handle.writeFile(Buffer.alloc(4096));
        await handle.sync();
      } finally {
        await handle.close();
      }
    } finally {
      await rm(file, { force: true });
    }
  }

  #file(sha256: string): string {
    if (!isName(sha256)) throw new RangeError('a blob is named by 64 hexadecimal digits');
    return path.join(this.#folder, sha256);
  }
}

const isName = (name: string): boolean => /^[0-9a-f]{64}$/.test(name);

/** Fills `into` from an open file. @throws RangeError (when the file ends before) */
export async function readFully(handle: FileHandle, into: Uint8Array, position: number): Promise<void> {
  let done = 0;
  while (done < into.length) {
    const { bytesRead } = await handle.read(into, done, into.length - done, position + done);
    if (bytesRead === 0) throw new RangeError('read past the end of the file');
    done += bytesRead;
  }
}

async function writeAndHash(file: string, source: AsyncIterable<Uint8Array>, limitBytes: number): Promise<BlobFacts> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  const handle = await open(file, 'wx', 0o600);
  try {
    for await (const chunk of source) {
      sizeBytes += chunk.length;
      if (sizeBytes > limitBytes) {
        throw new HansaError('PayloadTooLarge', `The bytes sent exceed the limit of ${limitBytes} bytes.`);
      }
      hash.update(chunk);
      await writeFully(handle, chunk);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  return { sha256: hash.digest('hex'), sizeBytes };
}

async function writeFully(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  let done = 0;
  while (done < chunk.length) done += (await handle.write(chunk, done)).bytesWritten;
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT') return undefined;
  throw error;
}
