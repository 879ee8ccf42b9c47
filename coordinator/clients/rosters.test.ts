import { type AcceptedRoster, acceptRoster, type ClientPolicy } from '@hansa/aggregation/secagg/client';
import { fingerprintOf, IdentityKey, SecretBytes } from '@hansa/shared/crypto';
import { type ApprovalRule, approveMember, type RosterMember } from '@hansa/shared/protocol/secagg';
import { TestApprover } from '@hansa/shared/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClientRow, MemberApprovalRow, RosterRow, StateStore } from '../storage/stateStore.ts';
import { nextMembers, Rosters } from './rosters.ts';

const identity = new IdentityKey(new SecretBytes(new Uint8Array(32).fill(200)));
const federation = '7b1c2d3e-4f50-4a61-8b72-c83d94ea05fb';
const scope = { federation, coordinatorKey: identity.publicKey };
const approver = new TestApprover();
const identityOf = (index: number) => new IdentityKey(new SecretBytes(new Uint8Array(32).fill(index + 1)));
const consortium = { by: 'consortium', approverKey: approver.key.publicKey } as const;

const clientOf = (index: number, rule: ApprovalRule = consortium): ClientRow => ({
  id: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
  index,
  label: `shop ${index}`,
  publicKey: identityOf(index).publicKey,
  approval: rule.by === 'consortium' ? approver.approve(scope, identityOf(index).publicKey) : undefined,
  enrolledAtMs: 0,
  lastSeenAtMs: undefined,
});

/** As much of a store as rosters need. */
function storeOf(clients: ClientRow[], rule: ApprovalRule, rows: RosterRow[]) {
  const approvals: MemberApprovalRow[] = [];
  return {
    approvalRule: async () => rule,
    clients: async () => clients,
    client: async (id: string) => clients.find((client) => client.id === id),
    addMemberApproval: async (row: MemberApprovalRow) => {
      approvals.push(row);
    },
    memberApprovals: async () => approvals,
    rosters: async () => rows,
    addRoster: async (row: RosterRow) => {
      rows.push(row);
    },
  } as unknown as StateStore;
}

const open = (
  clients: ClientRow[],
  { rule = consortium, rows = [] }: { rule?: ApprovalRule; rows?: RosterRow[] } = {},
) => Rosters.open({ store: storeOf(clients, rule, rows), identity, federation, approvalsByMembers: 2 });

/** What the node with this index makes of the chain that the coordinator shows it. */
function accepted(rosters: Rosters, { id, index }: ClientRow, approvals: ClientPolicy['approvals']) {
  let last: AcceptedRoster | undefined;
  for (const roster of rosters.chain.filter(({ members }) => members.some((member) => member.id === id)))
    last = acceptRoster(last, roster, { ...scope, maxRosterChange: 0.34, approvals }, identityOf(index));
  return last;
}

const ids = (members: readonly { readonly id: string }[] | undefined) => members?.map(({ id }) => id);

describe('Rosters', () => {
  it('cuts no epoch while nobody is enrolled, and none without a change', async () => {
    const clients: ClientRow[] = [];
    const rosters = await open(clients);
    expect(await rosters.current()).toBeUndefined();
    clients.push(clientOf(0), clientOf(1));
    const first = await rosters.current();
    expect(first).toMatchObject({ epoch: 0, prevHash: new Uint8Array(32) });
    expect(await rosters.current()).toBe(first);
  });

  it('keeps the chain over a restart', async () => {
    const clients = [clientOf(0), clientOf(1), clientOf(2)];
    const rows: RosterRow[] = [];
    const before = await open(clients, { rows });
    await before.current();
    clients.push(clientOf(3));
    await before.current();
    const after = await open(clients, { rows });
    expect(after.chain).toEqual(before.chain);
    expect(await after.current()).toEqual(before.chain.at(-1));
  });

  it('never shows a label', async () => {
    const rows: RosterRow[] = [];
    await (await open([clientOf(0)], { rows })).current();
    expect(rows[0]?.wire).not.toContain('shop');
  });

  it('lists nobody whom the consortium has not approved', async () => {
    const rosters = await open([clientOf(0), { ...clientOf(1), approval: undefined }, clientOf(2)]);
    expect(ids((await rosters.current())?.members)).toEqual([clientOf(0).id, clientOf(2).id]);
  });

  it('lets a single newcomer in even where it is more than a third', () => {
    const member = (index: number): RosterMember => ({ ...clientOf(index), approval: { by: 'founder' } });
    expect(nextMembers([member(0), member(1)], [member(0), member(1), member(2), member(3)])).toHaveLength(3);
  });
});

describe('Rosters where members approve', () => {
  const rule = { by: 'members' } as const;
  const member = (index: number) => clientOf(index, rule);
  const approval = (signer: number, newcomer: ClientRow, key = newcomer.publicKey): MemberApprovalRow => ({
    clientId: newcomer.id,
    signerId: member(signer).id,
    signature: approveMember(identityOf(signer), scope, newcomer.id, fingerprintOf(key)),
  });
  const founded = async (count: number) => {
    const clients = Array.from({ length: count }, (_one, index) => member(index));
    const rosters = await open(clients, { rule });
    await rosters.current();
    clients.push(member(count));
    return { rosters, clients, newcomer: member(count) };
  };

  it('founders need no approval; a newcomer waits for enough of them', async () => {
    const { rosters, newcomer } = await founded(3);
    expect((await rosters.current())?.members.map(({ approval }) => approval.by)).toEqual(Array(3).fill('founder'));
    expect(await rosters.approve(approval(1, newcomer))).toEqual({ given: 1, needed: 2 });
    expect(await rosters.approve(approval(1, newcomer))).toEqual({ given: 1, needed: 2 });
    expect((await rosters.current())?.members).toHaveLength(3);
    expect(await rosters.approve(approval(2, newcomer))).toEqual({ given: 2, needed: 2 });
    expect(ids((await rosters.current())?.members)).toContain(newcomer.id);
    expect(accepted(rosters, member(0), { by: 'members', atLeast: 2 })?.members).toHaveLength(4);
    // A node that asks for more goes no further; who joins later takes the roster as it is.
    expect(() => accepted(rosters, member(0), { by: 'members', atLeast: 3 })).toThrow(
      expect.objectContaining({ code: 'RosterUnapproved' }),
    );
    expect(accepted(rosters, newcomer, { by: 'members', atLeast: 3 })?.members).toHaveLength(4);
  });

  it('refuses an approval that the members would not accept, by name, and stores nothing', async () => {
    const { rosters, clients, newcomer } = await founded(3);
    const stranger = member(4);
    clients.push(stranger);
    const { signature } = approval(2, newcomer);
    for (const [refused, code] of [
      [approval(1, newcomer, stranger.publicKey), 'BadApproval'],
      [{ ...approval(1, newcomer), signature }, 'BadApproval'],
      [{ ...approval(1, stranger), clientId: newcomer.id }, 'BadApproval'],
      [approval(3, newcomer), 'UnknownClient'],
      [approval(4, newcomer), 'UnknownClient'],
      [{ ...approval(1, newcomer), clientId: '7b1c2d3e-4f50-4a61-8b72-c83d94ea05fc' }, 'UnknownClient'],
      [approval(1, member(0)), 'UnexpectedMessage'],
    ] as const)
      await expect(rosters.approve(refused)).rejects.toMatchObject({ code });
    expect(await rosters.approve(approval(0, newcomer))).toEqual({ given: 1, needed: 2 });
  });

  it('asks for no approval of a member where a consortium approves', async () => {
    const rosters = await open([clientOf(0), clientOf(1)]);
    await rosters.current();
    await expect(rosters.approve(approval(0, member(2)))).rejects.toMatchObject({ code: 'UnexpectedMessage' });
  });
});

describe('a federation that grows', () => {
  const arrivals = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 });

  it.each<[string, ApprovalRule]>([
    ['with a consortium', consortium],
    ['where members approve', { by: 'members' }],
  ])('%s has a chain that every member accepts, with everyone in it in the end', async (_, rule) => {
    const policy = rule.by === 'members' ? { ...rule, atLeast: 2 } : rule;
    await fc.assert(
      fc.asyncProperty(arrivals, async (counts) => {
        const clients: ClientRow[] = [];
        const rosters = await open(clients, { rule });
        for (const count of counts) {
          for (let n = 0; n < count; n++) clients.push(clientOf(clients.length, rule));
          await rosters.current();
        }
        for (let last: unknown; last !== (await rosters.current()); ) {
          last = rosters.chain.at(-1);
          if (rule.by === 'members') await approveAll(rosters, clients);
        }
        expect(rosters.chain.at(-1)?.members).toHaveLength(clients.length);
        for (const client of clients) expect(accepted(rosters, client, policy)?.members).toHaveLength(clients.length);
      }),
      { seed: 11, numRuns: 12 },
    );
  });

  /** The first two members approve everyone who waits. */
  async function approveAll(rosters: Rosters, clients: readonly ClientRow[]): Promise<void> {
    const members = rosters.chain.at(-1)!.members;
    for (const { id: clientId, publicKey } of clients) {
      if (members.some(({ id }) => id === clientId)) continue;
      for (const { id: signerId, index } of members.slice(0, 2)) {
        const signature = approveMember(identityOf(index), scope, clientId, fingerprintOf(publicKey));
        await rosters.approve({ clientId, signerId, signature });
      }
    }
  }
});
