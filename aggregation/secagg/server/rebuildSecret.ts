import { agreementPublicKey, combineShares, equalBytes, SecretBytes } from '@hansa/shared/crypto';
import { type CohortMember, type ShareKind, selfCommitment } from '@hansa/shared/protocol/secagg';

/** How many subsets of the shares are tried before a dealer is blamed. */
const maxSubsets = 64;

/** A share as its holder revealed it; the bytes belong to the message. */
export interface RevealedShare {
  /** 1..255. */
  readonly x: number;
  readonly bytes: Uint8Array;
}

/**
 * The secret of a dealer from its shares, checked against what it advertised: b against HB, s against S.
 *
 * Undefined where none of the first 64 subsets of `threshold` shares gives it: then the dealer dealt an inconsistent polynomial, since each share
 * is as it was dealt. Cost: one interpolation where all is well.
 */
export function rebuildSecret(
  sid: Uint8Array,
  dealer: CohortMember,
  kind: ShareKind,
  shares: readonly RevealedShare[],
  threshold: number,
): SecretBytes | undefined {
  let tried = 0;
  for (const subset of subsetsOf(shares, threshold)) {
    if (tried++ === maxSubsets) return undefined;
    const secret = combined(subset);
    const right =
      kind === 'self'
        ? equalBytes(selfCommitment(sid, dealer.index, secret.expose()), dealer.selfCommitment)
        : equalBytes(agreementPublicKey(secret), dealer.maskKey);
    if (right) return secret;
    secret.wipe();
  }
  return undefined;
}

function combined(subset: readonly RevealedShare[]): SecretBytes {
  // Copied, so that wiping the shares leaves the stored messages whole.
  const shares = subset.map(({ x, bytes }) => ({ x, bytes: new SecretBytes(Uint8Array.from(bytes)) }));
  try {
    return combineShares(shares);
  } finally {
    for (const { bytes } of shares) bytes.wipe();
  }
}

/** All subsets of one size, in the order of their places. */
function* subsetsOf<Item>(items: readonly Item[], size: number): Generator<readonly Item[]> {
  const places = Array.from({ length: size }, (_, place) => place);
  for (;;) {
    yield places.map((place) => items[place]!);
    let last = size - 1;
    while (last >= 0 && places[last] === items.length - size + last) last -= 1;
    if (last < 0) return;
    places[last] = places[last]! + 1;
    for (let next = last + 1; next < size; next++) places[next] = places[next - 1]! + 1;
  }
}
