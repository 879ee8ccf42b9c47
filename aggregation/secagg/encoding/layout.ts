import type { SecAggConfig } from '@hansa/shared/protocol/secagg';

/** What the places of a vector's words depend on. */
export type LayoutConfig = Pick<SecAggConfig, 'vectorLength' | 'wordBits' | 'tail'>;

/** Where the words of a masked vector, a mask and a sum stand: body, filler, tail, little-endian, from one stream of bytes. */
export interface VectorLayout {
  /** Bytes of a body word: 2 or 4. */
  readonly wordSizeBytes: 2 | 4;
  /** Bytes before the tail: the body, and one zero word where an odd number of 16-bit words would leave the tail askew. A multiple of 4. */
  readonly bodySizeBytes: number;
  /** Words of the tail, weight included: 4 bytes each. */
  readonly tailLength: number;
  readonly sizeBytes: number;
}

export function layoutOf({ vectorLength, wordBits, tail }: LayoutConfig): VectorLayout {
  const wordSizeBytes = wordBits === 16 ? 2 : 4;
  const bodySizeBytes = 4 * Math.ceil((vectorLength * wordSizeBytes) / 4);
  const tailLength = 1 + tail.length;
  return { wordSizeBytes, bodySizeBytes, tailLength, sizeBytes: bodySizeBytes + 4 * tailLength };
}

/** Bytes of a masked vector. */
export const byteLengthOf = (config: LayoutConfig): number => layoutOf(config).sizeBytes;
