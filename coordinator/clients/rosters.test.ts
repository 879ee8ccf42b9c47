import { type AcceptedRoster, acceptRoster } from '@hansa/aggregation/secagg/client';
import { IdentityKey, SecretBytes } from '@hansa/shared/crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClientRow, RosterRow, StateStore } from '../storage/stateStore.ts';
import { nextMembers, Rosters } from './rosters.ts';

const coordinator = new IdentityKey(new SecretBytes(new Uint8Array(32).fill(200)));
const federation = '7b1c2d3e-4f50-4a61-8b72-c83d94ea05fb';
const identityOf = (index: number) => new IdentityKey(new SecretBytes(new Uint8Array(32).fill(index + 1)));

const clientOf = (index: number): ClientRow => ({
  id: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
  index,
  label: `shop ${index}`,
  publicKey: identityOf(index).publicKey,
  enrolledAtMs: 0,
  lastSeenAtMs: undefined,
});

/** As much of a store as rosters need. */
function storeOf(clients: ClientRow[], rows: RosterRow[] = []) {
  return {
    clients: async () => clients,
    rosters: async () => rows,
    addRoster: async (row: RosterRow) => {
      rows.push(row);
    },
  } as unknown as StateStore;
}

const policy = { federation, coordinatorKey: coordinator.publicKey, maxRosterChange: 0.34 };

describe('Rosters', () => {
  it('cuts no epoch while nobody is enrolled, and none without a change', async () => {
    const clients: ClientRow[] = [];
    const rosters = await Rosters.open(storeOf(clients), coordinator, federation);
    expect(await rosters.current()).toBeUndefined();
    clients.push(clientOf(0), clientOf(1));
    const first = await rosters.current();
    expect(first).toMatchObject({ epoch: 0, prevHash: new Uint8Array(32) });
    expect(await rosters.current()).toBe(first);
  });

  it('keeps the chain over a restart', async () => {
    const clients = [clientOf(0), clientOf(1), clientOf(2)];
    const rows: RosterRow[] = [];
    const before = await Rosters.open(storeOf(clients, rows), coordinator, federation);
    await before.current();
    clients.push(clientOf(3));
    await before.current();
    const after = await Rosters.open(storeOf(clients, rows), coordinator, federation);
    expect(after.chain).toEqual(before.chain);
    expect(await after.current()).toEqual(before.chain.at(-1));
  });

  it('never shows a label', async () => {
    const rows: RosterRow[] = [];
    const rosters = await Rosters.open(storeOf([clientOf(0)], rows), coordinator, federation);
    await rosters.current();
    expect(rows[0]?.wire).not.toContain('shop');
  });

  it('every member accepts its chain however the federation grew, and all are in it in the end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 5 }), async (arrivals) => {
        const clients: ClientRow[] = [];
        const rosters = await Rosters.open(storeOf(clients), coordinator, federation);
        for (const count of [Math.max(3, arrivals[0] ?? 3), ...arrivals.slice(1)]) {
          for (let n = 0; n < count; n++) clients.push(clientOf(clients.length));
          await rosters.current();
        }
        for (let last: unknown; last !== (await rosters.current()); ) last = rosters.chain.at(-1);
        expect(rosters.chain.at(-1)?.members).toHaveLength(clients.length);
        for (const client of clients) {
          let accepted: AcceptedRoster | undefined;
          for (const roster of rosters.chain.filter(({ members }) => members.some(({ id }) => id === client.id))) {
            accepted = acceptRoster(accepted, roster, policy, identityOf(client.index));
          }
          expect(accepted?.members).toHaveLength(clients.length);
        }
      }),
      { seed: 11, numRuns: 30 },
    );
  });

  it('lets a single newcomer in even where it is more than a third', () => {
    const member = (index: number) => ({ ...clientOf(index), approval: 'none' as const });
    expect(nextMembers([member(0), member(1)], [member(0), member(1), member(2), member(3)])).toHaveLength(3);
  });
});
