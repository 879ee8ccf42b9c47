import type { IdentityPort } from '@hansa/aggregation/secagg/server';
import { equalBytes } from '@hansa/shared/crypto';
import { HansaError } from '@hansa/shared/errors';
import type { MemberApprovalAnswer } from '@hansa/shared/protocol';
import {
  type Approval,
  type ApprovalScope,
  decodeMessage,
  encodeMessage,
  isApprovedByMember,
  maxMemberApprovals,
  maxRosterSize,
  type Roster,
  type RosterMember,
  rosterBytes,
  rosterChangeLimit,
  rosterHash,
  usualRosterChange,
} from '@hansa/shared/protocol/secagg';
import type { ClientRow, MemberApprovalRow, StateStore } from '../storage/stateStore.ts';

export interface RosterPorts {
  readonly store: StateStore;
  readonly identity: IdentityPort;
  readonly federation: string;
  /** How many members must have approved a newcomer where members approve each other: as many as the strictest node asks for. */
  readonly approvalsByMembers: number;
}

/**
 * The federation's hash-chained rosters. A new epoch is cut when a round is about to open and the approved nodes changed.
 *
 * No roster lists a node that its members would not accept: with the consortium's approval, or that of enough members of the epoch before.
 */
export class Rosters {
  readonly #ports: RosterPorts;
  readonly #chain: Roster[];

  private constructor(ports: RosterPorts, chain: Roster[]) {
    this.#ports = ports;
    this.#chain = chain;
  }

  static async open(ports: RosterPorts): Promise<Rosters> {
    const rows = await ports.store.rosters();
    return new Rosters(
      ports,
      rows.map((row) => decodeMessage('roster', JSON.parse(row.wire))),
    );
  }

  /** Every epoch, oldest first. */
  get chain(): readonly Roster[] {
    return this.#chain;
  }

  /** The newest epoch, after cutting another where approved nodes are missing from it; undefined while there is nobody to list. */
  async current(): Promise<Roster | undefined> {
    const { store, identity, federation } = this.#ports;
    const last = this.#chain.at(-1);
    const members = nextMembers(last?.members ?? [], await this.#approved(last));
    if (members.length === 0 || (last !== undefined && sameMembers(last.members, members))) return last;
    const unsigned = {
      federation,
      epoch: last === undefined ? 0 : last.epoch + 1,
      prevHash: last === undefined ? new Uint8Array(32) : rosterHash(last),
      members,
    };
    const roster = { ...unsigned, signature: identity.sign('roster', rosterBytes(unsigned)) };
    await store.addRoster({ epoch: roster.epoch, wire: JSON.stringify(encodeMessage('roster', roster)) });
    this.#chain.push(roster);
    return roster;
  }

  /**
   * Takes a member's approval of a newcomer, which the next epoch then lists once there are enough. The same one again changes nothing.
   *
   * @throws HansaError UnknownClient, BadApproval (when the signature is not for the key that is enrolled here), UnexpectedMessage (when no member's
   *   approval is asked for)
   */
  async approve({ clientId, signerId, signature }: MemberApprovalRow): Promise<MemberApprovalAnswer> {
    const { store, approvalsByMembers } = this.#ports;
    const members = this.#chain.at(-1)?.members ?? [];
    const newcomer = await store.client(clientId);
    const signer = members.find(({ id }) => id === signerId);
    if ((await store.approvalRule())?.by !== 'members' || members.some(({ id }) => id === clientId)) {
      throw new HansaError(
        'UnexpectedMessage',
        "No member's approval is asked for: the node is in the roster already, or the consortium's approver approves in this federation.",
      );
    }
    if (newcomer === undefined || signer === undefined) {
      throw new HansaError(
        'UnknownClient',
        newcomer === undefined
          ? `No node ${clientId} is enrolled in this federation. Compare the id with the newcomer's operator.`
          : `The node ${signerId} is in no roster yet: only members approve.`,
      );
    }
    if (!isApprovedByMember(signature, this.#scope, signer.publicKey, newcomer)) {
      throw new HansaError(
        'BadApproval',
        `The approval of ${clientId} is not for the key that is enrolled here, or not signed by ${signerId}. Compare the fingerprint with the newcomer's operator once more. If it is right, this coordinator would have shown you somebody else: do not go on.`,
      );
    }
    await store.addMemberApproval({ clientId, signerId, signature });
    const given = signaturesFor(newcomer, members, await store.memberApprovals()).length;
    return { given, needed: Math.min(approvalsByMembers, members.length) };
  }

  get #scope(): ApprovalScope {
    return { federation: this.#ports.federation, coordinatorKey: this.#ports.identity.publicKey };
  }

  /** Everyone whom the members of the last epoch would accept, by index. */
  async #approved(last: Roster | undefined): Promise<RosterMember[]> {
    const { store, approvalsByMembers } = this.#ports;
    const rule = await store.approvalRule();
    const clients = await store.clients();
    const approvals = await store.memberApprovals();
    const before = last?.members ?? [];
    const approvalOf = (client: ClientRow): Approval | undefined => {
      const listed = before.find(({ id }) => id === client.id);
      if (listed !== undefined) return listed.approval;
      if (rule?.by === 'consortium') return client.approval;
      if (last === undefined) return { by: 'founder' };
      const signatures = signaturesFor(client, before, approvals);
      const needed = Math.min(approvalsByMembers, before.length);
      return signatures.length < needed
        ? undefined
        : { by: 'members', signatures: signatures.slice(0, maxMemberApprovals) };
    };
    return clients.flatMap((client) => {
      const { index, id, publicKey } = client;
      const approval = approvalOf(client);
      return approval === undefined ? [] : [{ index, id, publicKey, approval }];
    });
  }
}

/** The approvals of a newcomer that members gave, by their index. */
function signaturesFor(
  newcomer: ClientRow,
  members: readonly RosterMember[],
  approvals: readonly MemberApprovalRow[],
): { index: number; signature: Uint8Array }[] {
  const own = new Map(
    approvals
      .filter(({ clientId }) => clientId === newcomer.id)
      .map(({ signerId, signature }) => [signerId, signature]),
  );
  return members.flatMap(({ id, index }) => {
    const signature = own.get(id);
    return signature === undefined ? [] : [{ index, signature }];
  });
}

/** The members of the next epoch: those of the last one, and as many newcomers (lowest index first) as nodes accept at once. */
export function nextMembers(before: readonly RosterMember[], approved: readonly RosterMember[]): RosterMember[] {
  if (before.length === 0) return approved.slice(0, maxRosterSize);
  const known = new Set(before.map(({ id }) => id));
  const newcomers = approved.filter(({ id }) => !known.has(id));
  const room = Math.min(rosterChangeLimit(before.length, usualRosterChange), maxRosterSize - before.length);
  const admitted = new Set(newcomers.slice(0, room).map(({ id }) => id));
  return approved.filter(({ id }) => known.has(id) || admitted.has(id));
}

function sameMembers(left: readonly RosterMember[], right: readonly RosterMember[]): boolean {
  return (
    left.length === right.length &&
    left.every((one, at) => {
      const other = right[at];
      return other !== undefined && one.id === other.id && equalBytes(one.publicKey, other.publicKey);
    })
  );
}
