import { equalBytes, verifyLabelled } from '@hansa/shared/crypto';
import { type Roster, rosterBytes, rosterHash } from '@hansa/shared/protocol/secagg';
import { refuse } from '../refuse.ts';
import type { AcceptedRoster, ClientPolicy, IdentityPort } from './types.ts';

/**
 * Checks M0 against the roster pinned so far (undefined: this one is pinned) and gives the roster to journal, or the pinned one where it is the same.
 *
 * HansaError: BadSignature, RosterMismatch (another federation, not the pinned epoch's successor, this node missing or with
 * another key, entries out of order or twice), RosterChangeTooLarge. A node that missed epochs is shown each in turn.
 */
export function acceptRoster(
  pinned: AcceptedRoster | undefined,
  roster: Roster,
  policy: Pick<ClientPolicy, 'federation' | 'coordinatorKey' | 'maxRosterChange'>,
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
  if (pinned === undefined) return { ...common, first: members, known: members.map((member) => member.index) };
  if (equalBytes(hash, pinned.hash)) return pinned;
  if (roster.epoch !== pinned.epoch + 1 || !equalBytes(roster.prevHash, pinned.hash))
    refuse(
      'RosterMismatch',
      `Roster epoch ${roster.epoch} does not follow epoch ${pinned.epoch} that this node has pinned: the coordinator must show every epoch in turn.`,
    );
  const before = pinned.members.find((member) => equalBytes(member.publicKey, identity.publicKey));
  if (before?.index !== own.index || before.id !== own.id)
    refuse('RosterMismatch', "The new roster changes this node's own entry.");
  const change = changedShare(pinned.members, members);
  if (change > policy.maxRosterChange)
    refuse(
      'RosterChangeTooLarge',
      `Roster epoch ${roster.epoch} changes ${(100 * change).toFixed(0)} % of the members; this node allows ${(100 * policy.maxRosterChange).toFixed(0)} % at once (policy.maxRosterChange).`,
    );
  const known = members.filter((member) => pinned.first.some((first) => sameMember(first, member)));
  return { ...common, first: pinned.first, known: known.map((member) => member.index) };
}

type Member = AcceptedRoster['members'][number];

const sameMember = (left: Member, right: Member): boolean =>
  left.index === right.index && left.id === right.id && equalBytes(left.publicKey, right.publicKey);

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

/** Entries that were added, removed or altered, as a share of the roster before. */
function changedShare(before: readonly Member[], after: readonly Member[]): number {
  const old = new Map(before.map((member) => [member.index, member]));
  let changed = 0;
  for (const member of after) {
    const previous = old.get(member.index);
    old.delete(member.index);
    if (previous === undefined || !sameMember(previous, member)) changed += 1;
  }
  return (changed + old.size) / before.length;
}
