import { equalBytes, verifyLabelled } from '@hansa/shared/crypto';
import { type Result, resultBytes } from '@hansa/shared/protocol/secagg';
import { membersOf } from '../cohortView.ts';
import { refuse } from '../refuse.ts';
import { close } from './close.ts';
import type { ClientStep, LiveState } from './types.ts';

type LiveRound = Extract<LiveState, { readonly round: unknown }>;

/** M6: the round is over. A node that signed a U3 accepts a result of that U3 alone. */
export function closeWithResult(state: LiveRound, message: Result): ClientStep {
  const { setup, round } = state;
  if (!equalBytes(message.roundHash, round.roundHash)) refuse('WrongRound', 'The result is of another round.');
  if (!verifyLabelled(setup.open.coordinatorKey, 'result', resultBytes(message), message.signature))
    refuse('BadSignature', 'The result is not signed by the coordinator this node was enrolled with.');
  const survivors = survivorsOf(state, message);
  const { weightMax } = setup.open.config;
  if (message.weightSum < survivors.length || message.weightSum > survivors.length * weightMax)
    refuse(
      'ResultMismatch',
      `The result has the weight ${message.weightSum}, which ${survivors.length} members cannot have.`,
    );
  return close(state, {
    type: 'committed',
    round: round.round,
    included: survivors.includes(setup.index),
    survivors: survivors.length,
    weightSum: message.weightSum,
    resultHash: message.resultHash,
    newModelHash: message.newModelHash,
  });
}

function survivorsOf(state: LiveRound, message: Result): readonly number[] {
  if (state.phase === 'signed' || state.phase === 'answered') {
    if (!equalBytes(message.survivors, state.survivorsBits))
      refuse('ResultMismatch', 'The result is of another U3 than the one this node signed.');
    return state.survivors;
  }
  const survivors = membersOf(state.cohort, message.survivors);
  if (survivors === undefined || survivors.some((member) => !state.round.sharers.includes(member)))
    refuse('ResultMismatch', 'The result names members that are not in the U2 this round began with.');
  // A vector can be in the sum although the request to sign for it was lost, but not before it was sent.
  if (state.phase !== 'sent' && survivors.includes(state.setup.index))
    refuse('ResultMismatch', 'The result counts this node, which has sent no vector.');
  return survivors;
}
