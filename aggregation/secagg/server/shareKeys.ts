import { equalBytes } from '@hansa/shared/crypto';
import { type EncryptedShares, type ShareKeys, shareKeysBytes } from '@hansa/shared/protocol/secagg';
import { completeGraph } from '../graph.ts';
import { refuse } from '../refuse.ts';
import { abandon } from './finish.ts';
import { checkSigned } from './sender.ts';
import type { ServerEffect, ServerStateIn, ServerStep } from './types.ts';

type State = ServerStateIn<'shareKeys'>;

/** M2. */
export function takeShares(state: State, from: number, message: ShareKeys): State {
  const { cohort } = state;
  checkSigned(state.setup, from, message, 'm2', shareKeysBytes(message));
  if (!equalBytes(message.cohortHash, cohort.hash) || !equalBytes(message.cohortSignature, cohort.signature))
    refuse('CohortMismatch', `Member ${from} dealt shares for another cohort.`, { culprit: from });
  const holders = completeGraph.holdersOf(cohort.order, from);
  const boxed = holders.filter((holder) => holder !== from);
  if (!sameMembers(message.commitments, holders) || !sameMembers(message.boxes, boxed))
    refuse('InvalidMessage', `Member ${from} did not deal one share to each holder in order.`, { culprit: from });
  return { ...state, shareKeys: new Map(state.shareKeys).set(from, message) };
}

const sameMembers = (entries: readonly { readonly holder: number }[], expected: readonly number[]): boolean =>
  entries.length === expected.length && entries.every((entry, position) => entry.holder === expected[position]);

/** M2' to everyone who dealt. */
export function sendShares(state: State): ServerStep {
  const { minSurvivors } = state.cohort.thresholds;
  const dealers = [...state.shareKeys.keys()];
  if (dealers.length < minSurvivors)
    return abandon(
      state,
      'TooFewSurvivors',
      `${dealers.length} members dealt shares; at least ${minSurvivors} are needed.`,
    );
  return {
    state: { ...state, phase: 'acknowledgeShares', acks: new Map() },
    effects: [
      { type: 'setDeadline', stage: 'acknowledgeShares' },
      ...dealers.map(
        (to): ServerEffect => ({ type: 'send', to, name: 'encryptedShares', message: sharesFor(state, to) }),
      ),
    ],
  };
}

/** What every other dealer sealed for one holder. */
export function sharesFor(state: Pick<State, 'setup' | 'shareKeys'>, holder: number): EncryptedShares {
  const dealers: EncryptedShares['dealers'] = [];
  for (const message of [...state.shareKeys.values()].sort((left, right) => left.index - right.index)) {
    const box = message.boxes.find((entry) => entry.holder === holder);
    const commitment = message.commitments.find((entry) => entry.holder === holder);
    if (box === undefined || commitment === undefined) continue;
    const { index, cohortHash, cohortSignature } = message;
    const { nonce, ciphertext } = box;
    const { selfHash, maskHash } = commitment;
    dealers.push({ index, cohortHash, cohortSignature, nonce, ciphertext, selfHash, maskHash });
  }
  return { sid: state.setup.sid, dealers };
}
