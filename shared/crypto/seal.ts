import { requireLength } from './checkedBytes.ts';
import type { SecretBytes } from './secretBytes.ts';
import { sodium, withSecrets } from './sodium.ts';

/** XChaCha20-Poly1305's nonce, in bytes: long enough to be drawn at random. */
export const sealNonceBytes = 24;

/**
 * XChaCha20-Poly1305 of a message under a 32-byte key, bound to `associated`: message length + 16 bytes.
 *
 * `nonce` (24 bytes) must be fresh. Source: draft-irtf-cfrg-xchacha-03, section 2.
 */
export function seal(key: SecretBytes, nonce: Uint8Array, message: Uint8Array, associated: Uint8Array): Uint8Array {
  requireLength(key.expose(), 32, 'key');
  requireLength(nonce, sealNonceBytes, 'nonce');
  return withSecrets(() =>
    sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(message, associated, null, nonce, key.expose()),
  );
}

/** The message that {@link seal} closed, or undefined where key, nonce, associated data or any byte differs. */
export function unseal(
  key: SecretBytes,
  nonce: Uint8Array,
  sealed: Uint8Array,
  associated: Uint8Array,
): Uint8Array | undefined {
  requireLength(key.expose(), 32, 'key');
  requireLength(nonce, sealNonceBytes, 'nonce');
  if (sealed.length < 16) return undefined;
  try {
    return withSecrets(() =>
      sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(null, sealed, associated, nonce, key.expose()),
    );
  } catch {
    return undefined;
  }
}
