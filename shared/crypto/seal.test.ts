import { describe, expect, it } from 'vitest';
import { seal, unseal } from './seal.ts';
import { SecretBytes } from './secretBytes.ts';

// draft-irtf-cfrg-xchacha-03, appendix A.3.1.
const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));
const key = () => new SecretBytes(hex('808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f'));
const nonce = hex('404142434445464748494a4b4c4d4e4f5051525354555657');
const associated = hex('50515253c0c1c2c3c4c5c6c7');
const message = new Uint8Array(
  Buffer.from(
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
  ),
);

describe('a sealed message', () => {
  it('has the tag of the draft', () => {
    const sealed = seal(key(), nonce, message, associated);
    expect(sealed).toHaveLength(message.length + 16);
    expect(Buffer.from(sealed.subarray(-16)).toString('hex')).toBe('c0875924c1c7987947deafd8780acf49');
    expect(unseal(key(), nonce, sealed, associated)).toEqual(message);
  });

  it('opens with its own key, nonce, associated data and bytes alone', () => {
    const sealed = seal(key(), nonce, message, associated);
    const altered = Uint8Array.from(sealed);
    altered[3]! ^= 1;
    expect(unseal(new SecretBytes(new Uint8Array(32)), nonce, sealed, associated)).toBeUndefined();
    expect(unseal(key(), new Uint8Array(24), sealed, associated)).toBeUndefined();
    expect(unseal(key(), nonce, sealed, associated.subarray(1))).toBeUndefined();
    expect(unseal(key(), nonce, sealed, new Uint8Array())).toBeUndefined();
    expect(unseal(key(), nonce, altered, associated)).toBeUndefined();
    expect(unseal(key(), nonce, sealed.subarray(0, 15), associated)).toBeUndefined();
  });
});
