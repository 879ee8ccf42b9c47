import { type Cipher, createCipheriv } from 'node:crypto';
import { endianness } from 'node:os';
import { requireLength } from './checkedBytes.ts';
import type { SecretBytes } from './secretBytes.ts';

if (endianness() !== 'LE') throw new Error('Hansa computes on little-endian machines only');

/** Words that one call of {@link MaskStream.next} may ask for: 64 KiB, the size at which node:crypto's AES is fastest. */
export const maskTileWords = 16_384;

const zeros = new Uint8Array(maskTileWords * 4);

/**
 * G(key): the words of AES-256-CTR with IV 0, little-endian, read a tile at a time.
 *
 * A stream is read once from front to back; it may start at any multiple of four words. Source: SA-1, M3; NIST SP 800-38A, section 6.5.
 */
export class MaskStream {
  readonly #cipher: Cipher;

  constructor(key: SecretBytes, startWord = 0) {
    requireLength(key.expose(), 32, 'key');
    if (!Number.isSafeInteger(startWord) || startWord < 0 || startWord % 4 !== 0)
      throw new RangeError('A mask stream starts at a multiple of four words');
    const counter = Buffer.alloc(16);
    counter.writeBigUInt64BE(BigInt(startWord / 4), 8);
    this.#cipher = createCipheriv('aes-256-ctr', key.expose(), counter);
  }

  /** The next `count` words, 1..{@link maskTileWords}. */
  next(count: number): Uint32Array {
    if (!Number.isInteger(count) || count < 1 || count > maskTileWords)
      throw new RangeError(`A tile has 1..${maskTileWords} words, not ${count}`);
    const bytes = this.#cipher.update(zeros.subarray(0, count * 4));
    // Small results come from Node's shared pool and need not be aligned.
    return bytes.byteOffset % 4 === 0
      ? new Uint32Array(bytes.buffer, bytes.byteOffset, count)
      : new Uint32Array(Uint8Array.from(bytes).buffer);
  }
}
