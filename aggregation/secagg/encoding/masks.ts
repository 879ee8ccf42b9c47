import { MaskStream, maskBlockSizeBytes } from '@hansa/shared/crypto';
import { kernels, sumAt, termsAt, termTiles, tileSizeBytes } from '../../kernels/index.ts';
import type { MaskTerm } from '../masks.ts';
import { type LayoutConfig, layoutOf, type VectorLayout } from './layout.ts';
import { addTiles } from './tiles.ts';

/** Masks being expanded, all at the same place of their streams. */
export interface OpenMasks {
  /** Adds the next `sizeBytes` bytes of every mask, with its sign, to the kernels' tile of sums. */
  addNext(sizeBytes: number): void;
}

/** Opens masks at byte `start` of a vector, a multiple of 16. Memory: one cipher for each. */
export function openMasks(layout: VectorLayout, masks: readonly MaskTerm[], start = 0): OpenMasks {
  const signs = [1, -1] as const;
  const streams = signs.map((wanted) =>
    masks.filter(({ sign }) => sign === wanted).map(({ key }) => new MaskStream(key, start)),
  );
  const { memory } = kernels();
  let at = start;
  return {
    addNext(sizeBytes) {
      for (const [index, sign] of signs.entries()) {
        let waiting = 0;
        for (const stream of streams[index]!) {
          stream.next(sizeBytes, memory, termsAt + waiting * tileSizeBytes);
          waiting += 1;
          if (waiting === termTiles) {
            addTiles(layout, at, sizeBytes, sign, waiting);
            waiting = 0;
          }
        }
        if (waiting > 0) addTiles(layout, at, sizeBytes, sign, waiting);
      }
      at += sizeBytes;
    },
  };
}

/** The same masks with the other sign: adding them takes the first away. */
export const opposite = (masks: readonly MaskTerm[]): MaskTerm[] =>
  masks.map(({ key, sign }) => ({ key, sign: sign === 1 ? -1 : 1 }));

/** A part of a vector, in bytes: from `start` to just before `end`. `start` is a multiple of {@link maskBlockSizeBytes}, `end` too or the vector's. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Adds every mask, with its sign, to a vector in place: to a node's mask sum that is zero at first, or ({@link opposite}) to a coordinator's sum.
 *
 * With `range`, only to that part of it: what several threads do at once, or one does between other work. Memory: a cipher for each mask beside
 * the vector. RangeError where vector, configuration and range do not fit.
 */
export function addMasks(
  config: LayoutConfig,
  masks: readonly MaskTerm[],
  vector: Uint8Array,
  range: ByteRange = { start: 0, end: vector.length },
): void {
  const layout = layoutOf(config);
  if (vector.length !== layout.sizeBytes)
    throw new RangeError(`The vector has ${vector.length} bytes instead of ${layout.sizeBytes}`);
  const { start, end } = range;
  if (
    !(start >= 0 && start <= end && end <= vector.length) ||
    (end % maskBlockSizeBytes !== 0 && end !== vector.length)
  )
    throw new RangeError(`Bytes ${start} to ${end} are no part of a vector of ${vector.length}`);
  const { memory } = kernels();
  const open = openMasks(layout, masks, start);
  for (let at = start; at < end; at += tileSizeBytes) {
    const sizeBytes = Math.min(tileSizeBytes, end - at);
    memory.set(vector.subarray(at, at + sizeBytes), sumAt);
    open.addNext(sizeBytes);
    vector.set(memory.subarray(sumAt, sumAt + sizeBytes), at);
  }
}

/**
 * Σ ± G(K): all masks of one vector as one, which a node can have ready before its update is (see `maskedTiles`). Over shared memory, so that
 * threads can make it together. It is as secret as the keys and good for one vector: overwrite it once used.
 */
export const emptyMaskSum = (config: LayoutConfig): Uint8Array<SharedArrayBuffer> =>
  new Uint8Array(new SharedArrayBuffer(layoutOf(config).sizeBytes));
