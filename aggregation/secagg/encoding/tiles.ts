import { type Kernels, termsAt } from '../../kernels/index.ts';
import type { VectorLayout } from './layout.ts';

/** A stretch of a vector, in bytes. */
export interface VectorStretch {
  /** Its place in the vector, a multiple of 4. */
  readonly start: number;
  /** A multiple of 4; one tile at most. */
  readonly sizeBytes: number;
}

/**
 * Adds the kernels' first `tiles` tiles of terms (`sign` −1: subtracts them) to the stretch of a vector that lies at `at` in their memory: body words
 * in the body's ring, tail words modulo 2^32.
 */
export function addTiles(
  kernels: Kernels,
  layout: VectorLayout,
  { start, sizeBytes }: VectorStretch,
  at: number,
  sign: 1 | -1,
  tiles: number,
): void {
  const { addWords16, subtractWords16, addWords32, subtractWords32 } = kernels;
  const [addShort, addLong] = sign === 1 ? [addWords16, addWords32] : [subtractWords16, subtractWords32];
  const bodyBytes = Math.min(Math.max(layout.bodySizeBytes - start, 0), sizeBytes);
  if (layout.wordSizeBytes === 2) addShort(at, termsAt, bodyBytes / 2, tiles);
  else addLong(at, termsAt, bodyBytes / 4, tiles);
  if (bodyBytes < sizeBytes) addLong(at + bodyBytes, termsAt + bodyBytes, (sizeBytes - bodyBytes) / 4, tiles);
}
