/**
 * How numbers become words of a masked vector and a sum of words becomes a mean update again (SA-1, "Ring").
 *
 * Node: `maskedTiles` (and `quantisedTiles` for its own records), from masks that are expanded on the way or were before (`expandMasks`).
 * Coordinator: `FoldedSum` while vectors arrive, its masks subtracted (`expandMasks`), `openSum`. Each holds one vector at most.
 */
export { assertConfigFits, assertEncodingFits, type ClippedPart, type EncodingConfig } from './fits.ts';
export { FoldedSum } from './foldedSum.ts';
export { byteLengthOf, type LayoutConfig, layoutOf, type VectorLayout } from './layout.ts';
export {
  type Contribution,
  type MaskedVector,
  maskedTiles,
  quantisedTiles,
  type UpdateSource,
  updateOf,
} from './maskedTiles.ts';
export { type ByteRange, expandMasks } from './masks.ts';
export { type MeanTile, type OpenedSum, openSum, type SumSummary } from './openSum.ts';
export { scaledParts } from './parts.ts';
export { rotationSeed } from './rotation.ts';
export { decodeTail, encodeTail, type TailSums, type TailValues } from './tail.ts';
export { weightOf } from './weight.ts';
