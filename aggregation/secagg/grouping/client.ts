import { equalBytes, SecretBytes, verifyLabelled } from '@hansa/shared/crypto';
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
  type RevealSeed,
  revealSeedBytes,
  type SeedCommitments,
  type SeedReveals,
  type SignedStatement,
  seedCommitment,
  seedCommitmentsBytes,
  seedListHash,
} from '@hansa/shared/protocol/secagg';
import { type AgreedTerms, checkTerms } from '../client/terms.ts';
import type { ClientPorts, JournalRecord } from '../client/types.ts';
import { refuse, refused } from '../refuse.ts';
import { groupsOf } from './groups.ts';

/** How many draws a node joins on one roster: a member that withholds its reveal forces another draw, and may not do so for long. */
export const maxTries = 4;

export type DrawEvent = {
  [Name in DrawMessageName]: {
    readonly type: 'message';
    readonly name: Name;
    readonly message: MessageOf<Name>;
    readonly nowMs: number;
  };
}[DrawMessageName];

/** What the driver does, in this order, each done before the next begins. */
export type DrawEffect =
  | { readonly type: 'journal'; readonly record: JournalRecord }
  | { readonly type: 'evidence'; readonly evidence: Evidence }
  | { readonly type: 'send'; readonly name: 'commitSeed'; readonly message: CommitSeed }
  | { readonly type: 'send'; readonly name: 'revealSeed'; readonly message: RevealSeed }
  | { readonly type: 'wipe'; readonly secrets: readonly SecretBytes[] };

interface Common {
  readonly id: Uint8Array;
  readonly draw: Draw;
  readonly terms: AgreedTerms;
  /** What was accepted, by name, with the answer to give again. */
  readonly accepted: Readonly<
    Partial<
      Record<
        DrawMessageName,
        {
          readonly hash: Uint8Array;
          readonly replies: readonly DrawEffect[];
          readonly statement: SignedStatement | undefined;
        }
      >
    >
  >;
}

/** One draw as a node sees it: idle → committed → revealed → drawn. A new `draw` starts again from any of them. */
export type DrawState =
  | { readonly phase: 'idle' }
  | (Common & { readonly phase: 'committed'; readonly seed: SecretBytes; readonly commitment: CommitSeed })
  | (Common & { readonly phase: 'revealed'; readonly list: SeedCommitments; readonly listHash: Uint8Array })
  | (Common & { readonly phase: 'drawn' });

export interface DrawStep {
  readonly state: DrawState;
  readonly effects: readonly DrawEffect[];
  /** As in a set-up's step: the message is refused once the effects are carried out. */
  readonly refusal?: HansaError;
}

/** No draw has begun. */
export const idleDraw: DrawState = { phase: 'idle' };

/** The next state and what to do. @throws HansaError (when the message is refused; nothing has changed then) */
export function stepDraw(state: DrawState, event: DrawEvent, ports: ClientPorts): DrawStep {
  if (event.name === 'draw' && !(state.phase !== 'idle' && equalBytes(state.id, drawId(event.message))))
    return remember(commit(state, event.message, event.nowMs, ports), event);
  if (state.phase === 'idle' || (event.name !== 'draw' && !equalBytes(event.message.drawId, state.id)))
    refuse('UnknownSetup', 'This process holds no state of that draw: it was restarted or has never joined it.');
  const earlier = state.accepted[event.name];
  if (earlier !== undefined) {
    if (equalBytes(earlier.hash, messageHash(event.name, event.message))) return { state, effects: earlier.replies };
    return refused(
      state,
      new HansaError('ConflictingMessage', `A second, different "${event.name}" came for one draw: the first stands.`),
      listContradiction(state, event, ports.policy.coordinatorKey),
    );
  }
  if (event.nowMs > state.draw.notAfterMs)
    refuse(
      'Timeout',
      `The draw has expired (notAfter)${ports.blameClock?.() ?? ''}: nothing of it is answered any more.`,
    );
  if (event.name === 'seedCommitments' && state.phase === 'committed')
    return remember(reveal(state, event.message, ports), event);
  if (event.name === 'seedReveals' && state.phase === 'revealed')
    return remember(conclude(state, event.message), event);
  refuse('UnexpectedMessage', `"${event.name}" does not fit phase ${state.phase} of this node's draw.`);
}

/** `draw` → `commitSeed`: at most {@link maxTries} on one roster, and none once this roster's groups are drawn. */
function commit(state: DrawState, draw: Draw, nowMs: number, ports: ClientPorts): DrawStep {
  const { policy, memory, identity, random } = ports;
  const statement = { bytes: drawBytes(draw), signature: draw.signature };
  const terms = checkTerms('The draw', draw, 'draw', statement.bytes, nowMs, ports);
  if (!draw.config.grouped) refuse('PolicyRefused', 'The task has one group only: there is nothing to draw.');
  const last = memory.lastDraw(draw.federation, draw.task);
  if (last !== undefined && draw.seq <= last.seq) {
    const found = contradiction({
      kind: 'draw',
      signer: policy.coordinatorKey,
      first: last.statement,
      second: statement,
    });
    return refused(
      state,
      new HansaError(
        'SequenceReplayed',
        `The draw has number ${draw.seq}; this node has joined number ${last.seq} already.`,
      ),
      found === undefined ? [] : [found],
    );
  }
  const grouping = memory.grouping(draw.federation, draw.task);
  if (grouping !== undefined && equalBytes(grouping.rosterHash, draw.rosterHash))
    refuse('TooManyDraws', 'The groups of this roster are drawn: they stay until the roster changes.');
  if (last !== undefined && equalBytes(last.rosterHash, draw.rosterHash) && last.tries >= maxTries)
    refuse(
      'TooManyDraws',
      `This node has joined ${last.tries} draws on this roster and none was finished; it joins no more until the roster changes.`,
    );
  const id = drawId(draw);
  const seed = new SecretBytes(random.bytes(32));
  const unsigned = { drawId: id, index: terms.index, commitment: seedCommitment(id, terms.index, seed.expose()) };
  const message = { ...unsigned, signature: identity.sign('g1', commitSeedBytes(unsigned)) };
  const record = {
    type: 'drawJoined',
    federation: draw.federation,
    task: draw.task,
    seq: draw.seq,
    rosterHash: draw.rosterHash,
    configHash: terms.configHash,
    statement,
  } as const;
  return {
    state: { phase: 'committed', id, draw, terms, accepted: {}, seed, commitment: message },
    effects: [
      { type: 'journal', record },
      ...(state.phase === 'committed' ? [{ type: 'wipe' as const, secrets: [state.seed] }] : []),
      { type: 'send', name: 'commitSeed', message },
    ],
  };
}

/** `seedCommitments` → `revealSeed`: only for a list that holds this node's own commitment unchanged, every one signed by its member. */
function reveal(
  state: Extract<DrawState, { phase: 'committed' }>,
  list: SeedCommitments,
  { policy, identity }: ClientPorts,
): DrawStep {
  const { id, draw, terms, accepted, seed, commitment } = state;
  const listHash = seedListHash(list);
  if (!verifyLabelled(policy.coordinatorKey, 'gl', seedCommitmentsBytes(id, listHash), list.signature))
    refuse('BadSignature', 'The list of commitments is not signed by the coordinator this node was enrolled with.');
  const keys = new Map(terms.roster.members.map((member) => [member.index, member.publicKey]));
  const known = new Set(terms.roster.known);
  const seen = new Set<string>();
  let last = -1;
  for (const member of list.members) {
    const publicKey = keys.get(member.index);
    if (member.index <= last || publicKey === undefined)
      refuse('CohortMismatch', 'The list of commitments is not sorted, or names a member twice or a stranger.');
    last = member.index;
    if (!verifyLabelled(publicKey, 'g1', commitSeedBytes({ drawId: id, ...member }), member.signature))
      refuse('BadSignature', `The commitment of member ${member.index} is not signed by it.`, {
        culprit: member.index,
      });
    const text = Buffer.from(member.commitment).toString('hex');
    if (seen.has(text))
      refuse('InvalidKey', `Member ${member.index} has a commitment that is there twice.`, { culprit: member.index });
    seen.add(text);
  }
  const own = list.members.find(({ index }) => index === terms.index);
  if (own === undefined || !equalBytes(own.commitment, commitment.commitment))
    refuse('CohortMismatch', "The list of commitments lacks this node's own or has altered it.");
  const groups = groupsOf(listHash, [...list.members.map(({ index }) => index)], draw.config.maxCohort);
  if (groups.some((group) => group.length < Math.max(policy.minCohort, draw.config.minCohort)))
    refuse(
      'CohortTooSmall',
      `${list.members.length} members cannot be cut into groups of at least ${draw.config.minCohort}.`,
    );
  const floor = Math.max(policy.knownFloor, draw.config.knownFloor);
  if (list.members.filter(({ index }) => known.has(index)).length < floor)
    refuse('UnknownPeers', `The draw has fewer than ${floor} members of the first roster.`);
  const unsigned = { drawId: id, index: terms.index, listHash, seed: Uint8Array.from(seed.expose()) };
  const message = { ...unsigned, signature: identity.sign('g2', revealSeedBytes(unsigned)) };
  return {
    state: { phase: 'revealed', id, draw, terms, accepted, list, listHash },
    effects: [
      { type: 'wipe', secrets: [seed] },
      { type: 'send', name: 'revealSeed', message },
    ],
  };
}

/** `seedReveals`: groups only where every member of the list has revealed what it committed to. Anything else is no draw. */
function conclude(state: Extract<DrawState, { phase: 'revealed' }>, message: SeedReveals): DrawStep {
  const { id, draw, terms, accepted, list, listHash } = state;
  if (!equalBytes(message.listHash, listHash))
    refuse('CohortMismatch', 'The reveals are for another list of commitments.');
  if (message.reveals.length !== list.members.length)
    refuse(
      'DrawVoid',
      `${message.reveals.length} of ${list.members.length} members revealed their part: the draw is void.`,
    );
  const keys = new Map(terms.roster.members.map((member) => [member.index, member.publicKey]));
  for (const [place, { index, seed, signature }] of message.reveals.entries()) {
    const member = list.members[place]!;
    if (member.index !== index) refuse('DrawVoid', 'The reveals are not those of the list, in its order.');
    if (!verifyLabelled(keys.get(index)!, 'g2', revealSeedBytes({ drawId: id, index, listHash, seed }), signature))
      refuse('BadSignature', `The reveal of member ${index} is not signed by it.`);
    if (!equalBytes(seedCommitment(id, index, seed), member.commitment))
      refuse('DrawVoid', `Member ${index} revealed another part than it committed to: the draw is void.`, {
        culprit: index,
      });
  }
  const seedHash = groupSeedHash(
    id,
    listHash,
    message.reveals.map(({ seed }) => seed),
  );
  const members = list.members.map(({ index }) => index);
  const groups = groupsOf(seedHash, members, draw.config.maxCohort);
  const place = groups.findIndex((group) => group.includes(terms.index));
  const grouping = { rosterHash: draw.rosterHash, seedHash, group: place + 1, members: groups[place]! };
  const { federation, task } = draw;
  return {
    state: { phase: 'drawn', id, draw, terms, accepted },
    effects: [{ type: 'journal', record: { type: 'grouped', federation, task, grouping } }],
  };
}

function listContradiction(
  state: Exclude<DrawState, { phase: 'idle' }>,
  event: DrawEvent,
  coordinatorKey: Uint8Array,
): readonly Evidence[] {
  const first = state.accepted[event.name]?.statement;
  const second = statementOf(event);
  if (event.name !== 'seedCommitments' || first === undefined || second === undefined) return [];
  const found = contradiction({ kind: 'seedCommitments', signer: coordinatorKey, first, second });
  return found === undefined ? [] : [found];
}

function statementOf(event: DrawEvent): SignedStatement | undefined {
  if (event.name !== 'seedCommitments') return undefined;
  const { message } = event;
  return { bytes: seedCommitmentsBytes(message.drawId, seedListHash(message)), signature: message.signature };
}

/** Notes an accepted message and what was sent for it, for exact duplicates. */
function remember(result: DrawStep, event: DrawEvent): DrawStep {
  const { state, effects, refusal } = result;
  if (state.phase === 'idle' || refusal !== undefined) return result;
  const entry = {
    hash: messageHash(event.name, event.message),
    replies: effects.filter((effect) => effect.type === 'send'),
    statement: statementOf(event),
  };
  return { state: { ...state, accepted: { ...state.accepted, [event.name]: entry } }, effects };
}
