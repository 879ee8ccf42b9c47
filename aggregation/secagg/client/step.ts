import { equalBytes } from '@hansa/shared/crypto';
import { HansaError } from '@hansa/shared/errors';
import { messageHash } from '@hansa/shared/protocol/secagg';
import { refuse, refused } from '../refuse.ts';
import { close } from './close.ts';
import { shareKeys } from './cohort.ts';
import { contradictionsOf, statementOf } from './contradictions.ts';
import { acknowledgeShares } from './encryptedShares.ts';
import { freezeVector, maskUpdate } from './maskedInput.ts';
import { advertiseKeys } from './open.ts';
import { revealShares } from './quorum.ts';
import { closeWithResult } from './result.ts';
import { startRound } from './startRound.ts';
import { signSurvivors } from './survivors.ts';
import type { ClientEvent, ClientPorts, ClientState, ClientStep, LiveState } from './types.ts';

type MessageEvent = Extract<ClientEvent, { readonly type: 'message' }>;

/** The next state and what to do. @throws HansaError (when the event is refused; nothing has changed then) */
export function step(state: ClientState, event: ClientEvent, ports: ClientPorts): ClientStep {
  switch (event.type) {
    case 'message':
      return receive(state, event, ports);
    case 'prepared':
      if (state.phase !== 'training') throw new RangeError(`Nothing is being trained in phase ${state.phase}`);
      return maskUpdate(state, event);
    case 'maskedVector':
      if (state.phase !== 'masking') throw new RangeError(`Nothing is being masked in phase ${state.phase}`);
      return freezeVector(state, event, ports);
    case 'vectorSent':
      // A vector that is sent again tells it again.
      return { state: state.phase === 'masked' ? { ...state, phase: 'sent' } : state, effects: [] };
    case 'stop':
      if (state.phase === 'closed') return { state, effects: [] };
      return close(state, { type: 'abandoned', code: event.code, reason: event.reason });
  }
}

function receive(state: ClientState, event: MessageEvent, ports: ClientPorts): ClientStep {
  if (state.phase === 'waiting') {
    if (event.name !== 'open')
      refuse('UnknownSetup', 'This process holds no state of that set-up: it was restarted or has never joined it.');
    return remember(advertiseKeys(event.message, event.nowMs, ports), event);
  }
  if (state.phase === 'closed') return receiveClosed(state, event);
  if (event.name !== 'open' && !equalBytes(event.message.sid, state.setup.sid))
    refuse('UnknownSetup', 'The message belongs to another set-up.');
  const earlier = state.accepted[event.name];
  if (earlier !== undefined) {
    if (equalBytes(earlier.hash, messageHash(event.name, event.message))) return { state, effects: earlier.replies };
    const code = event.name === 'startRound' ? 'SetupSpent' : 'ConflictingMessage';
    const text = `A second, different "${event.name}" came for one set-up: the first stands.`;
    return refused(state, new HansaError(code, text), contradictionsOf(state, event, ports.policy.coordinatorKey));
  }
  if (event.name === 'abandoned') {
    const { code, reason } = event.message;
    return close(state, { type: 'abandoned', code, reason });
  }
  if (event.name !== 'result' && event.nowMs > state.setup.open.notAfterMs)
    refuse(
      'Timeout',
      `The set-up has expired (notAfter)${ports.blameClock?.() ?? ''}: nothing of it is answered any more.`,
    );
  return remember(advance(state, event, ports), event);
}

function advance(state: LiveState, event: MessageEvent, ports: ClientPorts): ClientStep {
  switch (event.name) {
    case 'cohort':
      if (state.phase === 'advertised') return shareKeys(state, event.message, ports);
      break;
    case 'encryptedShares':
      if (state.phase === 'shared') return acknowledgeShares(state, event.message, ports);
      break;
    case 'startRound':
      if (state.phase === 'acknowledged') return startRound(state, event.message, ports);
      break;
    case 'survivors':
      if (state.phase === 'sent') return signSurvivors(state, event.message, ports);
      break;
    case 'quorum':
      if (state.phase === 'signed') return revealShares(state, event.message, ports);
      break;
    case 'result':
      if ('round' in state) return closeWithResult(state, event.message);
      break;
    case 'open':
      // A live set-up has accepted its OPEN already, so this one was told apart above.
      break;
  }
  refuse('UnexpectedMessage', `"${event.name}" does not fit phase ${state.phase} of this node.`);
}

/** Notices that arrive after the end are no fault; everything else needs state that is gone. */
function receiveClosed(state: Extract<ClientState, { phase: 'closed' }>, event: MessageEvent): ClientStep {
  if (event.name === 'abandoned' || event.name === 'result') return { state, effects: [] };
  refuse('UnknownSetup', 'That set-up is over on this node.');
}

/** Notes an accepted message and what was sent for it, for exact duplicates. */
function remember(result: ClientStep, event: MessageEvent): ClientStep {
  const { state, effects, refusal } = result;
  if (state.phase === 'waiting' || state.phase === 'closed' || refusal !== undefined) return result;
  const entry = {
    hash: messageHash(event.name, event.message),
    replies: effects.filter((effect) => effect.type === 'send'),
    statement: statementOf(state, event),
  };
  return { state: { ...state, accepted: { ...state.accepted, [event.name]: entry } }, effects };
}
