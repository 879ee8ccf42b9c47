import { HansaError } from '../errors/index.ts';
import type { RandomSource } from '../random/index.ts';
import { requireLength } from './checkedBytes.ts';
import { SecretBytes } from './secretBytes.ts';
import { sodium } from './sodium.ts';

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
  return sodium.crypto_scalarmult_base(secretKey.expose());
}

/** X25519(secretKey, publicKey): 32 bytes; HansaError InvalidKey where the output is all zero (a low-order key). Source: RFC 7748, section 6.1. */
export function agree(secretKey: SecretBytes, publicKey: Uint8Array): SecretBytes {
  requireLength(secretKey.expose(), 32, 'secretKey');
  requireLength(publicKey, 32, 'publicKey');
  let shared: Uint8Array | undefined;
  try {
    shared = sodium.crypto_scalarmult(secretKey.expose(), publicKey);
  } catch {
    // libsodium refuses low-order keys by throwing an error that says nothing else.
  }
  if (shared === undefined || shared.every((byte) => byte === 0))
    throw new HansaError('InvalidKey', 'A public key has low order: whoever sent it must draw a new one.');
  return new SecretBytes(shared);
}

/** Whether a public key can be agreed with at all: false for the low-order points, whatever the secret key. */
export function isUsableAgreementKey(publicKey: Uint8Array): boolean {
  requireLength(publicKey, 32, 'publicKey');
  // Any clamped scalar is a multiple of the cofactor, so one probe finds every low-order point.
  const probe = new SecretBytes(new Uint8Array(32).fill(1));
  try {
    agree(probe, publicKey).wipe();
    return true;
  } catch (error) {
    if (error instanceof HansaError) return false;
    throw error;
  }
}
