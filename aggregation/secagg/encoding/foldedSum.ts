import { type Kernels, makeKernels, termsAt, tileSizeBytes, vectorAt } from '../../kernels/index.ts';
import { type LayoutConfig, layoutOf, type VectorLayout } from './layout.ts';
import { addTiles } from './tiles.ts';

/**
 * The sum of masked vectors, built while they arrive: memory for one vector, whatever their number.
 *
 * A chunk of a vector is added at its byte offset as soon as it is there; offsets and lengths need not be whole words, since a word that is cut
 * in two is the sum of its two parts. What was added is taken out again by {@link subtract} with the same bytes, in pieces of any size: where a
 * member drops out in the middle of its vector.
 */
export class FoldedSum {
  /** The sum so far. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #layout: VectorLayout;
  readonly #kernels: Kernels;

  /** @throws RangeError (when there is no memory for a vector) */
  constructor(config: LayoutConfig) {
    this.#layout = layoutOf(config);
    this.#kernels = makeKernels(this.#layout.sizeBytes);
    this.bytes = this.#kernels.memory.subarray(vectorAt, vectorAt + this.#layout.sizeBytes);
  }

  /** Adds a vector's bytes from `byteOffset` on. @throws RangeError (beyond the vector's end) */
  add(byteOffset: number, chunk: Uint8Array): void {
    this.#fold(byteOffset, chunk, 1);
  }

  /** Takes bytes out again that were added at `byteOffset`. @throws RangeError (beyond the vector's end) */
  subtract(byteOffset: number, chunk: Uint8Array): void {
    this.#fold(byteOffset, chunk, -1);
  }

  #fold(byteOffset: number, chunk: Uint8Array, sign: 1 | -1): void {
    const end = byteOffset + chunk.length;
    if (!Number.isInteger(byteOffset) || byteOffset < 0 || end > this.bytes.length)
      throw new RangeError(`Bytes ${byteOffset} to ${end} do not lie in a vector of ${this.bytes.length}`);
    const { memory } = this.#kernels;
    for (let at = byteOffset; at < end; ) {
      // Whole words around the chunk's bytes, zero where they are not the chunk's.
      const before = at % 4;
      const sizeBytes = Math.min(tileSizeBytes - before, end - at);
      const after = -(before + sizeBytes) & 3;
      const start = at - before;
      const tileBytes = before + sizeBytes + after;
      memory.fill(0, termsAt, termsAt + before);
      memory.set(chunk.subarray(at - byteOffset, at - byteOffset + sizeBytes), termsAt + before);
      memory.fill(0, termsAt + before + sizeBytes, termsAt + tileBytes);
      addTiles(this.#kernels, this.#layout, { start, sizeBytes: tileBytes }, vectorAt + start, sign, 1);
      at += sizeBytes;
    }
  }
}
