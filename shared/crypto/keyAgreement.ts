import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from 'node:crypto';
import { HansaError } from '../errors/index.ts';
import type { RandomSource } from '../random/index.ts';
import { requireLength } from './checkedBytes.ts';
import { SecretBytes } from './secretBytes.ts';
import { sodium, withSecrets } from './sodium.ts';

export interface AgreementKeyPair {
  readonly secretKey: SecretBytes;
  readonly publicKey: Uint8Array;
}

/** A fresh X25519 key pair. Source: RFC 7748. */
export function agreementKeyPair(random: RandomSource): AgreementKeyPair {
  const secretKey = new SecretBytes(random.bytes(32));
  return { secretKey, publicKey: agreementPublicKey(secretKey) };
}

/** The X25519 public key of a secret key. */
export function agreementPublicKey(secretKey: SecretBytes): Uint8Array {
  requireLength(secretKey.expose(), 32, 'secretKey');
  return withSecrets(() => sodium.crypto_scalarmult_base(secretKey.expose()));
}

/**
 * X25519(secretKey, publicKey), 32 bytes. Source: RFC 7748, section 6.1.
 *
 * @throws HansaError InvalidKey (when the public key has low order: the output would be all zero)
 */
export function agree(secretKey: SecretBytes, publicKey: Uint8Array): SecretBytes {
  requireLength(secretKey.expose(), 32, 'secretKey');
  requireLength(publicKey, 32, 'publicKey');
  return checkedSecret(
    () => withSecrets(() => sodium.crypto_scalarmult(secretKey.expose(), publicKey)),
    () => publicKey,
  );
}

/**
 * The secret that `agreement` computes.
 *
 * @throws HansaError InvalidKey (when the public key has low order)
 * @throws what `agreement` throws for another reason
 */
function checkedSecret(agreement: () => Uint8Array, publicKey: () => Uint8Array): SecretBytes {
  let shared: Uint8Array;
  try {
    shared = agreement();
  } catch (error) {
    // Both libraries refuse a low-order key with an error that other faults may raise too: only the key itself shows which it was.
    if (hasLowOrder(publicKey())) throw lowOrderKey();
    throw error;
  }
  if (shared.every((byte) => byte === 0)) throw lowOrderKey();
  return new SecretBytes(shared);
}

const lowOrderKey = (): HansaError =>
  new HansaError('InvalidKey', 'A public key has low order: its sender must draw a new one.');

/** A public key as OpenSSL holds it: importing one costs more than an agreement. */
export type ImportedAgreementKey = KeyObject;

// The DER prefix of the 32 bytes of a key. Source: RFC 8410, sections 4 and 7.
const publicKeyInfo = Buffer.from('302a300506032b656e032100', 'hex');
const privateKeyInfo = Buffer.from('302e020100300506032b656e04220420', 'hex');

/** A public key for {@link agreeWithAll}. */
export function importAgreementKey(publicKey: Uint8Array): ImportedAgreementKey {
  requireLength(publicKey, 32, 'publicKey');
  return createPublicKey({ key: Buffer.concat([publicKeyInfo, publicKey]), format: 'der', type: 'spki' });
}

/**
 * {@link agree} with each of many public keys, in less than half the time: a coordinator needs the agreement of each dropped member's mask key with
 * hundreds of others.
 *
 * OpenSSL computes it and overwrites its copy of the secret key only when the garbage collector frees it: for a key that is used again, take
 * {@link agree}.
 *
 * @throws HansaError InvalidKey (when a public key has low order)
 */
export function agreeWithAll(secretKey: SecretBytes, publicKeys: readonly ImportedAgreementKey[]): SecretBytes[] {
  requireLength(secretKey.expose(), 32, 'secretKey');
  const der = Buffer.from(new ArrayBuffer(privateKeyInfo.length + secretKey.length));
  der.set(privateKeyInfo);
  der.set(secretKey.expose(), privateKeyInfo.length);
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  der.fill(0);
  return publicKeys.map((publicKey) =>
    checkedSecret(
      () => diffieHellman({ privateKey, publicKey }),
      () => publicKey.export({ format: 'der', type: 'spki' }).subarray(-32),
    ),
  );
}

const fieldPrime = 2n ** 255n - 19n;

/** The 32 bytes of a public key as a number, the first byte lowest. */
const numberOf = (publicKey: Uint8Array): bigint => BigInt(`0x${Buffer.from(publicKey).reverse().toString('hex')}`);

/** The u-coordinates of all points of order 1, 2, 4 and 8 on Curve25519 and its twist. Source: libsodium's list in x25519_ref10.c. */
const lowOrder: ReadonlySet<bigint> = new Set([
  0n,
  1n,
  325606250916557431795983626356110631294008115727848805560023387167927233504n,
  39382357235489614581723060781553021112529911719440698176882885853963445705823n,
  fieldPrime - 1n,
]);

/** Whether X25519 of any secret key and this public key is zero. X25519 ignores the topmost bit and reduces the rest (RFC 7748, section 5). */
const hasLowOrder = (publicKey: Uint8Array): boolean =>
  lowOrder.has(BigInt.asUintN(255, numberOf(publicKey)) % fieldPrime);

/**
 * Whether an honest X25519 key pair can have this public key: its encoding is canonical and it does not have low order.
 *
 * Non-canonical encodings are refused so that two different keys are two different points.
 */
export function isUsableAgreementKey(publicKey: Uint8Array): boolean {
  requireLength(publicKey, 32, 'publicKey');
  const u = numberOf(publicKey);
  return u < fieldPrime && !lowOrder.has(u);
}
