import type { LayoutConfig } from '../encoding/layout.ts';
import type { ByteRange } from '../encoding/masks.ts';

export const KEY_SIZE_BYTES = 32;

/** One range of a vector's masks for a thread to expand; it answers once they are there. */
export interface MaskWork {
  readonly config: LayoutConfig;
  /** The thread's own copy of all keys, one after the other; it overwrites them when it is done. */
  readonly keys: Uint8Array<ArrayBuffer>;
  readonly signs: readonly (1 | -1)[];
  readonly range: ByteRange;
  /** Where the range's bytes go, from its first byte on. */
  readonly into: SharedArrayBuffer;
}
