import { createCipheriv } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { MaskStream, maskTileWords } from './maskStream.ts';
import { SecretBytes } from './secretBytes.ts';

const keyBytes = Uint8Array.from({ length: 32 }, (_, at) => at);
const key = () => new SecretBytes(Uint8Array.from(keyBytes));

const whole = (words: number): Uint32Array => {
  const bytes = createCipheriv('aes-256-ctr', keyBytes, Buffer.alloc(16)).update(Buffer.alloc(4 * words));
  return new Uint32Array(Uint8Array.from(bytes).buffer);
};

describe('MaskStream', () => {
  it('gives the AES-256-CTR stream however it is cut', () => {
    const expected = whole(50_000);
    const stream = new MaskStream(key());
    const got = new Uint32Array(50_000);
    let at = 0;
    for (const count of [1, 3, 4, 5, 1000, maskTileWords, maskTileWords, 9, 16_210]) {
      got.set(stream.next(count), at);
      at += count;
    }
    expect(at).toBe(50_000);
    expect(got).toEqual(expected);
  });

  it('starts in the middle', () => {
    expect(new MaskStream(key(), 40_000).next(100)).toEqual(whole(50_000).subarray(40_000, 40_100));
  });

  it('refuses wrong keys, starts and counts', () => {
    expect(() => new MaskStream(new SecretBytes(new Uint8Array(16)))).toThrow(RangeError);
    expect(() => new MaskStream(key(), 2)).toThrow(RangeError);
    expect(() => new MaskStream(key()).next(0)).toThrow(RangeError);
    expect(() => new MaskStream(key()).next(maskTileWords + 1)).toThrow(RangeError);
  });
});
