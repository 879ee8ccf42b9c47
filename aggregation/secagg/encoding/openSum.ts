import { createHash } from 'node:crypto';
import { tileSizeBytes } from '../../kernels/index.ts';
import { type EncodingConfig, largestWordOf } from './fits.ts';
import { layoutOf } from './layout.ts';
import { rotateBack } from './rotation.ts';
import { decodeTail, outOfRange, type TailSums } from './tail.ts';

/** A piece of the mean update. */
export interface MeanTile {
  /** The first number's place in the flat vector. */
  readonly start: number;
  /** Σq / (S·Σa/W), rotated back; valid until the next tile is asked for. */
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
   * The mean update, tile by tile: nothing of it may be published before the generator has returned.
   *
   * @throws HansaError SumOutOfRange (as soon as a word, and at the end when the norm, cannot be that of a sum of clipped updates)
   */
  tiles(): Generator<MeanTile, SumSummary, void>;
}

/** A 16-bit sum's norm may be a little above the clip: the nodes' rotation rounds to f32. */
const rotationRounding = 1e-5;

/**
 * Reads a sum whose masks are gone (`FoldedSum`, `expandMasks`): the tail first, since the mean needs Σa.
 *
 * `survivors` is how many vectors were added; `rotationSeed` is the round's (only the 16-bit ring reads it). Memory beside the sum: one tile;
 * in the 16-bit ring d numbers of f32, since the rotation is of the whole vector.
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
      return config.wordBits === 16 ? turnedBack(tiles, config.vectorLength, rotationSeed) : tiles;
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
  const divisor = (2 ** config.scaleLog2 * weightSum) / config.weightMax;
  // Each of the survivors rounds by at most half a step.
  const largest =
    wordSizeBytes === 2
      ? survivors * largestWordOf(config)
      : Math.floor(divisor * config.clipNorm * (1 + 1e-9) + survivors / 2);
  const roundingNorm = (survivors * Math.sqrt(config.vectorLength)) / (2 * divisor);
  const slack = wordSizeBytes === 2 ? rotationRounding : 1e-6;
  const hash = createHash('sha256');
  const tileWords = tileSizeBytes / wordSizeBytes;
  const words = wordSizeBytes === 2 ? new Int16Array(tileWords) : new Int32Array(tileWords);
  const wordBytes = new Uint8Array(words.buffer);
  const mean = new Float64Array(tileWords);
  let squares = 0;
  for (let start = 0; start < config.vectorLength; start += tileWords) {
    const count = Math.min(tileWords, config.vectorLength - start);
    const from = start * wordSizeBytes;
    wordBytes.set(sum.subarray(from, from + count * wordSizeBytes));
    for (let index = 0; index < count; index++) {
      const value = words[index]!;
      if (value > largest || value < -largest) throw outOfRange('the updates');
      const number = value / divisor;
      mean[index] = number;
      squares += number * number;
    }
    hash.update(wordBytes.subarray(0, count * wordSizeBytes));
    yield { start, mean: mean.subarray(0, count) };
  }
  const meanNorm = Math.sqrt(squares);
  if (meanNorm > config.clipNorm * (1 + slack) + roundingNorm) throw outOfRange('the updates');
  hash.update(sum.slice(config.vectorLength * wordSizeBytes));
  return { resultHash: new Uint8Array(hash.digest()), meanNorm };
}

function* turnedBack(
  tiles: Generator<MeanTile, SumSummary, void>,
  vectorLength: number,
  seed: Uint8Array,
): Generator<MeanTile, SumSummary, void> {
  const values = new Float32Array(vectorLength);
  let next = tiles.next();
  for (; next.done !== true; next = tiles.next()) values.set(next.value.mean, next.value.start);
  rotateBack(values, seed);
  const mean = new Float64Array(tileSizeBytes / 4);
  for (let start = 0; start < vectorLength; start += mean.length) {
    const count = Math.min(mean.length, vectorLength - start);
    mean.set(values.subarray(start, start + count));
    yield { start, mean: mean.subarray(0, count) };
  }
  return next.value;
}
