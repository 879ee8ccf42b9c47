import { createCipheriv } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { MaskStream, maskTileSizeBytes } from './maskStream.ts';
import { SecretBytes } from './secretBytes.ts';

const keyBytes = Uint8Array.from({ length: 32 }, (_, at) => at);
const key = () => new SecretBytes(Uint8Array.from(keyBytes));
const whole = createCipheriv('aes-256-ctr', keyBytes, Buffer.alloc(16)).update(Buffer.alloc(200_000));

describe('MaskStream', () => {
  it('gives the AES-256-CTR stream however it is cut', () => {
    const stream = new MaskStream(key());
    const sizes = [1, 3, 4, 5, 1000, maskTileSizeBytes, maskTileSizeBytes, 9, 16_210];
    const got = Buffer.concat(sizes.map((size) => stream.next(size)));
    expect(got.equals(whole.subarray(0, got.length))).toBe(true);
  });

  it('starts in the middle', () => {
    expect(new MaskStream(key(), 160_000).next(100)).toEqual(whole.subarray(160_000, 160_100));
  });

  it('refuses wrong keys, starts and sizes', () => {
    expect(() => new MaskStream(new SecretBytes(new Uint8Array(16)))).toThrow(RangeError);
    for (const start of [-16, 8, 1.5]) expect(() => new MaskStream(key(), start)).toThrow(RangeError);
    expect(() => new MaskStream(key()).next(0)).toThrow(RangeError);
    expect(() => new MaskStream(key()).next(maskTileSizeBytes + 1)).toThrow(RangeError);
  });
});
