import { createHash } from 'node:crypto';
import { MaskStream, maskTileWords } from '@hansa/shared/crypto';
import { addWords, subtractWords } from '@hansa/shared/numeric';
import type { UnmaskPlan } from '../masks.ts';
import { type EncodingConfig, wordCountOf } from './fits.ts';
import { decodeTail, outOfRange, type TailSums } from './tail.ts';

/** Reads a part of a survivor's committed vector: `index` is its roster index; exactly `byteLength` bytes, valid until the next call. */
export type VectorReader = (index: number, byteOffset: number, byteLength: number) => Uint8Array;

/** A piece of the body of the laid-open sum. */
export interface SumTile {
  /** The first number's place in the flat vector. */
  readonly start: number;
  /** Σq, valid until the next tile is asked for. */
  readonly sum: Int32Array;
  /** The mean update Σq / (S·Σa/W), valid until the next tile is asked for. */
  readonly mean: Float64Array;
}

/** What is known once every tile was read. */
export interface SumSummary {
  /** SHA-256 of the whole sum, body then tail. */
  readonly resultHash: Uint8Array;
  /** L2 norm of the mean update. */
  readonly meanNorm: number;
}

/** A sum whose tail is open and in range. */
export interface OpenedSum extends TailSums {
  /**
   * The body, tile by tile. HansaError SumOutOfRange as soon as a word, and at the end where the norm, cannot be that of a sum of clipped updates:
   * nothing of it may be published before the generator has returned.
   */
  tiles(): Generator<SumTile, SumSummary, void>;
}

/**
 * Adds the survivors' vectors and subtracts their masks, tile by tile; the tail first, since the mean needs Σa.
 *
 * Memory: one tile and one cipher for each mask, whatever the number and length of the vectors. HansaError SumOutOfRange.
 */
export function openSum(config: EncodingConfig, plan: UnmaskPlan, read: VectorReader): OpenedSum {
  const survivors = plan.survivors.length;
  if (survivors === 0) throw new RangeError('A sum needs survivors');
  const tailWords = tailOf(config, plan, read);
  const sums = decodeTail(config, survivors, tailWords);
  return {
    ...sums,
    *tiles() {
      const scale = 2 ** config.scaleLog2;
      const divisor = (scale * sums.weightSum) / config.weightMax;
      // Each of the survivors rounds by at most half a step.
      const largest = Math.floor(divisor * config.clipNorm * (1 + 1e-9) + survivors / 2);
      const roundingNorm = (survivors * Math.sqrt(config.vectorLength)) / (2 * divisor);
      const hash = createHash('sha256');
      const folded = new Uint32Array(maskTileWords);
      const mean = new Float64Array(maskTileWords);
      const streams = plan.masks.map((term) => ({ stream: new MaskStream(term.key), sign: term.sign }));
      let squares = 0;
      for (let start = 0; start < config.vectorLength; start += maskTileWords) {
        const count = Math.min(maskTileWords, config.vectorLength - start);
        const words = folded.subarray(0, count);
        fold(words, start, plan.survivors, read);
        for (const { stream, sign } of streams) (sign === 1 ? subtractWords : addWords)(words, stream.next(count));
        const sum = new Int32Array(words.buffer, words.byteOffset, count);
        for (let index = 0; index < count; index++) {
          const value = sum[index]!;
          if (value > largest || value < -largest) throw outOfRange('the updates');
          const number = value / divisor;
          mean[index] = number;
          squares += number * number;
        }
        hash.update(new Uint8Array(words.buffer, words.byteOffset, words.byteLength));
        yield { start, sum, mean: mean.subarray(0, count) };
      }
      const meanNorm = Math.sqrt(squares);
      if (meanNorm > config.clipNorm * (1 + 1e-6) + roundingNorm) throw outOfRange('the updates');
      hash.update(new Uint8Array(tailWords.buffer, tailWords.byteOffset, tailWords.byteLength));
      return { resultHash: new Uint8Array(hash.digest()), meanNorm };
    },
  };
}

function tailOf(config: EncodingConfig, plan: UnmaskPlan, read: VectorReader): Uint32Array {
  // A mask stream starts at a block of four words: begin there and throw away what belongs to the body.
  const begin = config.vectorLength - (config.vectorLength % 4);
  const words = new Uint32Array(wordCountOf(config) - begin);
  fold(words, begin, plan.survivors, read);
  for (const term of plan.masks)
    (term.sign === 1 ? subtractWords : addWords)(words, new MaskStream(term.key, begin).next(words.length));
  return words.slice(config.vectorLength - begin);
}

function fold(words: Uint32Array, start: number, survivors: readonly number[], read: VectorReader): void {
  words.fill(0);
  for (const index of survivors) {
    const bytes = read(index, start * 4, words.byteLength);
    if (bytes.length !== words.byteLength)
      throw new RangeError('A reader gave another number of bytes than it was asked for');
    const aligned = bytes.byteOffset % 4 === 0 ? bytes : Uint8Array.from(bytes);
    addWords(words, new Uint32Array(aligned.buffer, aligned.byteOffset, words.length));
  }
}
