import { agree, deriveKey, SecretBytes, seal, sealNonceBytes, unseal } from '@hansa/shared/crypto';
import { enc } from '@hansa/shared/protocol/secagg';
import type { RandomSource } from '@hansa/shared/random';

/** What binds a box to its set-up, its cohort and its direction. */
export interface BoxPlace {
  readonly sid: Uint8Array;
  readonly cohortHash: Uint8Array;
  readonly dealer: number;
  readonly holder: number;
}

/** The two shares in a box. */
export interface BoxContent {
  /** The holder's x: its place in the dealer's holders, from 1. */
  readonly x: number;
  readonly self: SecretBytes;
  readonly mask: SecretBytes;
}

/** K_box = KDF(X25519(own, other), enc("box", h1, dealer, holder)). */
function boxKey(place: BoxPlace, ownKey: SecretBytes, otherKey: Uint8Array): SecretBytes {
  const shared = agree(ownKey, otherKey);
  try {
    return deriveKey(shared, place.sid, enc('box', place.cohortHash, place.dealer, place.holder));
  } finally {
    shared.wipe();
  }
}

const associated = (place: BoxPlace): Uint8Array => enc('box', place.sid, place.cohortHash, place.dealer, place.holder);

/** Seals a dealer's shares for one holder. */
export function closeBox(
  place: BoxPlace,
  keys: { readonly own: SecretBytes; readonly other: Uint8Array },
  content: BoxContent,
  random: RandomSource,
): { nonce: Uint8Array; ciphertext: Uint8Array } {
  const key = boxKey(place, keys.own, keys.other);
  const plain = new Uint8Array(65);
  plain[0] = content.x;
  plain.set(content.self.expose(), 1);
  plain.set(content.mask.expose(), 33);
  const nonce = random.bytes(sealNonceBytes);
  const ciphertext = seal(key, nonce, plain, associated(place));
  plain.fill(0);
  key.wipe();
  return { nonce, ciphertext };
}

/** What a dealer sealed for this holder; undefined where the box does not open. */
export function openBox(
  place: BoxPlace,
  keys: { readonly own: SecretBytes; readonly other: Uint8Array },
  box: { readonly nonce: Uint8Array; readonly ciphertext: Uint8Array },
): BoxContent | undefined {
  const key = boxKey(place, keys.own, keys.other);
  const plain = unseal(key, box.nonce, box.ciphertext, associated(place));
  key.wipe();
  if (plain === undefined || plain.length !== 65) return undefined;
  const content = {
    x: plain[0]!,
    self: new SecretBytes(plain.slice(1, 33)),
    mask: new SecretBytes(plain.slice(33, 65)),
  };
  plain.fill(0);
  return content;
}
