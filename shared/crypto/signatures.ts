import { requireLength } from './checkedBytes.ts';
import { sha256 } from './hash.ts';
import type { SecretBytes } from './secretBytes.ts';
import { sodium } from './sodium.ts';

/**
 * What a signature is for. No key signs bytes without a label, so a signature made for one purpose is not valid for another.
 *
 * "enrol", "enrolled", "challenge", "hello" and "http" belong to enrolment, handshake and requests; "approver", "approved" and "approve" to the approvals
 * in a roster; the others to the stages of SA-1.
 */
export type SignatureLabel =
  | 'roster'
  | 'open'
  | 'm1'
  | 'l1'
  | 'm2'
  | 'ack'
  | 'round'
  | 'm3'
  | 'u3'
  | 'm4'
  | 'm5'
  | 'result'
  | 'draw'
  | 'g1'
  | 'gl'
  | 'g2'
  | 'approver'
  | 'approved'
  | 'approve'
  | 'enrol'
  | 'enrolled'
  | 'challenge'
  | 'hello'
  | 'http';

const labelled = (label: SignatureLabel, message: Uint8Array): Uint8Array =>
  Buffer.concat([Buffer.from(`hansa/SA-1/${label}\0`, 'latin1'), sha256(message)]);

/** Sig(label, m) = Ed25519("hansa/SA-1/" ‖ label ‖ 0x00 ‖ SHA-256(m)) with a 32-byte seed: 64 bytes. Source: RFC 8032; SA-1, first block. */
export function signLabelled(seed: SecretBytes, label: SignatureLabel, message: Uint8Array): Uint8Array {
  requireLength(seed.expose(), 32, 'seed');
  const pair = sodium.crypto_sign_seed_keypair(seed.expose());
  try {
    return sodium.crypto_sign_detached(labelled(label, message), pair.privateKey);
  } finally {
    pair.privateKey.fill(0);
  }
}

/** Whether the key made `signature` (64 bytes) on this label and message; false for anything malformed. */
export function verifyLabelled(
  publicKey: Uint8Array,
  label: SignatureLabel,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  return verifyEd25519(publicKey, labelled(label, message), signature);
}

/** Plain Ed25519 verification, without a label: {@link verifyLabelled} is built on it. */
export function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  return sodium.crypto_sign_verify_detached(signature, message, publicKey);
}

/** The Ed25519 public key of a 32-byte seed. */
export function signingPublicKey(seed: SecretBytes): Uint8Array {
  requireLength(seed.expose(), 32, 'seed');
  const pair = sodium.crypto_sign_seed_keypair(seed.expose());
  pair.privateKey.fill(0);
  return pair.publicKey;
}
