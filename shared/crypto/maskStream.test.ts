import { createCipheriv } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { MaskStream, maskTileSizeBytes } from './maskStream.ts';
import { SecretBytes } from './secretBytes.ts';

const keyBytes = Uint8Array.from({ length: 32 }, (_, at) => at);
const key = () => new SecretBytes(Uint8Array.from(keyBytes));
const whole = createCipheriv('aes-256-ctr', keyBytes, Buffer.alloc(16)).update(Buffer.alloc(200_000));

describe('MaskStream', () => {
  it('gives the AES-256-CTR stream in pieces of any sizes', () => {
    const stream = new MaskStream(key());
    const sizes = [1, 3, 4, 5, 1000, maskTileSizeBytes, maskTileSizeBytes, 9, 16_210];
    const got = Buffer.alloc(sizes.reduce((sum, size) => sum + size));
    let at = 0;
    for (const size of sizes) {
      stream.next(size, got, at);
      at += size;
    }
    expect(got.equals(whole.subarray(0, got.length))).toBe(true);
  });

  it('starts in the middle', () => {
    const got = Buffer.alloc(100);
    new MaskStream(key(), 160_000).next(100, got, 0);
    expect(got).toEqual(whole.subarray(160_000, 160_100));
  });

  it('leaves no tiles behind for the garbage collector, and touches no other buffer', () => {
    const beside = Array.from({ length: 100 }, () => Buffer.from('a small buffer of the pool'));
    const target = new Uint8Array(maskTileSizeBytes);
    const stream = new MaskStream(key());
    const before = process.memoryUsage().arrayBuffers;
    for (let tile = 0; tile < 100; tile++) stream.next(maskTileSizeBytes, target, 0);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10 * maskTileSizeBytes);
    for (let size = 1; size < 200; size++) stream.next(size, target, 0);
    for (const buffer of beside) expect(buffer.toString()).toBe('a small buffer of the pool');
  });

  it('refuses wrong keys, starts and sizes', () => {
    expect(() => new MaskStream(new SecretBytes(new Uint8Array(16)))).toThrow(RangeError);
    for (const start of [-16, 8, 1.5]) expect(() => new MaskStream(key(), start)).toThrow(RangeError);
    expect(() => new MaskStream(key()).next(0, new Uint8Array(1), 0)).toThrow(RangeError);
    expect(() => new MaskStream(key()).next(maskTileSizeBytes + 1, new Uint8Array(2 ** 17), 0)).toThrow(RangeError);
    expect(() => new MaskStream(key()).next(10, new Uint8Array(10), 1)).toThrow(RangeError);
  });
});
