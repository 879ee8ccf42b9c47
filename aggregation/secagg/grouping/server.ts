import { equalBytes } from '@hansa/shared/crypto';
import { HansaError } from '@hansa/shared/errors';
import {
  type CommitSeed,
  commitSeedBytes,
  contradiction,
  type Draw,
  type DrawMessageName,
  drawBytes,
  drawId,
  type Evidence,
  groupSeedHash,
  type MessageOf,
  messageHash,
  type NodeDrawMessageName,
  type RevealSeed,
  type Roster,
  revealSeedBytes,
  rosterHash,
  type SeedCommitments,
  seedCommitment,
  seedCommitmentsBytes,
  seedListHash,
} from '@hansa/shared/protocol/secagg';
import { refuse, refused } from '../refuse.ts';
import { checkSigned } from '../server/sender.ts';
import type { ServerPorts } from '../server/types.ts';
import { groupsOf } from './groups.ts';

export type DrawStage = NodeDrawMessageName;

export type DrawServerEvent =
  | {
      [Name in NodeDrawMessageName]: {
        readonly type: 'message';
        /** Roster index of the sender, as its connection proved it. */
        readonly from: number;
        readonly name: Name;
        readonly message: MessageOf<Name>;
      };
    }[NodeDrawMessageName]
  /** The node's process reached the coordinator again and has lost nothing. */
  | { readonly type: 'resumed'; readonly index: number }
  /** The driver gives the node up. */
  | { readonly type: 'dropped'; readonly index: number }
  | { readonly type: 'deadline'; readonly stage: DrawStage };

export type DrawServerEffect =
  | {
      [Name in DrawMessageName]: {
        readonly type: 'send';
        readonly to: number;
        readonly name: Name;
        readonly message: MessageOf<Name>;
      };
    }[DrawMessageName]
  | { readonly type: 'setDeadline'; readonly stage: DrawStage }
  | { readonly type: 'clearDeadline' }
  | { readonly type: 'evidence'; readonly evidence: Evidence }
  /** Every member of the groups knows them once it has its `seedReveals`. */
  | { readonly type: 'grouped'; readonly seedHash: Uint8Array; readonly groups: readonly (readonly number[])[] }
  /** No groups came of it. `withheld`: who committed to a part of the seed and did not reveal it, and should not be asked to the next try. */
  | { readonly type: 'void'; readonly withheld: readonly number[]; readonly reason: string };

interface Common {
  readonly id: Uint8Array;
  readonly draw: Draw;
  readonly keys: ReadonlyMap<number, Uint8Array>;
  readonly selected: readonly number[];
  readonly dropped: ReadonlySet<number>;
  readonly commits: ReadonlyMap<number, CommitSeed>;
}

/** One draw as the coordinator sees it: commitSeed → revealSeed → over. */
export type DrawServerState =
  | (Common & { readonly phase: 'commitSeed' })
  | (Common & {
      readonly phase: 'revealSeed';
      readonly list: SeedCommitments;
      readonly listHash: Uint8Array;
      readonly reveals: ReadonlyMap<number, RevealSeed>;
    })
  | { readonly phase: 'over'; readonly id: Uint8Array };

type Live = Exclude<DrawServerState, { phase: 'over' }>;

export interface DrawServerStep {
  readonly state: DrawServerState;
  readonly effects: readonly DrawServerEffect[];
  readonly refusal?: HansaError;
}

/** Begins a draw among `selected` (roster indexes). @throws RangeError (when roster, draw and selection do not fit each other) */
export function startDraw(
  roster: Roster,
  draw: Omit<Draw, 'signature'>,
  selected: readonly number[],
  ports: ServerPorts,
): DrawServerStep {
  if (!equalBytes(rosterHash(roster), draw.rosterHash)) throw new RangeError('The draw names another roster');
  if (!draw.config.grouped) throw new RangeError('The task has one group only');
  const keys = new Map(roster.members.map((member) => [member.index, member.publicKey]));
  if (new Set(selected).size !== selected.length || selected.some((index) => !keys.has(index)))
    throw new RangeError('The selection names a member twice or a stranger');
  const message = { ...draw, signature: ports.identity.sign('draw', drawBytes(draw)) };
  return {
    state: {
      phase: 'commitSeed',
      id: drawId(draw),
      draw: message,
      keys,
      selected: [...selected].sort((left, right) => left - right),
      dropped: new Set(),
      commits: new Map(),
    },
    effects: [
      { type: 'setDeadline', stage: 'commitSeed' },
      ...selected.map((to): DrawServerEffect => ({ type: 'send', to, name: 'draw', message })),
    ],
  };
}

/** The next state and what to do. @throws HansaError (when the event is refused; nothing has changed then) */
export function stepDrawServer(state: DrawServerState, event: DrawServerEvent, ports: ServerPorts): DrawServerStep {
  if (state.phase === 'over') {
    if (event.type === 'message') refuse('UnknownSetup', 'That draw is over.');
    return { state, effects: [] };
  }
  switch (event.type) {
    case 'message':
      return receive(state, event, ports);
    case 'resumed':
      return { state, effects: request(state, event.index) };
    case 'dropped':
      return closeStage({ ...state, dropped: new Set([...state.dropped, event.index]) }, ports, false);
    case 'deadline':
      return event.stage === state.phase ? closeStage(state, ports, true) : { state, effects: [] };
  }
}

function receive(
  state: Live,
  event: Extract<DrawServerEvent, { type: 'message' }>,
  ports: ServerPorts,
): DrawServerStep {
  const { from, name, message } = event;
  if (!state.selected.includes(from)) refuse('UnknownSetup', `Member ${from} was not asked to this draw.`);
  if (!equalBytes(message.drawId, state.id))
    refuse('UnknownSetup', `The message of member ${from} belongs to another draw.`, { culprit: from });
  const stored =
    name === 'commitSeed' ? state.commits.get(from) : 'reveals' in state ? state.reveals.get(from) : undefined;
  if (stored !== undefined) {
    if (equalBytes(messageHash(name, stored as never), messageHash(name, message as never)))
      return { state, effects: request(state, from) };
    const text = `A second, different "${name}" came from member ${from}: the first stands.`;
    const found =
      name === 'commitSeed'
        ? contradiction({
            kind: 'commitSeed',
            signer: state.keys.get(from)!,
            member: from,
            first: { bytes: commitSeedBytes(stored as CommitSeed), signature: stored.signature },
            second: { bytes: commitSeedBytes(message), signature: message.signature },
          })
        : undefined;
    return refused(
      state,
      new HansaError('ConflictingMessage', text, { culprit: from }),
      found === undefined ? [] : [found],
    );
  }
  if (name === 'commitSeed' && state.phase === 'commitSeed') {
    checkSigned(state, from, message, 'g1', commitSeedBytes(message));
    return closeStage({ ...state, commits: new Map(state.commits).set(from, message) }, ports, false);
  }
  if (name === 'revealSeed' && state.phase === 'revealSeed' && state.commits.has(from)) {
    checkSigned(state, from, message, 'g2', revealSeedBytes(message));
    const commitment = state.commits.get(from)!.commitment;
    if (!equalBytes(message.listHash, state.listHash))
      refuse('CohortMismatch', `Member ${from} revealed its part for another list.`, { culprit: from });
    if (!equalBytes(seedCommitment(state.id, from, message.seed), commitment))
      refuse('DrawVoid', `Member ${from} revealed another part than it committed to.`, { culprit: from });
    return closeStage({ ...state, reveals: new Map(state.reveals).set(from, message) }, ports, false);
  }
  refuse('UnexpectedMessage', `"${name}" of member ${from} does not fit phase ${state.phase} of the draw.`);
}

/** What the stage asked of one member, again, as long as it has not answered. */
function request(state: Live, to: number): readonly DrawServerEffect[] {
  if (state.dropped.has(to)) return [];
  if (state.phase === 'commitSeed')
    return state.selected.includes(to) && !state.commits.has(to)
      ? [{ type: 'send', to, name: 'draw', message: state.draw }]
      : [];
  return state.commits.has(to) && !state.reveals.has(to)
    ? [{ type: 'send', to, name: 'seedCommitments', message: state.list }]
    : [];
}

function closeStage(state: Live, ports: ServerPorts, timeIsUp: boolean): DrawServerStep {
  if (state.phase === 'commitSeed') {
    const waiting = state.selected.some((index) => !state.commits.has(index) && !state.dropped.has(index));
    return waiting && !timeIsUp ? { state, effects: [] } : sendList(state, ports);
  }
  const missing = [...state.commits.keys()].filter((index) => !state.reveals.has(index));
  const lost = missing.filter((index) => state.dropped.has(index));
  // One reveal that will not come makes the draw void: to leave it out would be to let its owner choose.
  if (missing.length > 0 && lost.length === 0 && !timeIsUp) return { state, effects: [] };
  return missing.length > 0
    ? over(
        state,
        timeIsUp ? missing : lost,
        `${missing.length} of ${state.commits.size} members did not reveal their part.`,
      )
    : conclude(state);
}

function sendList(state: Extract<Live, { phase: 'commitSeed' }>, ports: ServerPorts): DrawServerStep {
  const { minCohort, maxCohort } = state.draw.config;
  const members = [...state.commits.values()]
    .filter(({ index }) => !state.dropped.has(index))
    .sort((left, right) => left.index - right.index)
    .map(({ drawId: _, ...member }) => member);
  const smallest = Math.floor(members.length / Math.max(1, Math.ceil(members.length / maxCohort)));
  if (smallest < minCohort)
    return over(state, [], `${members.length} members cannot be cut into groups of at least ${minCohort}.`);
  const unsigned = { drawId: state.id, members };
  const listHash = seedListHash(unsigned);
  const list = { ...unsigned, signature: ports.identity.sign('gl', seedCommitmentsBytes(state.id, listHash)) };
  const commits = new Map([...state.commits].filter(([index]) => !state.dropped.has(index)));
  return {
    state: { ...state, phase: 'revealSeed', commits, list, listHash, reveals: new Map() },
    effects: [
      { type: 'setDeadline', stage: 'revealSeed' },
      ...members.map(
        ({ index }): DrawServerEffect => ({ type: 'send', to: index, name: 'seedCommitments', message: list }),
      ),
    ],
  };
}

function conclude(state: Extract<Live, { phase: 'revealSeed' }>): DrawServerStep {
  const { id, list, listHash, reveals, draw } = state;
  const members = list.members.map(({ index }) => index);
  const ordered = members.map((index) => reveals.get(index)!);
  const message = {
    drawId: id,
    listHash,
    reveals: ordered.map(({ index, seed, signature }) => ({ index, seed, signature })),
  };
  const seedHash = groupSeedHash(
    id,
    listHash,
    ordered.map(({ seed }) => seed),
  );
  return {
    state: { phase: 'over', id },
    effects: [
      { type: 'clearDeadline' },
      ...members.map((to): DrawServerEffect => ({ type: 'send', to, name: 'seedReveals', message })),
      { type: 'grouped', seedHash, groups: groupsOf(seedHash, members, draw.config.maxCohort) },
    ],
  };
}

const over = (state: Live, withheld: readonly number[], reason: string): DrawServerStep => ({
  state: { phase: 'over', id: state.id },
  effects: [{ type: 'clearDeadline' }, { type: 'void', withheld, reason }],
});
