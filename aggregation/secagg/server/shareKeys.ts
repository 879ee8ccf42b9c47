import { equalBytes } from '@hansa/shared/crypto';
import { type EncryptedShares, type ShareKeys, shareKeysBytes } from '@hansa/shared/protocol/secagg';
import { areHolders, edgesOf, graphOf } from '../graph.ts';
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
  const holders = holdersOf(message);
  const graph = graphOf(state.setup.open.config);
  const boxed = holders.filter((holder) => holder !== from);
  if (
    !areHolders(graph, cohort.order, from, cohort.thresholds.holders, holders) ||
    message.boxes.length !== boxed.length ||
    message.boxes.some(({ holder }, place) => holder !== boxed[place])
  )
    refuse('InvalidMessage', `Member ${from} did not deal one share to each holder in order.`, { culprit: from });
  return { ...state, shareKeys: new Map(state.shareKeys).set(from, message) };
}

/** P_i as its dealer told it, ascending. */
export const holdersOf = (message: Pick<ShareKeys, 'commitments'>): readonly number[] =>
  message.commitments.map(({ holder }) => holder);

/** The members of `sharers` with whom a member masks: those it dealt to and those that dealt to it. */
export function edgesIn(
  shareKeys: ReadonlyMap<number, ShareKeys>,
  sharers: readonly number[],
  member: number,
): readonly number[] {
  const dealers = new Set<number>();
  for (const message of shareKeys.values())
    if (message.commitments.some(({ holder }) => holder === member)) dealers.add(message.index);
  return edgesOf(sharers, member, new Set(holdersOf(shareKeys.get(member)!)), dealers);
}

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
