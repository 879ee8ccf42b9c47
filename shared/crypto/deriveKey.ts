import { hkdfSync } from 'node:crypto';
import { requireLength } from './checkedBytes.ts';
import { SecretBytes } from './secretBytes.ts';

/**
 * KDF(ikm, info) = HKDF-SHA256(ikm, salt, info, 32): a 32-byte key.
 *
 * `salt` is the set-up's id (32 bytes). Source: RFC 5869; SA-1, first block.
 */
export function deriveKey(secret: SecretBytes, salt: Uint8Array, info: Uint8Array): SecretBytes {
  requireLength(salt, 32, 'salt');
  return new SecretBytes(hkdfSha256(secret.expose(), salt, info, 32));
}

/** HKDF-SHA256 for any salt and output length up to 255·32 bytes. Source: RFC 5869. */
export function hkdfSha256(ikm: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', ikm, salt, info, length));
}
