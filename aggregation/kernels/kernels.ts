/**
 * The arithmetic on vectors that costs a round its time. Arguments that end in `At` are byte offsets into `memory` at a whole element, counts are
 * in elements; terms and sums do not overlap. The SIMD code and its plain twin give the same bits for the same arguments.
 */
export interface Kernels {
  readonly kind: 'simd' | 'plain';
  /** Scratch up to {@link vectorAt}, of which nothing outlives a synchronous function; then the vector that it was made for, zero at first. */
  readonly memory: Uint8Array<ArrayBuffer>;
  /** sum[i] += terms[i] modulo 2^32 for each of `tiles` vectors of terms, {@link tileSizeBytes} apart; and so on. */
  addWords32(sumAt: number, termsAt: number, count: number, tiles: number): void;
  subtractWords32(sumAt: number, termsAt: number, count: number, tiles: number): void;
  addWords16(sumAt: number, termsAt: number, count: number, tiles: number): void;
  subtractWords16(sumAt: number, termsAt: number, count: number, tiles: number): void;
  /**
   * words[i] = ⌊factor · values[i] + ½⌋ held within ±limit, from f32 to i32, computed in f64; 1 where every value is finite, else 0 and
   * the words are of no use. `limit` is a whole number ≤ 2^31 − 1.
   */
  quantise32(wordsAt: number, valuesAt: number, count: number, factor: number, limit: number): number;
  /** The same to i16; `limit` ≤ 2^15 − 1. */
  quantise16(wordsAt: number, valuesAt: number, count: number, factor: number, limit: number): number;
  /** Σ values[i]² in f64, added in four lanes (i modulo 4), the lanes as (l0 + l1) + (l2 + l3). */
  sumOfSquares(valuesAt: number, count: number): number;
  /** Turns the sign of values[i] where bit i of the bytes at `signsAt`, lowest bit first, is set. */
  flipSigns(valuesAt: number, signsAt: number, count: number): void;
  /**
   * Butterflies (a, b) → (a + b, a − b) in f32 over the spans `span`, 2·`span`, … below `count`; from `span` 1 that is the Walsh-Hadamard
   * transform, not normalised. `count` and `span` are powers of two, `span` ≤ `count`.
   */
  butterflies(valuesAt: number, count: number, span: number): void;
  /** values[i] = factor · values[i] in f32. */
  scale(valuesAt: number, count: number, factor: number): void;
  /**
   * A step of Adam with decoupled weight decay, all in f32 and in this order: g = factor · gradient[i]; m[i] += 0.1 · (g − m[i]);
   * v[i] = 0.999 · v[i] + 0.001 · g · g; weights[i] = keep · weights[i] − rate · (m[i] / (rootFactor · √v[i] + 1e-8)).
   *
   * The bias corrections are the caller's: `rate` is the learning rate / (1 − 0.9ᵗ), `rootFactor` 1 / √(1 − 0.999ᵗ), `keep` 1 − learning rate · decay.
   */
  adamW(
    weightsAt: number,
    gradientAt: number,
    meanAt: number,
    varianceAt: number,
    count: number,
    factor: number,
    rate: number,
    rootFactor: number,
    keep: number,
  ): void;
}

/** A tile: 64 KiB, at which node:crypto's AES is fastest and everything stays in the processor's second cache. */
export const tileSizeBytes = 65_536;

/** Values of f32 that the memory holds at once: 256 KiB. */
export const blockValues = 65_536;

// Vectors lie at or just behind the start of a page; copies between two places at nearly the same offset within their pages are ten times
// slower on some processors (glibc bug 30994), so the kernels' memory is laid out half a page away.
const skew = 2048;

/** Where the sum is built up: one tile. */
export const sumAt = skew;
/** Where what is added to it is put: {@link termTiles} tiles. */
export const termsAt = sumAt + tileSizeBytes;
/** Tiles of terms that are added in one pass over the sum. */
export const termTiles = 2;
/** Where f32 values are put: {@link blockValues} of them. */
export const valuesAt = termsAt + termTiles * tileSizeBytes;
/** Where their signs are put, a bit each. */
export const signsAt = valuesAt + 4 * blockValues;

/** Where a vector of the maker's own begins. */
export const vectorAt = signsAt + blockValues / 8;

/** Memory for a vector of so many bytes, in pages of WebAssembly. */
export const memoryPagesFor = (vectorSizeBytes: number): number => Math.ceil((vectorAt + vectorSizeBytes) / 65_536);
