import {
  agreeWithAll,
  equalBytes,
  type ImportedAgreementKey,
  importAgreementKey,
  type SecretBytes,
} from '@hansa/shared/crypto';
import { type RevealShares, revealSharesBytes, type ShareKind, shareHash } from '@hansa/shared/protocol/secagg';
import { membersOf } from '../cohortView.ts';
import { pairMaskKeyOf, pairSign, selfMaskKey } from '../maskKeys.ts';
import type { MaskTerm } from '../masks.ts';
import { refuse } from '../refuse.ts';
import { abandon } from './finish.ts';
import { type RevealedShare, rebuildSecret } from './rebuildSecret.ts';
import { checkRound, checkSigned } from './sender.ts';
import { edgesIn, holdersOf } from './shareKeys.ts';
import type { RebuiltMask, ServerStateIn, ServerStep } from './types.ts';

type State = ServerStateIn<'revealShares'>;

/** M5, the shares: exactly one for each dealer whose shares this holder acknowledged, of the right kind, each as its dealer committed to it. */
export function takeReveal(state: State, from: number, message: RevealShares): State {
  checkSigned(state.setup, from, message, 'm5', revealSharesBytes(message));
  checkRound(state.roundHash, message, from);
  const accepted = new Set(membersOf(state.cohort, state.acks.get(from)!.accepted));
  const expected = state.sharers.filter((dealer) => accepted.has(dealer));
  const complete =
    message.shares.length === expected.length &&
    message.shares.every(({ dealer, kind }, at) => dealer === expected[at] && kind === kindOf(state, dealer));
  if (!complete)
    refuse('WrongShare', `Member ${from} did not reveal exactly the shares it was asked for.`, { culprit: from });
  for (const { dealer, kind, share } of message.shares) {
    const commitment = state.shareKeys.get(dealer)!.commitments.find((entry) => entry.holder === from)!;
    const expectedHash = kind === 'self' ? commitment.selfHash : commitment.maskHash;
    if (!equalBytes(expectedHash, shareHash(state.setup.sid, dealer, from, kind, share)))
      refuse('WrongShare', `Member ${from} revealed another share of member ${dealer} than it was dealt.`, {
        culprit: from,
        dealer,
      });
  }
  return { ...state, reveals: new Map(state.reveals).set(from, message) };
}

const kindOf = (state: State, dealer: number): ShareKind => (state.survivors.includes(dealer) ? 'self' : 'mask');

/**
 * Rebuilds every secret once there are enough shares of each, and plans the unmasking.
 *
 * `final` says that no more shares will come; before that, undefined means: wait.
 */
export function unmask(state: State, final: boolean): ServerStep | undefined {
  const { threshold } = state.cohort.thresholds;
  const fewest = Math.min(...countShares(state).values());
  if (fewest < threshold) {
    if (!final) return undefined;
    return abandon(
      state,
      'TooFewShares',
      `${fewest} shares of a secret were revealed; ${threshold} are needed to rebuild it. Nothing was unmasked.`,
    );
  }
  return unmaskWith(state, sharesByDealer(state), final);
}

/** How many shares of each member of U2 were revealed. */
function countShares({ sharers, reveals }: State): ReadonlyMap<number, number> {
  const counts = new Map(sharers.map((dealer) => [dealer, 0]));
  for (const { shares } of reveals.values())
    for (const { dealer } of shares) counts.set(dealer, counts.get(dealer)! + 1);
  return counts;
}

function sharesByDealer(state: State): ReadonlyMap<number, readonly RevealedShare[]> {
  const shares = new Map(state.sharers.map((dealer): [number, RevealedShare[]] => [dealer, []]));
  const places = new Map(
    state.sharers.map((dealer) => {
      const holders = holdersOf(state.shareKeys.get(dealer)!);
      return [dealer, new Map(holders.map((holder, place) => [holder, place + 1]))];
    }),
  );
  for (const [holder, reveal] of state.reveals)
    for (const { dealer, share } of reveal.shares)
      shares.get(dealer)!.push({ x: places.get(dealer)!.get(holder)!, bytes: share });
  return shares;
}

function unmaskWith(
  state: State,
  shares: ReadonlyMap<number, readonly RevealedShare[]>,
  final: boolean,
): ServerStep | undefined {
  const { threshold } = state.cohort.thresholds;
  const masks: MaskTerm[] = [];
  const rebuilt: RebuiltMask[] = [];
  const survivors = new Set(state.survivors);
  const agreementKeys = new Map<number, ImportedAgreementKey>();
  const agreementKeyOf = (index: number): ImportedAgreementKey => {
    const known = agreementKeys.get(index) ?? importAgreementKey(state.cohort.members.get(index)!.maskKey);
    agreementKeys.set(index, known);
    return known;
  };
  for (const dealer of state.sharers) {
    const kind = survivors.has(dealer) ? 'self' : 'mask';
    const secret = rebuildSecret(
      state.setup.sid,
      state.cohort.members.get(dealer)!,
      kind,
      shares.get(dealer)!,
      threshold,
    );
    if (secret === undefined) {
      for (const { key } of masks) key.wipe();
      // More shares may hold a subset that is consistent.
      if (!final) return undefined;
      return abandon(
        state,
        'WrongDealer',
        `The shares that member ${dealer} dealt do not rebuild what it committed to. Nothing was unmasked.`,
      );
    }
    if (kind === 'self') {
      masks.push({ key: selfMaskKey(state.setup.sid, state.roundHash, dealer, secret), sign: 1 });
    } else {
      const others = edgesIn(state.shareKeys, state.sharers, dealer).filter((other) => survivors.has(other));
      masks.push(...pairMasks(state, dealer, others, agreeWithAll(secret, others.map(agreementKeyOf))));
    }
    secret.wipe();
    if (kind === 'mask')
      rebuilt.push({
        index: dealer,
        shares: shares.get(dealer)!.length,
        holders: state.cohort.thresholds.holders,
        threshold,
      });
  }
  return {
    state: { ...state, phase: 'unmasking' },
    effects: [{ type: 'clearDeadline' }, { type: 'unmask', plan: { survivors: state.survivors, masks }, rebuilt }],
  };
}

/** The masks that a dropped member has in common with survivors. */
const pairMasks = (
  { setup, roundHash }: State,
  dropped: number,
  survivors: readonly number[],
  shared: readonly SecretBytes[],
): readonly MaskTerm[] =>
  survivors.map((survivor, at) => ({
    key: pairMaskKeyOf(setup.sid, roundHash, [dropped, survivor], shared[at]!),
    sign: pairSign(survivor, dropped),
  }));
