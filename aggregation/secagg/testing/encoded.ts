import type { SecAggConfig } from '@hansa/shared/protocol/secagg';
import { seededRandom } from '@hansa/shared/random';
import { type Contribution, quantisedTiles, updateOf } from '../encoding/maskedTiles.ts';
import { type OpenedSum, openSum, type SumSummary } from '../encoding/openSum.ts';
import type { UnmaskPlan } from '../masks.ts';
import { collect, unmaskedSum } from './vectors.ts';

const rotationSeed = seededRandom('golden').bytes(32);

/** What one node puts into a sum: an update with the largest weight, unless another is given, and a loss of 1. */
export const contributionOf = (
  config: SecAggConfig,
  update: Float32Array,
  weight = config.weightMax,
): Contribution => ({ config, update: updateOf(update), weight, tail: { loss: 1 }, rotationSeed });

/** A node's vector without masks. */
export const vectorOf = (config: SecAggConfig, update: Float32Array, weight?: number): Uint8Array =>
  collect(quantisedTiles(contributionOf(config, update, weight))).bytes;

/** The sum of vectors, opened; `masks` are those that still are in it. */
export function openVectors(
  config: SecAggConfig,
  vectors: readonly Uint8Array[],
  masks: UnmaskPlan['masks'] = [],
): OpenedSum {
  const survivors = vectors.map((_, index) => index);
  const sum = unmaskedSum(config, { survivors, masks }, (index) => vectors[index]!);
  return openSum(config, vectors.length, sum, rotationSeed);
}

/** The mean update of vectors. */
export const meanOf = (config: SecAggConfig, vectors: readonly Uint8Array[]): Float64Array =>
  readMean(config, openVectors(config, vectors)).mean;

/** All tiles of an opened sum's mean in one piece, and what is known at their end. */
export function readMean(
  { vectorLength }: SecAggConfig,
  opened: OpenedSum,
): { mean: Float64Array; summary: SumSummary } {
  const mean = new Float64Array(vectorLength);
  const tiles = opened.tiles();
  let place = 0;
  for (;;) {
    const next = tiles.next();
    const start = next.done ? vectorLength : next.value.start;
    if (start !== place) throw new RangeError(`the tile at ${place} begins at ${start}`);
    if (next.done) return { mean, summary: next.value };
    mean.set(next.value.mean, start);
    place += next.value.mean.length;
  }
}
