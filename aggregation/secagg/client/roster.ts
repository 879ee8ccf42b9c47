import { equalBytes, verifyLabelled } from '@hansa/shared/crypto';
import { type Roster, rosterBytes, rosterChangeLimit, rosterHash } from '@hansa/shared/protocol/secagg';
import { refuse } from '../refuse.ts';
import { requireApproved } from './approvals.ts';
import { type Peer, samePeer } from './peers.ts';
import type { AcceptedRoster, ClientPolicy, IdentityPort } from './types.ts';

/**
 * Checks M0 against the roster pinned so far (undefined: this one is pinned) and gives the roster to journal, or the pinned one where it is the same.
 *
 * A node that missed epochs is shown each in turn.
 *
 * @throws HansaError BadSignature, RosterMismatch (another federation, not the pinned epoch's successor, this node missing or with another key, entries
 *   out of order or twice), RosterChangeTooLarge, RosterUnapproved
 */
export function acceptRoster(
  pinned: AcceptedRoster | undefined,
  roster: Roster,
  policy: Pick<ClientPolicy, 'federation' | 'coordinatorKey' | 'maxRosterChange' | 'approvals'>,
  identity: Pick<IdentityPort, 'publicKey'>,
): AcceptedRoster {
  if (!verifyLabelled(policy.coordinatorKey, 'roster', rosterBytes(roster), roster.signature))
    refuse('BadSignature', 'The roster is not signed by the coordinator this node was enrolled with.');
  if (roster.federation !== policy.federation) refuse('RosterMismatch', 'The roster is of another federation.');
  requireDistinct(roster);
  const own = roster.members.find((member) => equalBytes(member.publicKey, identity.publicKey));
  if (own === undefined)
    refuse('RosterMismatch', "The roster lacks this node's key: it is not enrolled in this epoch.");
  const hash = rosterHash(roster);
  const members = roster.members.map(({ index, id, publicKey }) => ({ index, id, publicKey }));
  const common = { federation: roster.federation, epoch: roster.epoch, hash, members };
  if (pinned === undefined) {
    requireApproved(roster, undefined, policy);
    return { ...common, first: members, known: members.map((member) => member.index) };
  }
  if (equalBytes(hash, pinned.hash)) return pinned;
  if (roster.epoch !== pinned.epoch + 1 || !equalBytes(roster.prevHash, pinned.hash))
    refuse(
      'RosterMismatch',
      `Roster epoch ${roster.epoch} does not follow epoch ${pinned.epoch} that this node has pinned: the coordinator must show every epoch in turn.`,
    );
  const before = pinned.members.find((member) => equalBytes(member.publicKey, identity.publicKey));
  if (before?.index !== own.index || before.id !== own.id)
    refuse('RosterMismatch', "The new roster changes this node's own entry.");
  const changes = countChanges(pinned.members, members);
  const allowed = rosterChangeLimit(pinned.members.length, policy.maxRosterChange);
  if (changes > allowed)
    refuse(
      'RosterChangeTooLarge',
      `Roster epoch ${roster.epoch} changes ${changes} of ${pinned.members.length} members; this node allows ${allowed} at once (policy.maxRosterChange).`,
    );
  requireApproved(roster, pinned.members, policy);
  const known = members.filter((member) => pinned.first.some((first) => samePeer(first, member)));
  return { ...common, first: pinned.first, known: known.map((member) => member.index) };
}

function requireDistinct(roster: Roster): void {
  const seen = new Set<string>();
  let last = -1;
  for (const member of roster.members) {
    const key = Buffer.from(member.publicKey).toString('hex');
    if (member.index <= last || seen.has(member.id) || seen.has(key))
      refuse('RosterMismatch', 'The roster is not sorted, or has a member, an id or a key twice.');
    last = member.index;
    seen.add(member.id).add(key);
  }
}

/** How many entries were added, removed or altered. */
function countChanges(before: readonly Peer[], after: readonly Peer[]): number {
  const old = new Map(before.map((member) => [member.index, member]));
  let changed = 0;
  for (const member of after) {
    const previous = old.get(member.index);
    old.delete(member.index);
    if (previous === undefined || !samePeer(previous, member)) changed += 1;
  }
  return changed + old.size;
}
