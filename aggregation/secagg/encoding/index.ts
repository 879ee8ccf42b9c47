/**
 * How numbers become words of a masked vector and a sum of words becomes a mean update again (SA-1, "Ring").
 *
 * Node: `maskedTiles` (and `quantisedTiles` for its own records). Coordinator: `openSum`. Both hold one tile of 64 KiB at a time.
 */
export { assertConfigFits, assertEncodingFits, byteLengthOf, type EncodingConfig, wordCountOf } from './fits.ts';
export {
  type Contribution,
  type MaskedVector,
  maskedTiles,
  quantisedTiles,
  type UpdateSource,
  updateOf,
} from './maskedTiles.ts';
export { type OpenedSum, openSum, type SumSummary, type SumTile, type VectorReader } from './openSum.ts';
export { decodeTail, encodeTail, type TailSums, type TailValues } from './tail.ts';
export { bucketWeight } from './weight.ts';
