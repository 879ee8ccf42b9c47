import { agree, deriveKey, type SecretBytes } from '@hansa/shared/crypto';
import { enc } from '@hansa/shared/protocol/secagg';

/** K_self = KDF(b_i, enc("self", R, i)). */
export const selfMaskKey = (
  sid: Uint8Array,
  roundHash: Uint8Array,
  index: number,
  selfSeed: SecretBytes,
): SecretBytes => deriveKey(selfSeed, sid, enc('self', roundHash, index));

/** K_pair = KDF(X25519(s_own, S_other), enc("pair", R, min, max)): the same for both ends. @throws HansaError InvalidKey (for a low-order S) */
export const pairMaskKey = (
  sid: Uint8Array,
  roundHash: Uint8Array,
  own: { readonly index: number; readonly maskKey: SecretBytes },
  other: { readonly index: number; readonly maskKey: Uint8Array },
): SecretBytes => pairMaskKeyOf(sid, roundHash, [own.index, other.index], agree(own.maskKey, other.maskKey));

/** {@link pairMaskKey} where both ends' X25519 secret is there already; it is wiped. */
export function pairMaskKeyOf(
  sid: Uint8Array,
  roundHash: Uint8Array,
  [one, other]: readonly [number, number],
  shared: SecretBytes,
): SecretBytes {
  try {
    return deriveKey(shared, sid, enc('pair', roundHash, Math.min(one, other), Math.max(one, other)));
  } finally {
    shared.wipe();
  }
}

/** The sign with which the pairwise mask of (index, other) stands in index's vector: + at the smaller index, − at the larger. */
export const pairSign = (index: number, other: number): 1 | -1 => (index < other ? 1 : -1);
