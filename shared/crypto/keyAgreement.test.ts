import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import { seededRandom } from '../random/index.ts';
import {
  agree,
  agreementKeyPair,
  agreementPublicKey,
  agreeWithAll,
  importAgreementKey,
  isUsableAgreementKey,
} from './keyAgreement.ts';
import { SecretBytes } from './secretBytes.ts';
import { sodium } from './sodium.ts';

const lowOrder = expect.objectContaining({ code: 'InvalidKey' });

const fromHex = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));

const rfc = {
  alicePublic: '8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a',
  bob: '5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb',
  bobPublic: 'de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f',
  shared: '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742',
};

/** The encodings of the points of small order, canonical and not. */
const lowOrderKeys = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
].map(fromHex);

describe('key agreement', () => {
  it('agrees on the shared secret of RFC 7748, section 6.1', () => {
    const bob = new SecretBytes(fromHex(rfc.bob));
    expect(agreementPublicKey(bob)).toEqual(fromHex(rfc.bobPublic));
    expect(agree(bob, fromHex(rfc.alicePublic)).expose()).toEqual(fromHex(rfc.shared));
  });

  it('gives both ends the same secret', () => {
    const random = seededRandom('agreement');
    const left = agreementKeyPair(random);
    const right = agreementKeyPair(random);
    expect(agree(left.secretKey, right.publicKey).expose()).toEqual(agree(right.secretKey, left.publicKey).expose());
  });

  it.each(lowOrderKeys.map((key) => [Buffer.from(key).toString('hex'), key] as const))('refuses %s', (_, key) => {
    const { secretKey } = agreementKeyPair(seededRandom('low order'));
    expect(isUsableAgreementKey(key)).toBe(false);
    // X25519 ignores the topmost bit.
    for (const spelling of [key, key.with(31, key[31]! ^ 0x80)]) {
      expect(() => agree(secretKey, spelling)).toThrow(lowOrder);
      expect(() => agreeWithAll(secretKey, [importAgreementKey(spelling)])).toThrow(lowOrder);
    }
  });

  it("passes on a fault that is not the key's", () => {
    const { secretKey, publicKey } = agreementKeyPair(seededRandom('another fault'));
    const multiply = vi.spyOn(sodium, 'crypto_scalarmult').mockImplementation(() => {
      throw new Error('weak public key');
    });
    try {
      expect(() => agree(secretKey, publicKey)).toThrow(new Error('weak public key'));
    } finally {
      multiply.mockRestore();
    }
    const { publicKey: ofAnotherCurve } = generateKeyPairSync('x448');
    expect(() => agreeWithAll(secretKey, [ofAnotherCurve])).toThrow('x448');
  });

  it('gives the same with many keys at once, in their order', () => {
    const random = seededRandom('many');
    const { secretKey } = agreementKeyPair(random);
    const others = Array.from({ length: 5 }, () => agreementKeyPair(random).publicKey);
    const secrets = agreeWithAll(secretKey, others.map(importAgreementKey));
    expect(secrets.map((secret) => secret.expose())).toEqual(others.map((other) => agree(secretKey, other).expose()));
    expect(() => importAgreementKey(others[0]!.subarray(1))).toThrow('publicKey');
  });

  it('refuses a non-canonical encoding of an honest key', () => {
    const { publicKey } = agreementKeyPair(seededRandom('spelling'));
    expect(isUsableAgreementKey(publicKey)).toBe(true);
    const other = Uint8Array.from(publicKey);
    other[31] = other[31]! | 0x80;
    expect(isUsableAgreementKey(other)).toBe(false);
  });
});
