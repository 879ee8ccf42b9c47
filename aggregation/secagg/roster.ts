import type { Roster } from '@hansa/shared/protocol/secagg';
import type { ClientPolicy, IdentityPort } from './client/types.ts';

/** A roster that this node has accepted, and what it remembers of the first. */
export interface AcceptedRoster {
  readonly federation: string;
  readonly epoch: number;
  readonly hash: Uint8Array;
  readonly members: readonly { readonly index: number; readonly id: string; readonly publicKey: Uint8Array }[];
  /** Indexes of the members that stand in the first roster this node was shown, with the same id and key: the known peers. */
  readonly known: readonly number[];
  /** The members of the first roster. */
  readonly first: readonly { readonly index: number; readonly id: string; readonly publicKey: Uint8Array }[];
}

/**
 * Checks M0 against the roster pinned so far (undefined: this one is pinned) and gives the roster to journal, or the pinned one where it is the same.
 *
 * HansaError: WrongCoordinatorKey, BadSignature, RosterMismatch (another federation, not the pinned epoch's successor, this node missing or with
 * another key, entries out of order or twice), RosterChangeTooLarge. A node that missed epochs is shown each in turn.
 */
export function acceptRoster(
  _pinned: AcceptedRoster | undefined,
  _roster: Roster,
  _policy: ClientPolicy,
  _identity: Pick<IdentityPort, 'publicKey'>,
): AcceptedRoster {
  throw new TypeError('not written yet');
}
