import { IdentityKey, newIdentitySeed } from '@hansa/shared/crypto';
import { type Roster, type RosterMember, rosterBytes, rosterHash } from '@hansa/shared/protocol/secagg';
import { seededRandom } from '@hansa/shared/random';
import { describe, expect, it } from 'vitest';
import { leagueFederation } from '../testing/league.ts';
import { acceptRoster } from './roster.ts';

const keyOf = (name: string) => new IdentityKey(newIdentitySeed(seededRandom(name)));
const coordinator = keyOf('coordinator');
const me = keyOf('me');
const policy = { federation: leagueFederation, coordinatorKey: coordinator.publicKey, maxRosterChange: 0.34 };

const member = (index: number, key = keyOf(`member-${index}`)): RosterMember => ({
  index,
  id: `00000000-0000-4000-8000-${`${index}`.padStart(12, '0')}`,
  publicKey: key.publicKey,
  approval: 'none',
});

const first = [member(0, me), ...[1, 2, 3, 4, 5].map((index) => member(index))];

function rosterOf(
  members: readonly RosterMember[],
  epoch = 1,
  prevHash: Uint8Array = new Uint8Array(32),
  signer = coordinator,
): Roster {
  const unsigned = { federation: leagueFederation, epoch, prevHash, members: [...members] };
  return { ...unsigned, signature: signer.sign('roster', rosterBytes(unsigned)) };
}

const accept = (roster: Roster, pinned?: ReturnType<typeof acceptRoster>) => acceptRoster(pinned, roster, policy, me);

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
