import { type Quorum, type SignSurvivors, survivorsBytes } from '@hansa/shared/protocol/secagg';
import { abandon } from './finish.ts';
import { checkRound, checkSigned } from './sender.ts';
import type { ServerEffect, ServerStateIn, ServerStep } from './types.ts';

type State = ServerStateIn<'signSurvivors'>;

/** M4, the signature. */
export function takeSignature(state: State, from: number, message: SignSurvivors): State {
  checkRound(state.roundHash, message, from);
  const signed = survivorsBytes(state.roundHash, state.survivorsMessage.survivors);
  checkSigned(state.setup, from, message, 'm4', signed);
  return { ...state, signatures: new Map(state.signatures).set(from, message) };
}

/** M5 to all who signed. */
export function sendQuorum(state: State): ServerStep {
  const { quorum } = state.cohort.thresholds;
  const signers = state.survivors.filter((member) => state.signatures.has(member));
  if (signers.length < quorum)
    return abandon(
      state,
      'NoQuorum',
      `${signers.length} members signed for the sum of ${state.survivors.length}; ${quorum} are needed. Nothing was unmasked.`,
    );
  const message: Quorum = {
    sid: state.setup.sid,
    roundHash: state.roundHash,
    signatures: signers.map((index) => ({ index, signature: state.signatures.get(index)!.signature })),
  };
  return {
    state: { ...state, phase: 'revealShares', quorum: message, holders: signers, reveals: new Map() },
    effects: [
      { type: 'setDeadline', stage: 'revealShares' },
      ...signers.map((to): ServerEffect => ({ type: 'send', to, name: 'quorum', message })),
    ],
  };
}
