import { equalBytes } from '@hansa/shared/crypto';
import { HansaError } from '@hansa/shared/errors';
import { configHash, messageHash, openBytes, rosterHash, setupId } from '@hansa/shared/protocol/secagg';
import { assertConfigFits } from '../encoding/fits.ts';
import { refuse, refused } from '../refuse.ts';
import { finishSetup, sharersOf, takeAcknowledgement } from './acknowledgeShares.ts';
import { sendCohort, takeKeys } from './advertiseKeys.ts';
import { abandon, commit, tellOutcome } from './finish.ts';
import { sendSurvivors, takeHeader, takeVector } from './maskedInput.ts';
import { request } from './request.ts';
import { takeReveal, unmask } from './revealShares.ts';
import { sendShares, takeShares } from './shareKeys.ts';
import { sendQuorum, takeSignature } from './signSurvivors.ts';
import { startRound } from './startRound.ts';
import { memberContradiction, storedHash } from './stored.ts';
import type {
  LiveServerState,
  ServerEffect,
  ServerEvent,
  ServerPorts,
  ServerSetup,
  ServerState,
  ServerStep,
} from './types.ts';
import { giveUp, pendingOf, waitingFor } from './waiting.ts';

type MessageEvent = Extract<ServerEvent, { readonly type: 'message' }>;

/**
 * Begins a set-up: OPEN to every selected node.
 *
 * @throws RangeError (when roster and selection do not fit each other)
 * @throws HansaError InvalidTask (when the configuration cannot work)
 */
export function start({ roster, open, selected }: ServerSetup, ports: ServerPorts): ServerStep {
  if (!equalBytes(rosterHash(roster), open.rosterHash)) throw new RangeError('OPEN names another roster');
  if (!equalBytes(ports.identity.publicKey, open.coordinatorKey))
    throw new RangeError('OPEN names another coordinator');
  assertConfigFits(open.config);
  const keys = new Map(roster.members.map((member) => [member.index, member.publicKey]));
  const sorted = [...new Set(selected)].sort((left, right) => left - right);
  if (sorted.length !== selected.length || sorted.some((index) => !keys.has(index)))
    throw new RangeError('The selection names a member twice or a stranger');
  if (sorted.length < open.config.minCohort || sorted.length > open.config.maxCohort)
    throw new RangeError(`A selection of ${sorted.length} does not fit the task's cohort`);
  const message = { ...open, signature: ports.identity.sign('open', openBytes(open)) };
  return {
    state: {
      phase: 'advertiseKeys',
      setup: { sid: setupId(open), open: message, configHash: configHash(open.config), selected: sorted, keys },
      dropped: new Set(),
      advertised: new Map(),
    },
    effects: [
      { type: 'setDeadline', stage: 'advertiseKeys' },
      ...sorted.map((to): ServerEffect => ({ type: 'send', to, name: 'open', message })),
    ],
  };
}

/** The next state and what to do. @throws HansaError (when the event is refused; nothing has changed then) */
export function step(state: ServerState, event: ServerEvent, ports: ServerPorts): ServerStep {
  if (state.phase === 'committed' || state.phase === 'abandoned') {
    if (event.type === 'message') refuse('UnknownSetup', 'That set-up is over.');
    return { state, effects: event.type === 'resumed' ? tellOutcome(state, event.index) : [] };
  }
  switch (event.type) {
    case 'message':
      return receive(state, event, ports);
    case 'resumed':
      return { state, effects: request(state, event.index) };
    case 'dropped': {
      if (!state.setup.selected.includes(event.index) || state.dropped.has(event.index)) return { state, effects: [] };
      const gone = giveUp(state, [event.index], 'The coordinator gave this node up.');
      return closeStages(gone.state, gone.effects, ports, false);
    }
    case 'deadline':
      // A timer that fired while its stage was closing is late, not wrong.
      return event.stage === state.phase ? closeStages(state, [], ports, true) : { state, effects: [] };
    case 'startRound':
      if (state.phase !== 'ready') throw new RangeError(`No round can start in phase ${state.phase}`);
      return startRound(state, event, ports);
    case 'vectorCommitted':
      if (state.phase !== 'maskedInput' || state.dropped.has(event.index))
        refuse('UnexpectedMessage', `The vector of member ${event.index} comes too late.`);
      return closeStages(takeVector(state, event), [], ports, false);
    case 'unmasked':
      if (state.phase !== 'unmasking') throw new RangeError(`Nothing is being unmasked in phase ${state.phase}`);
      return commit(state, event, ports);
    case 'abort':
      return abandon(state, event.code, event.reason);
  }
}

function receive(state: LiveServerState, event: MessageEvent, ports: ServerPorts): ServerStep {
  const { from, name, message } = event;
  if (!state.setup.selected.includes(from)) refuse('UnknownSetup', `Member ${from} was not asked to this set-up.`);
  if (!equalBytes(message.sid, state.setup.sid))
    refuse('UnknownSetup', `The message of member ${from} belongs to another set-up.`, { culprit: from });
  const stored = storedHash(state, event);
  if (stored !== undefined) {
    if (equalBytes(stored, messageHash(name, message))) return { state, effects: answerAgain(state, event) };
    const text = `A second, different "${name}" came from member ${from}: the first stands.`;
    const found = memberContradiction(state, event);
    return refused(
      state,
      new HansaError('ConflictingMessage', text, { culprit: from }),
      found === undefined ? [] : [found],
    );
  }
  if (state.dropped.has(from)) refuse('UnexpectedMessage', `"${name}" comes too late: member ${from} has dropped out.`);
  const taken = take(state, event);
  return closeStages(taken, event.name === 'maskedInputHeader' ? [expectVector(event)] : [], ports, false);
}

/** What an exact duplicate is answered with. A repeated header must not be answered with M3, which would call for the header again. */
function answerAgain(state: LiveServerState, event: MessageEvent): readonly ServerEffect[] {
  if (event.name !== 'maskedInputHeader') return request(state, event.from);
  const isWanted = state.phase === 'maskedInput' && !state.committed.has(event.from) && !state.dropped.has(event.from);
  return isWanted ? [expectVector(event)] : [];
}

const expectVector = ({ from, message }: Extract<MessageEvent, { name: 'maskedInputHeader' }>): ServerEffect => ({
  type: 'expectVector',
  index: from,
  byteLength: message.byteLength,
  vectorHash: message.vectorHash,
});

function take(state: LiveServerState, event: MessageEvent): LiveServerState {
  const { from } = event;
  switch (event.name) {
    case 'advertiseKeys':
      if (state.phase === 'advertiseKeys') return takeKeys(state, from, event.message);
      break;
    case 'shareKeys':
      if (state.phase === 'shareKeys' && state.cohort.members.has(from)) return takeShares(state, from, event.message);
      break;
    case 'acknowledgeShares':
      if (state.phase === 'acknowledgeShares' && state.shareKeys.has(from))
        return takeAcknowledgement(state, from, event.message);
      break;
    case 'maskedInputHeader':
      if (state.phase === 'maskedInput' && state.sharers.includes(from)) return takeHeader(state, from, event.message);
      break;
    case 'signSurvivors':
      if (state.phase === 'signSurvivors' && state.survivors.includes(from))
        return takeSignature(state, from, event.message);
      break;
    case 'revealShares':
      if (state.phase === 'revealShares' && state.holders.includes(from)) return takeReveal(state, from, event.message);
      // Enough others were faster: no fault of this one.
      if (state.phase === 'unmasking' && state.holders.includes(from)) return state;
      break;
  }
  refuse('UnexpectedMessage', `"${event.name}" of member ${from} does not fit phase ${state.phase}.`);
}

/** Closes the stage where everybody asked has answered or is given up, or its time is up; then the next, as long as one closes. */
function closeStages(
  state: LiveServerState,
  effects: readonly ServerEffect[],
  ports: ServerPorts,
  timeIsUp: boolean,
): ServerStep {
  const waiting = waitingFor(state);
  if (waiting === undefined) {
    if (state.phase !== 'ready' || sharersOf(state).length >= state.cohort.thresholds.minSurvivors)
      return { state, effects };
    return prepend(effects, abandon(state, 'TooFewSurvivors', 'Too many members dropped out before the round began.'));
  }
  const pending = pendingOf(state, waiting);
  let current = state;
  let done = effects;
  // Once too many are given up nobody's answer can save the stage: those who still work are told at once.
  const hopeless = waiting.asked.filter(waiting.answered).length + pending.length < waiting.needed;
  if (pending.length > 0 && !timeIsUp && !hopeless) {
    if (current.phase !== 'revealShares') return { state, effects };
  } else if (!hopeless) {
    const gone = giveUp(current, pending, `No answer in stage ${waiting.stage} within its time.`);
    current = gone.state;
    done = [...effects, ...gone.effects];
  }
  const final = pending.length === 0 || timeIsUp || hopeless;
  const next = closeStage(current, ports, final);
  if (next === undefined) return { state: current, effects: done };
  const all = [...done, ...next.effects];
  if (next.state.phase === 'abandoned' || next.state.phase === 'committed') return { state: next.state, effects: all };
  return closeStages(next.state, all, ports, false);
}

function closeStage(state: LiveServerState, ports: ServerPorts, final: boolean): ServerStep | undefined {
  switch (state.phase) {
    case 'advertiseKeys':
      return sendCohort(state, ports);
    case 'shareKeys':
      return sendShares(state);
    case 'acknowledgeShares':
      return finishSetup(state);
    case 'maskedInput':
      return sendSurvivors(state, ports);
    case 'signSurvivors':
      return sendQuorum(state);
    case 'revealShares':
      return unmask(state, final);
    case 'ready':
    case 'unmasking':
      return undefined;
  }
}

const prepend = (effects: readonly ServerEffect[], next: ServerStep): ServerStep => ({
  state: next.state,
  effects: [...effects, ...next.effects],
});
