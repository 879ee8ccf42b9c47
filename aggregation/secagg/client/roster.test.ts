import { fingerprintOf, IdentityKey, newIdentitySeed } from '@hansa/shared/crypto';
import {
  type Approval,
  approveMember,
  type Roster,
  type RosterMember,
  rosterBytes,
  rosterHash,
} from '@hansa/shared/protocol/secagg';
import { seededRandom } from '@hansa/shared/random';
import { TestApprover } from '@hansa/shared/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { leagueFederation } from '../testing/setting.ts';
import { acceptRoster } from './roster.ts';
import type { AcceptedRoster, ClientPolicy } from './types.ts';

const keyOf = (name: string) => new IdentityKey(newIdentitySeed(seededRandom(name)));
const coordinator = keyOf('coordinator');
const me = keyOf('me');
const approver = new TestApprover();
const scope = { federation: leagueFederation, coordinatorKey: coordinator.publicKey };
type Policy = Pick<ClientPolicy, 'federation' | 'coordinatorKey' | 'maxRosterChange' | 'approvals'>;
const consortium: Policy = {
  ...scope,
  approvals: { by: 'consortium', approverKey: approver.key.publicKey },
  maxRosterChange: 0.34,
};
const byMembers: Policy = { ...scope, approvals: { by: 'members', atLeast: 2 }, maxRosterChange: 0.34 };

const idOf = (index: number) => `00000000-0000-4000-8000-${`${index}`.padStart(12, '0')}`;
const keyAt = (index: number) => (index === 0 ? me : keyOf(`member-${index}`));
const member = (
  index: number,
  key = keyAt(index),
  approval: Approval = approver.approve(scope, key.publicKey),
): RosterMember => ({ index, id: idOf(index), publicKey: key.publicKey, approval });

const first = [0, 1, 2, 3, 4, 5].map((index) => member(index));

function rosterOf(
  members: readonly RosterMember[],
  epoch = 1,
  prevHash: Uint8Array = new Uint8Array(32),
  signer = coordinator,
): Roster {
  const unsigned = { federation: leagueFederation, epoch, prevHash, members: [...members] };
  return { ...unsigned, signature: signer.sign('roster', rosterBytes(unsigned)) };
}

const accept = (roster: Roster, pinned?: AcceptedRoster, policy = consortium) =>
  acceptRoster(pinned, roster, policy, me);
const successor = (members: readonly RosterMember[], { epoch, hash }: AcceptedRoster) =>
  rosterOf(members, epoch + 1, hash);

describe('a roster', () => {
  const pinned = accept(rosterOf(first));
  const next = (members: readonly RosterMember[], epoch = 2, prevHash: Uint8Array = pinned.hash) =>
    rosterOf(members, epoch, prevHash);

  it('is pinned when it is the first, and the same one again changes nothing', () => {
    expect(pinned.hash).toEqual(rosterHash(rosterOf(first)));
    expect(pinned.known).toEqual([0, 1, 2, 3, 4, 5]);
    expect(accept(rosterOf(first), pinned)).toBe(pinned);
  });

  it('may grow by its successor; newcomers and those with new keys are not known', () => {
    const second = accept(next([...first, member(6)]), pinned);
    expect(second).toMatchObject({ epoch: 2, known: [0, 1, 2, 3, 4, 5] });
    const third = accept(rosterOf([...first.slice(0, 5), member(5, keyOf('new')), member(6)], 3, second.hash), second);
    expect(third.known).toEqual([0, 1, 2, 3, 4]);
    expect(third.first).toEqual(pinned.first);
  });

  it('may change by one entry however small it is, unless nothing may change', () => {
    const pair = accept(rosterOf(first.slice(0, 2)));
    const three = successor(first.slice(0, 3), pair);
    expect(accept(three, pair).members).toHaveLength(3);
    expect(() => accept(successor(first.slice(0, 4), pair), pair)).toThrow(
      expect.objectContaining({ code: 'RosterChangeTooLarge' }),
    );
    expect(() => accept(three, pair, { ...consortium, maxRosterChange: 0 })).toThrow(
      expect.objectContaining({ code: 'RosterChangeTooLarge' }),
    );
  });

  it.each<[string, string, Roster]>([
    ['signed by another', 'BadSignature', rosterOf(first, 1, new Uint8Array(32), me)],
    ['without this node', 'RosterMismatch', rosterOf(first.slice(1))],
    ['out of order', 'RosterMismatch', rosterOf([...first].reverse())],
    ['with a key twice', 'RosterMismatch', rosterOf([...first, { ...member(9), publicKey: first[3]!.publicKey }])],
    ['with an id twice', 'RosterMismatch', rosterOf([...first, { ...member(9), id: first[3]!.id }])],
  ])('%s is refused even as the first', (_, code, roster) => {
    expect(() => accept(roster)).toThrow(expect.objectContaining({ code }));
  });

  it.each<[string, string, Roster]>([
    ['that skips an epoch', 'RosterMismatch', next(first, 3)],
    ['of the same epoch with other members', 'RosterMismatch', next([...first, member(6)], 1)],
    ['on another history', 'RosterMismatch', next([...first, member(6)], 2, new Uint8Array(32).fill(7))],
    ["with another index for this node's key", 'RosterMismatch', next([...first.slice(1), member(8, me)])],
    ['that adds too many', 'RosterChangeTooLarge', next([...first, member(6), member(7), member(8)])],
    ['that removes too many', 'RosterChangeTooLarge', next(first.slice(0, 3))],
    [
      'that exchanges too many keys',
      'RosterChangeTooLarge',
      next([...first.slice(0, 3), ...[3, 4, 5].map((index) => member(index, keyOf(`new-${index}`)))]),
    ],
  ])('%s is refused', (_, code, roster) => {
    expect(() => accept(roster, pinned)).toThrow(expect.objectContaining({ code }));
  });
});

/** What a coordinator without the approver's key can put beside a member of its own making. */
const forgeries = (publicKey: Uint8Array): [string, Approval][] => {
  const good = approver.approve(scope, publicKey);
  const impostor = new TestApprover('impostor');
  const flip = (bytes: Uint8Array) => Uint8Array.from(bytes, (byte, at) => (at === 9 ? byte ^ 1 : byte));
  return [
    ['none', { by: 'founder' }],
    ["members' signatures", { by: 'members', signatures: [{ index: 1, signature: good.signature }] }],
    ['one under another approver', impostor.approve(scope, publicKey)],
    ["another approver's certificate", { ...good, certificate: impostor.approve(scope, publicKey).certificate }],
    ['one for another key', { ...approver.approve(scope, keyOf('other').publicKey) }],
    ['one whose token key was exchanged', { ...good, tokenKey: coordinator.publicKey }],
    ['one signed by the coordinator', { ...good, signature: coordinator.sign('approved', publicKey) }],
    ['a damaged certificate', { ...good, certificate: flip(good.certificate) }],
    ['a damaged signature', { ...good, signature: flip(good.signature) }],
    ['a later expiry', { ...good, expiresAtMs: good.expiresAtMs + 1 }],
    ['links that are swapped', { ...good, certificate: good.signature, signature: good.certificate }],
    ['one for another federation', approver.approve({ ...scope, federation: idOf(99) }, publicKey)],
    ['one for another coordinator', approver.approve({ ...scope, coordinatorKey: me.publicKey }, publicKey)],
  ];
};

describe('with a consortium', () => {
  const pinned = accept(rosterOf(first));
  const unapproved = (index: number) => expect.objectContaining({ code: 'RosterUnapproved', details: { index } });

  it.each(forgeries(keyAt(4).publicKey))(
    'a member with %s is refused, in the first roster and in any other',
    (_, approval) => {
      expect(() => accept(rosterOf(first.with(4, member(4, keyAt(4), approval))))).toThrow(unapproved(4));
      const forged = successor([...first.with(4, member(4, keyAt(4), approval)), member(6)], pinned);
      expect(() => accept(forged, pinned)).toThrow(unapproved(4));
    },
  );

  it.each(forgeries(keyAt(6).publicKey))('a newcomer with %s is refused', (_, approval) => {
    expect(() => accept(successor([...first, member(6, keyAt(6), approval)], pinned), pinned)).toThrow(unapproved(6));
  });

  it('one join token brings in one key', () => {
    const shared = (index: number) =>
      member(index, keyAt(index), approver.approve(scope, keyAt(index).publicKey, 'shared'));
    expect(() => accept(rosterOf([...first, shared(6), shared(7)]))).toThrow(unapproved(7));
    const six = accept(successor([...first, shared(6)], pinned), pinned);
    expect(() => accept(successor([...first, shared(6), shared(7)], six), six)).toThrow(unapproved(7));
    // Not even where the first key's entry is given another token, which nobody signed.
    const freed = member(6, keyAt(6), {
      ...approver.approve(scope, keyAt(6).publicKey, 'shared'),
      tokenKey: me.publicKey,
    });
    expect(() => accept(successor([...first, freed, shared(7)], six), six)).toThrow(unapproved(6));
  });

  it('two members with swapped approvals are refused', () => {
    const swapped = first
      .with(2, member(2, keyAt(2), first[3]!.approval))
      .with(3, member(3, keyAt(3), first[2]!.approval));
    expect(() => accept(rosterOf(swapped))).toThrow(unapproved(2));
  });

  it('the coordinator cannot turn to members who approve, nor back', () => {
    const founders = first.map((one): RosterMember => ({ ...one, approval: { by: 'founder' } }));
    expect(() => accept(rosterOf(founders))).toThrow(unapproved(0));
    const signed = approvedBy([1, 2], 6);
    expect(() => accept(successor([...first, signed], pinned), pinned)).toThrow(unapproved(6));
    expect(() => accept(rosterOf(first), undefined, byMembers)).toThrow(unapproved(0));
  });
});

/** A newcomer with the signatures of some members of the founders below. */
const approvedBy = (signers: readonly number[], index: number, key = keyAt(index)): RosterMember =>
  member(index, key, {
    by: 'members',
    signatures: signers.map((signer) => ({
      index: signer,
      signature: approveMember(keyAt(signer), scope, idOf(index), fingerprintOf(key.publicKey)),
    })),
  });

describe('where members approve', () => {
  const founders = first.map((one): RosterMember => ({ ...one, approval: { by: 'founder' } }));
  const pinned = accept(rosterOf(founders), undefined, byMembers);
  const grown = (newcomer: RosterMember, atLeast = 2) =>
    accept(successor([...founders, newcomer], pinned), pinned, { ...byMembers, approvals: { by: 'members', atLeast } });
  const unapproved = (index: number) => expect.objectContaining({ code: 'RosterUnapproved', details: { index } });
  const signatures = (newcomer: RosterMember) =>
    newcomer.approval.by === 'members' ? newcomer.approval.signatures : [];

  it('the first roster is pinned as it is, and enough members bring in a newcomer', () => {
    expect(pinned.known).toHaveLength(6);
    expect(grown(approvedBy([1, 4], 6))).toMatchObject({ epoch: 2, known: [0, 1, 2, 3, 4, 5] });
    expect(grown(approvedBy([1, 4, 5], 6), 3).members).toHaveLength(7);
    // Later epochs carry it on, whether or not those who signed are still there.
    const seven = grown(approvedBy([1, 4], 6));
    const without4 = founders.filter(({ index }) => index !== 4);
    expect(accept(successor([...without4, approvedBy([1, 4], 6)], seven), seven, byMembers).members).toHaveLength(6);
  });

  it('all must approve where they are fewer than asked for', () => {
    const alone = accept(rosterOf([founders[0]!]), undefined, byMembers);
    const two = accept(successor([founders[0]!, approvedBy([0], 1)], alone), alone, byMembers);
    expect(() => accept(successor([...founders.slice(0, 2), approvedBy([0], 2)], two), two, byMembers)).toThrow(
      unapproved(2),
    );
    expect(
      accept(successor([founders[0]!, approvedBy([0], 1), approvedBy([0, 1], 2)], two), two, byMembers).members,
    ).toHaveLength(3);
  });

  it('a member with a new key needs approvals as a newcomer does', () => {
    const rekeyed = keyOf('new-5');
    const others = founders.slice(0, 5);
    expect(() =>
      accept(successor([...others, member(5, rekeyed, { by: 'founder' })], pinned), pinned, byMembers),
    ).toThrow(unapproved(5));
    expect(accept(successor([...others, approvedBy([1, 2], 5, rekeyed)], pinned), pinned, byMembers).known).toEqual([
      0, 1, 2, 3, 4,
    ]);
  });

  it.each<[string, RosterMember]>([
    ['a founder that came late', member(6, keyAt(6), { by: 'founder' })],
    ['one approval too few', approvedBy([1], 6)],
    ['one member named twice', approvedBy([1, 1], 6)],
    ['enough approvals, one of them twice', approvedBy([1, 2, 1], 6)],
    ['its own approval', approvedBy([1, 6], 6)],
    ['one of a stranger', approvedBy([1, 9], 6)],
    [
      "a signature under another member's name",
      {
        ...member(6),
        approval: {
          by: 'members',
          signatures: signatures(approvedBy([1, 2], 6)).map((one) => ({ ...one, index: one.index + 1 })),
        },
      },
    ],
    ['approvals of another key', { ...member(6), approval: approvedBy([1, 2], 6, keyOf('other')).approval }],
    ['approvals of another newcomer', { ...member(6), approval: approvedBy([1, 2], 7).approval }],
    ['approvals under another id', { ...approvedBy([1, 2], 6), id: idOf(77) }],
    [
      'a good and a bad approval more than needed',
      {
        ...member(6),
        approval: {
          by: 'members',
          signatures: [
            ...signatures(approvedBy([1, 2], 6)),
            { index: 3, signature: signatures(approvedBy([4], 6))[0]!.signature },
          ],
        },
      },
    ],
    [
      'approvals for another federation',
      {
        ...member(6),
        approval: {
          by: 'members',
          signatures: [1, 2].map((index) => ({
            index,
            signature: approveMember(
              keyAt(index),
              { ...scope, federation: idOf(99) },
              idOf(6),
              fingerprintOf(keyAt(6).publicKey),
            ),
          })),
        },
      },
    ],
    [
      'approvals for another coordinator',
      {
        ...member(6),
        approval: {
          by: 'members',
          signatures: [1, 2].map((index) => ({
            index,
            signature: approveMember(
              keyAt(index),
              { ...scope, coordinatorKey: me.publicKey },
              idOf(6),
              fingerprintOf(keyAt(6).publicKey),
            ),
          })),
        },
      },
    ],
    [
      'a signature with another label',
      {
        ...member(6),
        approval: {
          by: 'members',
          signatures: [1, 2].map((index) => ({ index, signature: keyAt(index).sign('hello', keyAt(6).publicKey) })),
        },
      },
    ],
    ["a consortium's approval", member(6)],
  ])('a newcomer with %s is refused', (_, newcomer) => {
    expect(() => grown(newcomer)).toThrow(unapproved(6));
  });

  it('two newcomers of one epoch cannot vouch for each other', () => {
    const roster = successor([...founders, approvedBy([1, 7], 6), approvedBy([1, 6], 7)], pinned);
    expect(() => accept(roster, pinned, byMembers)).toThrow(unapproved(6));
  });
});

describe('a chain that grows', () => {
  const growth = fc.record({
    founders: fc.integer({ min: 1, max: 4 }),
    steps: fc.integer({ min: 1, max: 5 }),
    forgedStep: fc.integer({ min: 0, max: 5 }),
    forgery: fc.nat(forgeries(me.publicKey).length - 1),
  });

  it.each([
    ['with a consortium', consortium],
    ['where members approve', byMembers],
  ])('%s is accepted to its end, and no further than its first unapproved newcomer', (_, policy) => {
    const by = policy.approvals.by;
    fc.assert(
      fc.property(growth, ({ founders, steps, forgedStep, forgery }) => {
        const approvalOf = (index: number, before: readonly RosterMember[] | undefined): RosterMember =>
          by === 'consortium'
            ? member(index)
            : before === undefined
              ? member(index, keyAt(index), { by: 'founder' })
              : approvedBy(
                  before.slice(0, 2).map((one) => one.index),
                  index,
                );
        let members = Array.from({ length: founders }, (_one, index) => approvalOf(index, undefined));
        let accepted = accept(rosterOf(members), undefined, policy);
        for (let step = 0; step < steps; step++) {
          const index = members.length;
          if (step === forgedStep) {
            const { publicKey } = keyAt(index);
            const forged = member(index, keyAt(index), forgeries(publicKey)[forgery]![1]);
            expect(() => accept(successor([...members, forged], accepted), accepted, policy)).toThrow(
              expect.objectContaining({ code: 'RosterUnapproved', details: { index } }),
            );
          }
          members = [...members, approvalOf(index, members)];
          accepted = accept(successor(members, accepted), accepted, policy);
        }
        expect(accepted.members).toHaveLength(founders + steps);
        expect(accepted.known).toHaveLength(founders);
      }),
      { seed: 3, numRuns: 40 },
    );
  });
});
