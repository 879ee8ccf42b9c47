import { IdentityKey } from '../crypto/identityKey.ts';
import { SecretBytes } from '../crypto/secretBytes.ts';
import {
  type ApprovalScope,
  type ConsortiumApproval,
  certifyToken,
  signAsApproved,
} from '../protocol/secagg/approval.ts';
import { seededRandom } from '../random/index.ts';

const keyOf = (seed: string): IdentityKey => new IdentityKey(new SecretBytes(seededRandom(seed).bytes(32)));

/** A consortium's approver with a key made from a seed, for tests that build rosters. */
export class TestApprover {
  readonly key: IdentityKey;
  readonly #seed: string;

  constructor(seed = 'approver') {
    this.#seed = seed;
    this.key = keyOf(`${seed}/approver`);
  }

  /** The approval of one member's key, made with a one-time token: the same for a key each time, unless another `token` is named. */
  approve(
    scope: ApprovalScope,
    publicKey: Uint8Array,
    token = Buffer.from(publicKey).toString('hex'),
  ): ConsortiumApproval {
    const tokenKey = keyOf(`${this.#seed}/token/${token}`);
    const expiresAtMs = 1_900_000_000_000;
    return {
      by: 'consortium',
      tokenKey: tokenKey.publicKey,
      expiresAtMs,
      certificate: certifyToken(this.key, scope, tokenKey.publicKey, expiresAtMs),
      signature: signAsApproved(tokenKey, scope, publicKey),
    };
  }
}
