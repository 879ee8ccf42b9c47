import { createHash } from 'node:crypto';
import type { HansaError } from '@hansa/shared/errors';
import type { UpdatePart } from '@hansa/shared/protocol/secagg';
import { tileSizeBytes } from '../../kernels/index.ts';
import { type EncodingConfig, largestWordOf } from './fits.ts';
import { layoutOf } from './layout.ts';
import { placedParts } from './parts.ts';
import { rotateBack } from './rotation.ts';
import { decodeTail, outOfRange, type TailSums } from './tail.ts';

/** A piece of the mean update. */
export interface MeanTile {
  /** The first number's place in the flat vector. */
  readonly start: number;
  /** Σq / (S·Σa/W), with each part's own S and rotated back; valid until the next tile is asked for. */
  readonly mean: Float64Array;
}

/** What is known once every tile was read. */
export interface SumSummary {
  /** SHA-256 of the whole sum, body then tail. */
  readonly resultHash: Uint8Array;
}

/** A sum whose tail is open and in range. */
export interface OpenedSum extends TailSums {
  /**
   * The mean update, tile by tile: nothing of it may be published before the generator has returned.
   *
   * @throws HansaError SumOutOfRange (naming the part, as soon as a word, and at the part's end when the norm, cannot be that of a sum of clipped updates)
   */
  tiles(): Generator<MeanTile, SumSummary, void>;
}

/** A 16-bit sum's norm may be a little above the clip: the nodes' rotation rounds to f32. */
const rotationRounding = 1e-5;

/**
 * Reads a sum whose masks are gone (`FoldedSum`, `expandMasks`): the tail first, since the mean needs Σa.
 *
 * `survivors` is how many vectors were added; `rotationSeed` is the round's (only the 16-bit ring reads it). Memory beside the sum: one tile;
 * in the 16-bit ring d numbers of f32, since a rotation is of a whole part.
 *
 * @throws HansaError SumOutOfRange
 * @throws RangeError (for a sum of another length)
 */
export function openSum(
  config: EncodingConfig,
  survivors: number,
  sum: Uint8Array,
  rotationSeed: Uint8Array,
): OpenedSum {
  if (survivors < 1) throw new RangeError('A sum needs survivors');
  const layout = layoutOf(config);
  if (sum.length !== layout.sizeBytes)
    throw new RangeError(`The sum has ${sum.length} bytes instead of ${layout.sizeBytes}`);
  const tailWords = new Uint32Array(layout.tailLength);
  new Uint8Array(tailWords.buffer).set(sum.subarray(layout.bodySizeBytes));
  const sums = decodeTail(config, survivors, tailWords);
  return {
    ...sums,
    tiles: () => {
      const tiles = bodyTiles(config, survivors, sum, sums.weightSum);
      return config.wordBits === 16 ? turnedBack(tiles, config, rotationSeed) : tiles;
    },
  };
}

function* bodyTiles(
  config: EncodingConfig,
  survivors: number,
  sum: Uint8Array,
  weightSum: number,
): Generator<MeanTile, SumSummary, void> {
  const { wordSizeBytes } = layoutOf(config);
  const hash = createHash('sha256');
  const tileWords = tileSizeBytes / wordSizeBytes;
  const words = wordSizeBytes === 2 ? new Int16Array(tileWords) : new Int32Array(tileWords);
  const wordBytes = new Uint8Array(words.buffer);
  const mean = new Float64Array(tileWords);
  for (const part of placedParts(config.parts)) {
    const { divisor, largestWord, largestNorm } = sumBoundsOf(config, part, survivors, weightSum);
    let squares = 0;
    for (let start = part.start; start < part.end; start += tileWords) {
      const count = Math.min(tileWords, part.end - start);
      const from = start * wordSizeBytes;
      wordBytes.set(sum.subarray(from, from + count * wordSizeBytes));
      for (let index = 0; index < count; index++) {
        const value = words[index]!;
        if (value > largestWord || value < -largestWord) throw partOutOfRange(part);
        const number = value / divisor;
        mean[index] = number;
        squares += number * number;
      }
      hash.update(wordBytes.subarray(0, count * wordSizeBytes));
      yield { start, mean: mean.subarray(0, count) };
    }
    if (Math.sqrt(squares) > largestNorm) throw partOutOfRange(part);
  }
  hash.update(sum.slice(config.vectorLength * wordSizeBytes));
  return { resultHash: new Uint8Array(hash.digest()) };
}

/** What the words of a part of a sum are divided by, and what they and the mean's norm cannot go beyond. */
function sumBoundsOf(
  config: EncodingConfig,
  part: UpdatePart,
  survivors: number,
  weightSum: number,
): { divisor: number; largestWord: number; largestNorm: number } {
  const isShort = config.wordBits === 16;
  const divisor = (2 ** part.scaleLog2 * weightSum) / config.weightMax;
  // Each of the survivors rounds by at most half a step.
  const largestWord = isShort
    ? survivors * largestWordOf(config, part)
    : Math.floor(divisor * part.clipNorm * (1 + 1e-9) + survivors / 2);
  const roundingNorm = (survivors * Math.sqrt(part.length)) / (2 * divisor);
  const slack = isShort ? rotationRounding : 1e-6;
  return { divisor, largestWord, largestNorm: part.clipNorm * (1 + slack) + roundingNorm };
}

const partOutOfRange = ({ name }: UpdatePart): HansaError => outOfRange(`the updates' part "${name}"`);

function* turnedBack(
  tiles: Generator<MeanTile, SumSummary, void>,
  { vectorLength, parts }: EncodingConfig,
  seed: Uint8Array,
): Generator<MeanTile, SumSummary, void> {
  const values = new Float32Array(vectorLength);
  let next = tiles.next();
  for (; next.done !== true; next = tiles.next()) values.set(next.value.mean, next.value.start);
  rotateBack(values, seed, parts);
  const mean = new Float64Array(tileSizeBytes / 4);
  for (let start = 0; start < vectorLength; start += mean.length) {
    const count = Math.min(mean.length, vectorLength - start);
    mean.set(values.subarray(start, start + count));
    yield { start, mean: mean.subarray(0, count) };
  }
  return next.value;
}
