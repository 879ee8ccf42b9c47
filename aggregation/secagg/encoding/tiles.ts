import { kernels, sumAt, termsAt } from '../../kernels/index.ts';
import type { VectorLayout } from './layout.ts';

/**
 * Adds the kernels' first `tiles` tiles of terms to their tile of sums (`sign` −1: subtracts them), as the `sizeBytes` bytes of a vector from byte
 * `start` on: body words in the body's ring, tail words modulo 2^32. Both are multiples of 4.
 */
export function addTiles(layout: VectorLayout, start: number, sizeBytes: number, sign: 1 | -1, tiles: number): void {
  const one = kernels();
  const bodyBytes = Math.min(Math.max(layout.bodySizeBytes - start, 0), sizeBytes);
  const tailWords = (sizeBytes - bodyBytes) / 4;
  if (layout.wordSizeBytes === 2) {
    if (sign === 1) one.addWords16(sumAt, termsAt, bodyBytes / 2, tiles);
    else one.subtractWords16(sumAt, termsAt, bodyBytes / 2, tiles);
  } else {
    if (sign === 1) one.addWords32(sumAt, termsAt, bodyBytes / 4, tiles);
    else one.subtractWords32(sumAt, termsAt, bodyBytes / 4, tiles);
  }
  if (tailWords === 0) return;
  if (sign === 1) one.addWords32(sumAt + bodyBytes, termsAt + bodyBytes, tailWords, tiles);
  else one.subtractWords32(sumAt + bodyBytes, termsAt + bodyBytes, tailWords, tiles);
}
