import { type FileHandle, open } from 'node:fs/promises';
import { FoldedSum, type LayoutConfig } from '@hansa/aggregation/secagg/encoding';
import { giveBack } from '@hansa/shared/memory';

/** What is read of a vector at once. */
const CHUNK_SIZE_BYTES = 256 * 1024;

/**
 * The sum of one cohort's masked vectors, folded while they arrive; what is not to be in it is taken out again from the files that it came from.
 *
 * Of each member the sum holds one piece, from its vector's first byte on, and never a byte twice. That the pieces are whole vectors, and whose,
 * matters only once the survivors are known: {@link complete} folds what a survivor's piece lacks and takes out the pieces of all others. Should a
 * file not be there to take a piece out, the sum is made again from the survivors' files.
 *
 * Memory: one vector, from the first {@link begin} on. Files are read as they were written: whether they are the ones that members signed for is the
 * upload's to find out.
 */
export class CohortSum {
  readonly #config: LayoutConfig;
  #sum: FoldedSum | undefined;
  /** How many bytes of each member's vector are in the sum, by roster index. */
  readonly #pieces = new Map<number, number>();
  readonly #takingOut = new Set<Promise<void>>();
  #isSpoilt = false;
  #isClosed = false;

  constructor(config: LayoutConfig) {
    this.#config = config;
  }

  /** Sees to it that there is memory. @throws RangeError (when there is none) */
  begin(): void {
    if (!this.#isClosed) this.#sum ??= new FoldedSum(this.#config);
  }

  /** Folds a chunk of a member's vector. One that does not begin where the member's piece ends is left to {@link complete}. */
  fold(member: number, byteOffset: number, chunk: Uint8Array): void {
    if (this.#isClosed || this.#isSpoilt || byteOffset !== (this.#pieces.get(member) ?? 0)) return;
    this.begin();
    this.#sum?.add(byteOffset, chunk);
    this.#pieces.set(member, byteOffset + chunk.length);
  }

  /** Takes a member's piece out, from the file that it was written to; the member may start over meanwhile. Never rejects. */
  takeOut(member: number, file: string): Promise<void> {
    const piece = this.#pieces.get(member) ?? 0;
    this.#pieces.delete(member);
    const sum = this.#sum;
    if (this.#isClosed || this.#isSpoilt || sum === undefined || piece === 0) return Promise.resolve();
    const work = eachChunk(file, 0, piece, (at, chunk) => sum.subtract(at, chunk))
      .catch(() => {
        this.#isSpoilt = true;
      })
      .finally(() => this.#takingOut.delete(work));
    this.#takingOut.add(work);
    return work;
  }

  /**
   * The sum of the survivors' whole vectors, which is the caller's from here on: nothing more is folded.
   *
   * @param files of all members that have one, the survivors at least, by roster index
   * @throws what reading a survivor's file throws
   * @throws RangeError (when a survivor's file is too short)
   */
  async complete(survivors: readonly number[], files: ReadonlyMap<number, string>): Promise<FoldedSum> {
    this.begin();
    const sum = this.#sum;
    if (sum === undefined) throw new RangeError('this sum was completed or dropped before');
    this.drop();
    await Promise.all(this.#takingOut);
    if (!this.#isSpoilt) await this.#takeOutOthers(sum, survivors, files);
    if (this.#isSpoilt) {
      sum.bytes.fill(0);
      this.#pieces.clear();
    }
    for (const member of survivors) {
      const piece = this.#pieces.get(member) ?? 0;
      await eachChunk(fileOf(files, member), piece, sum.bytes.length, (at, chunk) => sum.add(at, chunk));
    }
    return sum;
  }

  /** Nobody will ask for it: its memory goes. */
  drop(): void {
    this.#isClosed = true;
    this.#sum = undefined;
  }

  async #takeOutOthers(
    sum: FoldedSum,
    survivors: readonly number[],
    files: ReadonlyMap<number, string>,
  ): Promise<void> {
    try {
      for (const [member, piece] of this.#pieces) {
        if (survivors.includes(member)) continue;
        await eachChunk(fileOf(files, member), 0, piece, (at, chunk) => sum.subtract(at, chunk));
      }
    } catch {
      this.#isSpoilt = true;
    }
  }
}

/** Reads bytes `start` to `end` of a file, chunk by chunk; `take` gets each with its place in the file. */
async function eachChunk(
  file: string,
  start: number,
  end: number,
  take: (at: number, chunk: Uint8Array) => void,
): Promise<void> {
  if (start === end) return;
  const chunk = new Uint8Array(Math.min(CHUNK_SIZE_BYTES, end - start));
  let handle: FileHandle | undefined;
  try {
    handle = await open(file, 'r');
    for (let at = start; at < end; ) {
      const { bytesRead } = await handle.read(chunk, 0, Math.min(chunk.length, end - at), at);
      if (bytesRead === 0) throw new RangeError('a masked vector is shorter than it was');
      take(at, chunk.subarray(0, bytesRead));
      at += bytesRead;
    }
  } finally {
    giveBack(chunk);
    await handle?.close();
  }
}

function fileOf(files: ReadonlyMap<number, string>, member: number): string {
  const file = files.get(member);
  if (file === undefined) throw new RangeError(`member ${member} has no masked vector`);
  return file;
}
