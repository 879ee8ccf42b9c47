import { equalBytes } from '@hansa/shared/crypto';
import { type AcknowledgeShares, acknowledgeSharesBytes } from '@hansa/shared/protocol/secagg';
import { membersOf } from '../cohortView.ts';
import { refuse } from '../refuse.ts';
import { abandon } from './finish.ts';
import { checkSigned } from './sender.ts';
import type { ServerStateIn, ServerStep } from './types.ts';
import { giveUp } from './waiting.ts';

type State = ServerStateIn<'acknowledgeShares'>;

/** ACK. */
export function takeAcknowledgement(state: State, from: number, message: AcknowledgeShares): State {
  checkSigned(state.setup, from, message, 'ack', acknowledgeSharesBytes(message));
  if (!equalBytes(message.cohortHash, state.cohort.hash))
    refuse('CohortMismatch', `Member ${from} acknowledges shares of another cohort.`, { culprit: from });
  const accepted = membersOf(state.cohort, message.accepted);
  const dealt = (dealer: number): boolean =>
    state.shareKeys.get(dealer)?.commitments.some(({ holder }) => holder === from) ?? false;
  if (accepted === undefined || !accepted.every(dealt) || (dealt(from) && !accepted.includes(from)))
    refuse('InvalidMessage', `Member ${from} acknowledges shares that nobody dealt to it, or not its own.`, {
      culprit: from,
    });
  return { ...state, acks: new Map(state.acks).set(from, message) };
}

/**
 * U2: the largest set in which everyone has acknowledged and has a threshold of acceptances from within the set.
 *
 * Acceptances of holders that are out themselves do not count: they will never be asked for their shares.
 */
export function sharersOf(state: Pick<State, 'cohort' | 'acks' | 'dropped'>): readonly number[] {
  const { threshold } = state.cohort.thresholds;
  const accepted = new Map(
    [...state.acks].map(([holder, ack]) => [holder, new Set(membersOf(state.cohort, ack.accepted))]),
  );
  let sharers = state.cohort.order.filter((member) => accepted.has(member) && !state.dropped.has(member));
  for (;;) {
    const within = sharers;
    sharers = within.filter(
      (dealer) => within.filter((holder) => accepted.get(holder)?.has(dealer)).length >= threshold,
    );
    if (sharers.length === within.length) return sharers;
  }
}

/** The set-up is done; it waits for a round. */
export function finishSetup(state: State): ServerStep {
  const { minSurvivors } = state.cohort.thresholds;
  const sharers = sharersOf(state);
  if (sharers.length < minSurvivors)
    return abandon(
      state,
      'TooFewSurvivors',
      `The shares of ${sharers.length} members are in enough hands; at least ${minSurvivors} are needed.`,
    );
  const left = [...state.acks.keys()].filter((member) => !sharers.includes(member) && !state.dropped.has(member));
  const gone = giveUp(state, left, 'Too few holders could keep the shares of this node.');
  return {
    state: { ...gone.state, phase: 'ready', sharers },
    effects: [{ type: 'clearDeadline' }, ...gone.effects, { type: 'ready', sharers, minSurvivors }],
  };
}
