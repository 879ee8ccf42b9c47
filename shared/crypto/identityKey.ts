import type { RandomSource } from '../random/index.ts';
import { SecretBytes } from './secretBytes.ts';
import { type SignatureLabel, signingPublicKey, signLabelled } from './signatures.ts';

/** A long-lived Ed25519 identity: it signs labelled messages and nothing else. */
export class IdentityKey {
  readonly publicKey: Uint8Array;
  readonly #seed: SecretBytes;

  /** Takes the 32-byte seed of a key file and owns it from then on. */
  constructor(seed: SecretBytes) {
    this.publicKey = signingPublicKey(seed);
    this.#seed = seed;
  }

  sign(label: SignatureLabel, message: Uint8Array): Uint8Array {
    return signLabelled(this.#seed, label, message);
  }

  wipe(): void {
    this.#seed.wipe();
  }
}

/** A fresh seed for an {@link IdentityKey}: 32 bytes, to be stored where only its owner can read. */
export const newIdentitySeed = (random: RandomSource): SecretBytes => new SecretBytes(random.bytes(32));
