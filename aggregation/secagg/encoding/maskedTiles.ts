import { createHash } from 'node:crypto';
import { MaskStream, maskTileWords } from '@hansa/shared/crypto';
import { HansaError } from '@hansa/shared/errors';
import { addWords, quantiseInto, subtractWords } from '@hansa/shared/numeric';
import type { MaskPlan, MaskTerm } from '../masks.ts';
import { type EncodingConfig, largestWordOf, wordCountOf } from './fits.ts';
import { encodeTail, type TailValues } from './tail.ts';

/** Where an update's numbers are read from: an array, or a file read piece by piece. */
export interface UpdateSource {
  readonly length: number;
  /** `count` numbers from `start`; the array may be reused by the next call. */
  read(start: number, count: number): Float32Array;
}

/** One node's contribution to a round. */
export interface Contribution {
  readonly config: EncodingConfig;
  /** local − base, `config.vectorLength` numbers in the manifest's order. */
  readonly update: UpdateSource;
  /** a: 1..W. */
  readonly weight: number;
  readonly tail: TailValues;
}

/** What came of masking. */
export interface MaskedVector {
  readonly byteLength: number;
  /** SHA-256 of all bytes. */
  readonly vectorHash: Uint8Array;
  /** The update's L2 norm before it was clipped. */
  readonly norm: number;
}

/** An update that is in memory. */
export const updateOf = (values: Float32Array): UpdateSource => ({
  length: values.length,
  read: (start, count) => values.subarray(start, start + count),
});

/**
 * y = Q(x) + G(K_self) ± G(K_pair)…: the masked vector in tiles of at most 64 KiB, little-endian; the last call returns length and hash.
 *
 * A tile is valid until the next is asked for. Memory: one tile and one cipher for each mask, whatever the vector's length; the update is read
 * twice (its norm first). HansaError TrainingFailed where the update is not finite, before the first tile; RangeError where it has another length.
 */
export function* maskedTiles(contribution: Contribution, plan: MaskPlan): Generator<Uint8Array, MaskedVector, void> {
  return yield* tiles(contribution, [plan.self, ...plan.pairs]);
}

/** Q(x), exactly what {@link maskedTiles} masks: for a node that keeps its own quantised update. It must never leave the node. */
export function* quantisedTiles(contribution: Contribution): Generator<Uint8Array, MaskedVector, void> {
  return yield* tiles(contribution, []);
}

function* tiles(
  { config, update, weight, tail }: Contribution,
  terms: readonly MaskTerm[],
): Generator<Uint8Array, MaskedVector, void> {
  if (update.length !== config.vectorLength)
    throw new RangeError(`The update has ${update.length} numbers, the task ${config.vectorLength}`);
  const tailWords = encodeTail(config, weight, tail);
  const norm = normOf(update);
  // Clip first, then scale: the other way round small members would have full influence.
  const clipFactor = norm > config.clipNorm ? config.clipNorm / norm : 1;
  const factor = 2 ** config.scaleLog2 * (weight / config.weightMax) * clipFactor;
  const limit = largestWordOf(config);
  const streams = terms.map((term) => ({ stream: new MaskStream(term.key), sign: term.sign }));
  const hash = createHash('sha256');
  const wordCount = wordCountOf(config);
  const tile = new Uint32Array(maskTileWords);
  for (let start = 0; start < wordCount; start += maskTileWords) {
    const words = tile.subarray(0, Math.min(maskTileWords, wordCount - start));
    const bodyWords = Math.max(0, Math.min(words.length, config.vectorLength - start));
    if (bodyWords > 0) {
      const signed = new Int32Array(words.buffer, words.byteOffset, bodyWords);
      if (!quantiseInto(signed, update.read(start, bodyWords), factor, limit)) throw notFinite();
    }
    const tailStart = start + bodyWords - config.vectorLength;
    for (let word = bodyWords; word < words.length; word++) words[word] = tailWords[tailStart + word - bodyWords]!;
    for (const { stream, sign } of streams) (sign === 1 ? addWords : subtractWords)(words, stream.next(words.length));
    const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
    hash.update(bytes);
    yield bytes;
  }
  return { byteLength: 4 * wordCount, vectorHash: new Uint8Array(hash.digest()), norm };
}

function normOf(update: UpdateSource): number {
  let squares = 0;
  for (let start = 0; start < update.length; start += maskTileWords) {
    const values = update.read(start, Math.min(maskTileWords, update.length - start));
    for (let index = 0; index < values.length; index++) squares += values[index]! * values[index]!;
  }
  if (!Number.isFinite(squares)) throw notFinite();
  return Math.sqrt(squares);
}

const notFinite = (): HansaError =>
  new HansaError(
    'TrainingFailed',
    'The update holds a number that is not finite: training diverged. Nothing is sent; lower the learning rate.',
  );
