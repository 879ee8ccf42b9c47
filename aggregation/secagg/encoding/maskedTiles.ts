import { createHash } from 'node:crypto';
import { HansaError } from '@hansa/shared/errors';
import type { UpdatePart } from '@hansa/shared/protocol/secagg';
import { blockValues, kernels, sumAt, termsAt, tileSizeBytes, valuesAt } from '../../kernels/index.ts';
import type { MaskPlan } from '../masks.ts';
import { type EncodingConfig, largestWordOf } from './fits.ts';
import { layoutOf, type VectorLayout } from './layout.ts';
import { type OpenMasks, openMasks } from './masks.ts';
import { type PlacedPart, placedParts } from './parts.ts';
import { rotate } from './rotation.ts';
import { encodeTail, type TailValues } from './tail.ts';
import { addTiles } from './tiles.ts';

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
  /** 32 bytes, the round's `rotationSeed`; only the 16-bit ring reads it. */
  readonly rotationSeed: Uint8Array;
}

/** What came of masking. */
export interface MaskedVector {
  readonly byteLength: number;
  /** SHA-256 of all bytes. */
  readonly vectorHash: Uint8Array;
}

/** An update that is in memory. */
export const updateOf = (values: Float32Array): UpdateSource => ({
  length: values.length,
  read: (start, count) => values.subarray(start, start + count),
});

/**
 * y = Q(x) + G(K_self) ± G(K_pair)…: the masked vector in tiles of at most 64 KiB, little-endian; the last call returns length and hash.
 *
 * `masks` is the plan, whose masks are expanded tile by tile, or their sum made beforehand (`expandMasks`). A tile is valid until
 * the next is asked for. Memory: one tile and one cipher for each mask, whatever the vector's length; in the 16-bit ring also the update itself. The
 * update is read twice (its norm first).
 *
 * @throws HansaError TrainingFailed (when the update is not finite; before the first tile)
 * @throws RangeError (when the update or the mask sum has another length)
 */
export function* maskedTiles(
  contribution: Contribution,
  masks: MaskPlan | Uint8Array,
): Generator<Uint8Array, MaskedVector, void> {
  const layout = layoutOf(contribution.config);
  const open =
    masks instanceof Uint8Array ? madeBeforehand(layout, masks) : openMasks(layout, [masks.self, ...masks.pairs]);
  return yield* tiles(contribution, layout, open);
}

/** Q(x), exactly what {@link maskedTiles} masks: for a node that keeps its own quantised update. It must never leave the node. */
export function* quantisedTiles(contribution: Contribution): Generator<Uint8Array, MaskedVector, void> {
  return yield* tiles(contribution, layoutOf(contribution.config), { addNext: () => undefined });
}

function madeBeforehand(layout: VectorLayout, maskSum: Uint8Array): OpenMasks {
  if (maskSum.length !== layout.sizeBytes)
    throw new RangeError(`The mask sum has ${maskSum.length} bytes instead of ${layout.sizeBytes}`);
  const one = kernels();
  let at = 0;
  return {
    addNext(sizeBytes) {
      one.memory.set(maskSum.subarray(at, at + sizeBytes), termsAt);
      addTiles(one, layout, { start: at, sizeBytes }, sumAt, 1, 1);
      at += sizeBytes;
    },
  };
}

function* tiles(
  { config, update, weight, tail, rotationSeed }: Contribution,
  layout: VectorLayout,
  masks: OpenMasks,
): Generator<Uint8Array, MaskedVector, void> {
  if (update.length !== config.vectorLength)
    throw new RangeError(`The update has ${update.length} numbers, the task ${config.vectorLength}`);
  const tailBytes = new Uint8Array(encodeTail(config, weight, tail).buffer);
  const parts = placedParts(config.parts).map((part): QuantisedPart => {
    const norm = normOf(update, part);
    // Clip first, then scale: the other way round small members would have full influence.
    const clipFactor = norm > part.clipNorm ? part.clipNorm / norm : 1;
    const factor = 2 ** part.scaleLog2 * (weight / config.weightMax) * clipFactor;
    return { ...part, factor, largestWord: largestWordOf(config, part) };
  });
  const source = config.wordBits === 16 ? rotated(update, config.parts, rotationSeed) : update;
  const hash = createHash('sha256');
  const tile = new Uint8Array(tileSizeBytes);
  for (let start = 0; start < layout.sizeBytes; start += tileSizeBytes) {
    const sizeBytes = Math.min(tileSizeBytes, layout.sizeBytes - start);
    const bodyBytes = Math.min(Math.max(layout.bodySizeBytes - start, 0), sizeBytes);
    // Nothing else runs between here and the copy below: the kernels' memory is the thread's.
    if (bodyBytes > 0) quantise(source, parts, layout.wordSizeBytes, start / layout.wordSizeBytes, bodyBytes);
    const { memory } = kernels();
    const tailStart = start + bodyBytes - layout.bodySizeBytes;
    memory.set(tailBytes.subarray(tailStart, tailStart + sizeBytes - bodyBytes), sumAt + bodyBytes);
    masks.addNext(sizeBytes);
    const bytes = tile.subarray(0, sizeBytes);
    bytes.set(memory.subarray(sumAt, sumAt + sizeBytes));
    hash.update(bytes);
    yield bytes;
  }
  return { byteLength: layout.sizeBytes, vectorHash: new Uint8Array(hash.digest()) };
}

/** A part and how one node's numbers of it become words. */
interface QuantisedPart extends PlacedPart {
  /** Steps for one unit of the node's unclipped update. */
  readonly factor: number;
  readonly largestWord: number;
}

/** Puts `sizeBytes` bytes of body words from word `start` on into the kernels' tile of sums; beyond the update's end they are zero. */
function quantise(
  source: UpdateSource,
  parts: readonly QuantisedPart[],
  wordSizeBytes: 2 | 4,
  start: number,
  sizeBytes: number,
): void {
  const one = kernels();
  const end = Math.min(start + sizeBytes / wordSizeBytes, source.length);
  new Float32Array(one.memory.buffer, valuesAt, end - start).set(source.read(start, end - start));
  const call = wordSizeBytes === 2 ? one.quantise16 : one.quantise32;
  for (const part of parts) {
    const from = Math.max(part.start, start) - start;
    const count = Math.min(part.end, end) - start - from;
    if (count <= 0) continue;
    const areFinite = call(
      sumAt + wordSizeBytes * from,
      valuesAt + Float32Array.BYTES_PER_ELEMENT * from,
      count,
      part.factor,
      part.largestWord,
    );
    if (areFinite === 0) throw notFinite();
  }
  one.memory.fill(0, sumAt + wordSizeBytes * (end - start), sumAt + sizeBytes);
}

function rotated(update: UpdateSource, parts: readonly UpdatePart[], seed: Uint8Array): UpdateSource {
  const values = new Float32Array(update.length);
  for (let start = 0; start < update.length; start += blockValues)
    values.set(update.read(start, Math.min(blockValues, update.length - start)), start);
  rotate(values, seed, parts);
  return updateOf(values);
}

function normOf(update: UpdateSource, part: PlacedPart): number {
  const one = kernels();
  const held = new Float32Array(one.memory.buffer, valuesAt, blockValues);
  let squares = 0;
  for (let start = part.start; start < part.end; start += blockValues) {
    const values = update.read(start, Math.min(blockValues, part.end - start));
    held.set(values);
    squares += one.sumOfSquares(valuesAt, values.length);
  }
  if (!Number.isFinite(squares)) throw notFinite();
  return Math.sqrt(squares);
}

const notFinite = (): HansaError =>
  new HansaError(
    'TrainingFailed',
    'The update holds a number that is not finite: training diverged. Nothing is sent; lower the learning rate.',
  );
