import {
  agree,
  agreeWithAll,
  hkdfSha256,
  importAgreementKey,
  SecretBytes,
  seal,
  unseal,
  verifyEd25519,
} from '@hansa/shared/crypto';
import { describe, expect, it } from 'vitest';
import { readVectors, vectorsPresent } from './vectorFile.ts';

// Project Wycheproof (C2SP), Apache-2.0.
interface Vectors<Group, Test> {
  readonly algorithm: string;
  readonly numberOfTests: number;
  readonly testGroups: readonly (Group & { readonly tests: readonly (Test & Verdict)[] })[];
}

interface Verdict {
  readonly tcId: number;
  readonly comment: string;
  readonly flags: readonly string[];
  readonly result: 'valid' | 'acceptable' | 'invalid';
}

/** Every case was run; how many there are is printed, so that a file that shrank does not go unnoticed. */
function told(file: { readonly algorithm: string; readonly numberOfTests: number }, count: number): void {
  expect(count).toBe(file.numberOfTests);
  console.info(`${file.algorithm}: ${count} public cases`);
}

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));

describe.skipIf(!vectorsPresent())('Wycheproof', () => {
  it.each([
    ['one by one', agree],
    ['of one with many', (own: SecretBytes, other: Uint8Array) => agreeWithAll(own, [importAgreementKey(other)])[0]!],
  ])('X25519, %s', (_, agreeOn) => {
    const file =
      readVectors<Vectors<object, { public: string; private: string; shared: string }>>('wycheproof/x25519_test.json');
    let count = 0;
    for (const test of file.testGroups.flatMap(({ tests }) => tests)) {
      count += 1;
      const run = () => agreeOn(new SecretBytes(hex(test.private)), hex(test.public)).expose();
      // "Acceptable" keys of low order are the one thing that we refuse and others may not.
      if (/^0*$/.test(test.shared)) expect(run, `case ${test.tcId}`).toThrow('low order');
      else expect(run(), `case ${test.tcId}`).toEqual(hex(test.shared));
    }
    told(file, count);
  });

  it('Ed25519', () => {
    const file =
      readVectors<Vectors<{ publicKey: { pk: string } }, { msg: string; sig: string }>>('wycheproof/ed25519_test.json');
    let count = 0;
    for (const { publicKey, tests } of file.testGroups)
      for (const test of tests) {
        count += 1;
        expect(verifyEd25519(hex(publicKey.pk), hex(test.msg), hex(test.sig)), `case ${test.tcId}`).toBe(
          test.result === 'valid',
        );
      }
    told(file, count);
  });

  it('HKDF-SHA256', () => {
    const file = readVectors<Vectors<object, { ikm: string; salt: string; info: string; size: number; okm: string }>>(
      'wycheproof/hkdf_sha256_test.json',
    );
    let count = 0;
    for (const test of file.testGroups.flatMap(({ tests }) => tests)) {
      count += 1;
      const run = () => hkdfSha256(hex(test.ikm), hex(test.salt), hex(test.info), test.size);
      if (test.result === 'valid') expect(run(), `case ${test.tcId}`).toEqual(hex(test.okm));
      else expect(run, `case ${test.tcId}`).toThrow();
    }
    told(file, count);
  });

  it('XChaCha20-Poly1305', () => {
    const file = readVectors<
      Vectors<object, { key: string; iv: string; aad: string; msg: string; ct: string; tag: string }>
    >('wycheproof/xchacha20_poly1305_test.json');
    let count = 0;
    for (const test of file.testGroups.flatMap(({ tests }) => tests)) {
      count += 1;
      const key = new SecretBytes(hex(test.key));
      const sealed = hex(test.ct + test.tag);
      if (test.flags.includes('InvalidNonceSize')) {
        expect(() => unseal(key, hex(test.iv), sealed, hex(test.aad)), `case ${test.tcId}`).toThrow(RangeError);
      } else if (test.result === 'valid') {
        expect(unseal(key, hex(test.iv), sealed, hex(test.aad)), `case ${test.tcId}`).toEqual(hex(test.msg));
        expect(seal(key, hex(test.iv), hex(test.msg), hex(test.aad)), `case ${test.tcId}`).toEqual(sealed);
      } else {
        expect(unseal(key, hex(test.iv), sealed, hex(test.aad)), `case ${test.tcId}`).toBeUndefined();
      }
    }
    told(file, count);
  });
});
