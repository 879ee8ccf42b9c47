import type { Readable } from 'node:stream';

/** What a blob is. */
export interface BlobFacts {
  /** Lower-case hexadecimal. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** An open blob. */
export interface BlobReader {
  readonly sizeBytes: number;
  /** Fills `into` from `position`. @throws RangeError (when the blob ends before) */
  read(into: Uint8Array, position: number): Promise<void>;
  close(): Promise<void>;
}

/** Immutable bytes by their SHA-256. */
export interface BlobStore {
  /**
   * Stores what `source` yields; a chunk is not touched after the next is asked for, so that a source may reuse its buffer.
   *
   * When it returns, the bytes survive a crash. Storing what is there already changes nothing. On any error nothing is kept.
   *
   * @throws HansaError WrongHash, PayloadTooLarge, StorageFull
   * @throws what `source` throws
   */
  put(
    source: AsyncIterable<Uint8Array>,
    expected?: { readonly sha256?: string; readonly maxSizeBytes?: number },
  ): Promise<BlobFacts>;
  size(sha256: string): Promise<number | undefined>;
  open(sha256: string): Promise<BlobReader | undefined>;
  /** Bytes `start` to `end`, both included, of a blob that is there. */
  stream(sha256: string, start: number, end: number): Readable;
  delete(sha256: string): Promise<void>;
  /** Names of all blobs. */
  list(): Promise<string[]>;
  /** @throws Error (when the store cannot take a write now) */
  assertWritable(): Promise<void>;
}
