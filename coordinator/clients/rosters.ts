import type { IdentityPort } from '@hansa/aggregation/secagg/server';
import { equalBytes } from '@hansa/shared/crypto';
import {
  decodeMessage,
  encodeMessage,
  type Roster,
  type RosterMember,
  rosterBytes,
  rosterHash,
} from '@hansa/shared/protocol/secagg';
import type { ClientRow, StateStore } from '../storage/stateStore.ts';

/** Nodes refuse a roster that differs by more than a third from the one before, unless told otherwise: newcomers are let in over several epochs. */
const MAX_CHANGE = 1 / 3;

/** The federation's hash-chained rosters. A new epoch is cut when a round is about to open and the enrolled nodes changed. */
export class Rosters {
  readonly #store: StateStore;
  readonly #identity: IdentityPort;
  readonly #federation: string;
  readonly #chain: Roster[];

  private constructor(store: StateStore, identity: IdentityPort, federation: string, chain: Roster[]) {
    this.#store = store;
    this.#identity = identity;
    this.#federation = federation;
    this.#chain = chain;
  }

  static async open(store: StateStore, identity: IdentityPort, federation: string): Promise<Rosters> {
    const rows = await store.rosters();
    const chain = rows.map((row) => decodeMessage('roster', JSON.parse(row.wire)));
    return new Rosters(store, identity, federation, chain);
  }

  /** Every epoch, oldest first. */
  get chain(): readonly Roster[] {
    return this.#chain;
  }

  /** The newest epoch, after cutting another where enrolled nodes are missing from it; undefined while nobody is enrolled. */
  async current(): Promise<Roster | undefined> {
    const last = this.#chain.at(-1);
    const members = nextMembers(last?.members ?? [], (await this.#store.clients()).map(member));
    if (members.length === 0 || (last !== undefined && sameMembers(last.members, members))) return last;
    const unsigned = {
      federation: this.#federation,
      epoch: last === undefined ? 0 : last.epoch + 1,
      prevHash: last === undefined ? new Uint8Array(32) : rosterHash(last),
      members,
    };
    const roster = { ...unsigned, signature: this.#identity.sign('roster', rosterBytes(unsigned)) };
    await this.#store.addRoster({ epoch: roster.epoch, wire: JSON.stringify(encodeMessage('roster', roster)) });
    this.#chain.push(roster);
    return roster;
  }
}

/** The members of the next epoch: those of the last one, and as many newcomers (lowest index first) as nodes accept at once. */
export function nextMembers(before: readonly RosterMember[], enrolled: readonly RosterMember[]): RosterMember[] {
  if (before.length === 0) return [...enrolled];
  const known = new Set(before.map(({ id }) => id));
  const newcomers = enrolled.filter(({ id }) => !known.has(id));
  const room = Math.max(1, Math.floor(before.length * MAX_CHANGE));
  const admitted = new Set(newcomers.slice(0, room).map(({ id }) => id));
  return enrolled.filter(({ id }) => known.has(id) || admitted.has(id));
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

const member = (client: ClientRow): RosterMember => ({
  index: client.index,
  id: client.id,
  publicKey: client.publicKey,
  approval: 'none',
});
