import {
  type ApprovalScope,
  isApprovedByConsortium,
  isApprovedByMember,
  type Roster,
  type RosterMember,
} from '@hansa/shared/protocol/secagg';
import { refuse } from '../refuse.ts';
import { type Peer, samePeer } from './peers.ts';
import type { ClientPolicy } from './types.ts';

/**
 * Checks that a roster lists nobody whom this node's rule does not approve; `before` are the members of the pinned epoch, where there is one.
 *
 * Consortium: every entry, the first roster's too. Members: every entry that is new or altered; the first roster is taken as it is, for people to
 * compare its fingerprint.
 *
 * @throws HansaError RosterUnapproved (with the index of the first entry that is not approved)
 */
export function requireApproved(
  roster: Roster,
  before: readonly Peer[] | undefined,
  { approvals, ...scope }: ApprovalScope & Pick<ClientPolicy, 'approvals'>,
): void {
  if (approvals.by === 'consortium') requireConsortium(roster, scope, approvals.approverKey);
  else requireMembers(roster, before, scope, approvals.atLeast);
}

function requireConsortium(roster: Roster, scope: ApprovalScope, approverKey: Uint8Array): void {
  const tokens = new Set<string>();
  for (const member of roster.members) {
    const { approval, publicKey } = member;
    if (approval.by !== 'consortium') unapproved(member, "bears no approval of this node's consortium");
    const token = Buffer.from(approval.tokenKey).toString('hex');
    if (tokens.has(token)) unapproved(member, 'came in with the join token of another member');
    tokens.add(token);
    if (!isApprovedByConsortium(approval, scope, approverKey, publicKey))
      unapproved(
        member,
        "bears an approval that the approver's key, which this node pinned when it enrolled, does not bear out",
      );
  }
}

function requireMembers(
  roster: Roster,
  before: readonly Peer[] | undefined,
  scope: ApprovalScope,
  atLeast: number,
): void {
  for (const member of roster.members) {
    if (member.approval.by === 'consortium')
      unapproved(member, 'is approved by a consortium, and this node has enrolled where members approve each other');
    const isNew = before !== undefined && !before.some((known) => samePeer(known, member));
    if (isNew) requireSigners(member, before, scope, atLeast);
  }
}

function requireSigners(member: RosterMember, before: readonly Peer[], scope: ApprovalScope, atLeast: number): void {
  const { approval } = member;
  if (approval.by !== 'members') unapproved(member, 'is new and no member has approved it');
  const signers = new Set<number>();
  for (const { index, signature } of approval.signatures) {
    const signer = before.find((known) => known.index === index);
    if (signer === undefined || signers.has(index))
      unapproved(member, `names ${index} as an approver, who is no member of the epoch before or is named twice`);
    if (!isApprovedByMember(signature, scope, signer.publicKey, member))
      unapproved(member, `bears a signature of member ${index} that is not for this id and key`);
    signers.add(index);
  }
  const needed = Math.min(atLeast, before.length);
  if (signers.size < needed)
    unapproved(
      member,
      `is approved by ${signers.size} members; this node asks for ${needed} (policy.approvalsByMembers)`,
    );
}

function unapproved({ index }: RosterMember, what: string): never {
  refuse('RosterUnapproved', `The roster's member ${index} ${what}: this node takes part in nothing of that roster.`, {
    index,
  });
}
