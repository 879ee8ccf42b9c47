import { type Cipher, createCipheriv } from 'node:crypto';
import { endianness } from 'node:os';
import { giveBack } from '../memory/index.ts';
import { requireLength } from './checkedBytes.ts';
import type { SecretBytes } from './secretBytes.ts';

if (endianness() !== 'LE') throw new Error('Hansa computes on little-endian machines only');

/** Bytes that one call of {@link MaskStream.next} may ask for: 64 KiB, the size at which node:crypto's AES is fastest. */
export const maskTileSizeBytes = 65_536;

/** A stream may start at any multiple of this: one block of AES. */
export const maskBlockSizeBytes = 16;

// Half a page away from where an allocator puts its buffers: AES between two buffers at nearly the same offset within their pages takes more than
// twice the time (loads wait for stores whose addresses agree in the last 12 bits).
const zeros = new Uint8Array(maskTileSizeBytes + 2048).subarray(2048);

/**
 * G(key): the bytes of AES-256-CTR with IV 0, read a tile at a time, once from front to back.
 *
 * node:crypto cannot write into a buffer of the caller: it allocates one for each tile, which is copied and freed at once.
 * Source: SA-1, M3; NIST SP 800-38A, section 6.5.
 */
export class MaskStream {
  readonly #cipher: Cipher;

  /** @throws RangeError (unless the key has 32 bytes and `start`, a byte offset, is a multiple of {@link maskBlockSizeBytes}) */
  constructor(key: SecretBytes, start = 0) {
    requireLength(key.expose(), 32, 'key');
    if (!Number.isSafeInteger(start) || start < 0 || start % maskBlockSizeBytes !== 0)
      throw new RangeError(`A mask stream starts at a multiple of ${maskBlockSizeBytes} bytes`);
    const counter = Buffer.alloc(maskBlockSizeBytes);
    counter.writeBigUInt64BE(BigInt(start / maskBlockSizeBytes), 8);
    this.#cipher = createCipheriv('aes-256-ctr', key.expose(), counter);
  }

  /** Writes the next `sizeBytes` bytes, 1..{@link maskTileSizeBytes}, into `target` from its byte `at` on. @throws RangeError (when they do not fit) */
  next(sizeBytes: number, target: Uint8Array, at: number): void {
    if (!Number.isInteger(sizeBytes) || sizeBytes < 1 || sizeBytes > maskTileSizeBytes)
      throw new RangeError(`A tile has 1..${maskTileSizeBytes} bytes, not ${sizeBytes}`);
    const tile = this.#cipher.update(sizeBytes === maskTileSizeBytes ? zeros : zeros.subarray(0, sizeBytes));
    target.set(tile, at);
    // AES is a third faster on a few buffers that stay in the processor's cache.
    giveBack(tile);
  }
}
