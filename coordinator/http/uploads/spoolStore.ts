import { type FileHandle, open, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { giveBack } from '@hansa/shared/memory';
import { DataStore, ERRORS, Upload } from '@tus/server';
import { isStorageFull, storageFault } from '../../storage/faults.ts';

export interface SpoolEvents {
  /** A chunk was written; its bytes are good until this returns. */
  received(id: string, byteOffset: number, chunk: Uint8Array): void;
  full(id: string, error: Error): void;
}

/** Files of the spool, as tus asks for them; a full disk has an error of its own, and every byte is counted. */
export class SpoolStore extends DataStore {
  readonly #folder: string;
  readonly #events: SpoolEvents;
  readonly #sizes = new Map<string, number>();
  readonly #writes = new Map<string, Promise<unknown>>();

  constructor(folder: string, events: SpoolEvents) {
    super();
    this.#folder = folder;
    this.#events = events;
  }

  fileOf(id: string): string {
    return path.join(this.#folder, id);
  }

  /** Makes an empty file that is to hold `sizeBytes`. @throws HansaError StorageFull */
  async open(id: string, sizeBytes: number): Promise<void> {
    try {
      await writeFile(this.fileOf(id), '', { flag: 'wx', mode: 0o600 });
    } catch (error) {
      await rm(this.fileOf(id), { force: true });
      throw storageFault(error, 'a masked vector');
    }
    this.#sizes.set(id, sizeBytes);
  }

  override async remove(id: string): Promise<void> {
    this.#sizes.delete(id);
    await rm(this.fileOf(id), { force: true });
  }

  override async getUpload(id: string): Promise<Upload> {
    const size = this.#sizes.get(id);
    if (size === undefined) throw ERRORS.FILE_NOT_FOUND;
    // A request that broke off may still be writing its last chunk.
    await this.written(id);
    return new Upload({ id, size, offset: (await stat(this.fileOf(id))).size });
  }

  /** Resolves once no write to the file is under way. */
  async written(id: string): Promise<void> {
    await this.#writes.get(id);
  }

  override async write(readable: Readable, id: string, offset: number): Promise<number> {
    const before = this.#writes.get(id);
    const work = Promise.resolve(before).then(() => this.#append(readable, id, offset));
    const settled = work.then(
      () => undefined,
      () => undefined,
    );
    this.#writes.set(id, settled);
    try {
      return await work;
    } catch (error) {
      const fault = storageFault(error, 'a masked vector');
      if (isStorageFull(error)) this.#events.full(id, fault as Error);
      throw fault;
    } finally {
      if (this.#writes.get(id) === settled) this.#writes.delete(id);
    }
  }

  /** Writes what comes to the end of the file, which must be at `offset`; each chunk is being written while the next one comes. */
  async #append(readable: Readable, id: string, offset: number): Promise<number> {
    const handle = await open(this.fileOf(id), 'r+');
    let reached = offset;
    let writing = Promise.resolve();
    try {
      if ((await handle.stat()).size !== offset) throw ERRORS.INVALID_OFFSET;
      for await (const chunk of readable as AsyncIterable<Uint8Array>) {
        await writing;
        const at = reached;
        reached += chunk.length;
        writing = writeWhole(handle, chunk, at).then(() => {
          this.#events.received(id, at, chunk);
          giveBack(chunk);
        });
        // A failure reaches whatever awaits it.
        writing.catch(() => undefined);
      }
      await writing;
      return reached;
    } finally {
      await writing.catch(() => undefined);
      await handle.close();
    }
  }
}

async function writeWhole(handle: FileHandle, chunk: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < chunk.length; )
    done += (await handle.write(chunk, done, chunk.length - done, at + done)).bytesWritten;
}
