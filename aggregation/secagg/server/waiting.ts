import type { LiveServerState, ServerEffect, ServerStage } from './types.ts';

/** Members that a stage asked, and those of them that have answered. */
export interface Waiting {
  readonly stage: ServerStage;
  readonly asked: readonly number[];
  readonly answered: (index: number) => boolean;
  /** With fewer answers than this the stage cannot succeed. */
  readonly needed: number;
}

/** What the state waits for; undefined where it waits for the driver alone. */
export function waitingFor(state: LiveServerState): Waiting | undefined {
  switch (state.phase) {
    case 'advertiseKeys':
      return stage(
        state.phase,
        state.setup.selected,
        (index) => state.advertised.has(index),
        state.setup.open.config.minCohort,
      );
    case 'shareKeys':
      return stage(
        state.phase,
        state.cohort.order,
        (index) => state.shareKeys.has(index),
        state.cohort.thresholds.minSurvivors,
      );
    case 'acknowledgeShares':
      return stage(
        state.phase,
        [...state.shareKeys.keys()],
        (index) => state.acks.has(index),
        state.cohort.thresholds.minSurvivors,
      );
    case 'maskedInput':
      return stage(
        state.phase,
        state.sharers,
        (index) => state.committed.has(index),
        state.cohort.thresholds.minSurvivors,
      );
    case 'signSurvivors':
      return stage(
        state.phase,
        state.survivors,
        (index) => state.signatures.has(index),
        state.cohort.thresholds.quorum,
      );
    case 'revealShares':
      return stage(state.phase, state.holders, (index) => state.reveals.has(index), state.cohort.thresholds.threshold);
    case 'ready':
    case 'unmasking':
      return undefined;
  }
}

const stage = (
  name: ServerStage,
  asked: readonly number[],
  answered: (index: number) => boolean,
  needed: number,
): Waiting => ({ stage: name, asked, answered, needed });

/** Those who may still answer. */
export const pendingOf = (state: LiveServerState, { asked, answered }: Waiting): readonly number[] =>
  asked.filter((index) => !answered(index) && !state.dropped.has(index));

/** The last stage that a state has reached, for telling where somebody dropped out. */
const stageOf = (state: LiveServerState): ServerStage =>
  state.phase === 'ready' ? 'acknowledgeShares' : state.phase === 'unmasking' ? 'revealShares' : state.phase;

/** Gives members up: nobody waits for them any more. Before M3 they are told; later they may still hear the result. */
export function giveUp<State extends LiveServerState>(
  state: State,
  members: readonly number[],
  reason: string,
): { state: State; effects: readonly ServerEffect[] } {
  if (members.length === 0) return { state, effects: [] };
  const stage = stageOf(state);
  const beforeRound = !('roundHash' in state);
  const effects = members.flatMap((index): ServerEffect[] => [
    { type: 'droppedOut', index, stage },
    ...(beforeRound ? [notice(state, index, reason)] : []),
  ]);
  return { state: { ...state, dropped: new Set([...state.dropped, ...members]) }, effects };
}

const notice = (state: LiveServerState, to: number, reason: string): ServerEffect => ({
  type: 'send',
  to,
  name: 'abandoned',
  message: { sid: state.setup.sid, code: 'Timeout', reason },
});
