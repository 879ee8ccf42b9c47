import { MaskStream, maskBlockSizeBytes } from '@hansa/shared/crypto/masks';
import { kernels, sumAt, termsAt, termTiles, tileSizeBytes } from '../../kernels/index.ts';
import type { MaskTerm } from '../masks.ts';
import { type LayoutConfig, layoutOf, type VectorLayout } from './layout.ts';
import { addTiles } from './tiles.ts';

/** Masks that are expanded side by side: the ciphers of many more push each other and the tiles out of the processor's cache. */
const masksAtOnce = 32;

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
  const one = kernels();
  let at = start;
  return {
    addNext(sizeBytes) {
      for (const [index, sign] of signs.entries()) {
        let waiting = 0;
        for (const stream of streams[index]!) {
          stream.next(sizeBytes, one.memory, termsAt + waiting * tileSizeBytes);
          waiting += 1;
          if (waiting === termTiles) {
            addTiles(one, layout, { start: at, sizeBytes }, sumAt, sign, waiting);
            waiting = 0;
          }
        }
        if (waiting > 0) addTiles(one, layout, { start: at, sizeBytes }, sumAt, sign, waiting);
      }
      at += sizeBytes;
    },
  };
}

/** A part of a vector, in bytes from `start` to just before `end`; both are multiples of {@link maskBlockSizeBytes}, or `end` is the vector's. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Σ ± G(K): all masks of a vector as one, or with `range` that part of it; written over what is in `sum`, where it is given.
 *
 * A node can make it before its update is there (see `maskedTiles`), a coordinator subtracts it from its sum (`FoldedSum.subtract`); ranges can be
 * made by several threads at once, or by one between other work. What it gives is as secret as the keys: good for one vector, overwritten once used. Memory:
 * the range and some ciphers.
 *
 * @throws RangeError (when configuration and range do not fit)
 */
export function expandMasks(
  config: LayoutConfig,
  masks: readonly MaskTerm[],
  range: ByteRange = { start: 0, end: layoutOf(config).sizeBytes },
  sum: Uint8Array = new Uint8Array(range.end - range.start),
): Uint8Array {
  const layout = layoutOf(config);
  const { start, end } = range;
  if (
    !(start >= 0 && start <= end && end <= layout.sizeBytes && sum.length === end - start) ||
    (end % maskBlockSizeBytes !== 0 && end !== layout.sizeBytes)
  )
    throw new RangeError(`Bytes ${start} to ${end} are no part of a vector of ${layout.sizeBytes}`);
  const { memory } = kernels();
  if (masks.length === 0) sum.fill(0);
  for (let first = 0; first < masks.length; first += masksAtOnce) {
    const open = openMasks(layout, masks.slice(first, first + masksAtOnce), start);
    for (let at = 0; at < sum.length; at += tileSizeBytes) {
      const sizeBytes = Math.min(tileSizeBytes, sum.length - at);
      if (first === 0) memory.fill(0, sumAt, sumAt + sizeBytes);
      else memory.set(sum.subarray(at, at + sizeBytes), sumAt);
      open.addNext(sizeBytes);
      sum.set(memory.subarray(sumAt, sumAt + sizeBytes), at);
    }
  }
  return sum;
}
