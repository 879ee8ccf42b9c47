import type { TaskRecord } from '@hansa/shared/protocol';

/** The waits between attempts after 1, 2, 3… failures in a row; the last one for all further. */
const RETRY_DELAYS_MS = [500, 1_000, 2_000, 5_000, 10_000, 30_000];

/** What the schedule of a task follows from. */
export interface TaskTerms {
  readonly minimum: number;
  readonly maximum: number;
  readonly rounds: number;
  /** No attempt is made at a round beyond this one. */
  readonly lastRound: number;
  readonly maxAttempts: number;
  readonly recruitMs: number;
}

/** How far a task is. */
export interface TaskPosition {
  readonly committedRounds: number;
  /** The round that the next attempt is for. */
  readonly nextRound: number;
  readonly failuresInRow: number;
}

/** The nodes that an attempt can choose from now. */
export interface AvailableNodes {
  /** Nodes that are connected and agreed to the task. */
  readonly accepted: readonly string[];
  /** Nodes that are enrolled: nobody else can come. */
  readonly enrolled: number;
}

interface Common {
  readonly terms: TaskTerms;
  readonly position: TaskPosition;
  readonly nodes: AvailableNodes;
}

/**
 * A task between its start and its end: gathering → recruiting → inRound → (backingOff →) gathering → … → ended.
 *
 * gathering waits for the minimum of nodes, recruiting a little longer for more, backingOff after a failed attempt.
 */
export type ScheduleState =
  | (Common & { readonly phase: 'gathering' })
  | (Common & { readonly phase: 'recruiting' })
  | (Common & { readonly phase: 'inRound' })
  | (Common & { readonly phase: 'backingOff' })
  | (Common & { readonly phase: 'ended'; readonly outcome: TaskOutcome });

export type TaskOutcome = Extract<TaskRecord['state'], 'completed' | 'aborted' | 'failed'>;

export type ScheduleEvent =
  | { readonly type: 'nodesChanged'; readonly nodes: AvailableNodes }
  /** The timer that `setTimer` started. */
  | { readonly type: 'timer' }
  | { readonly type: 'committed' }
  /** `roundSpent`: nodes may have signed for this round's number, so that it cannot be tried again. */
  | { readonly type: 'abandoned'; readonly roundSpent: boolean; readonly reason: string }
  /** What no further attempt can change. */
  | { readonly type: 'failed'; readonly reason: string }
  | { readonly type: 'abort'; readonly reason: string };

export type ScheduleEffect =
  | { readonly type: 'setTimer'; readonly delayMs: number }
  | { readonly type: 'clearTimer' }
  | { readonly type: 'begin'; readonly round: number; readonly candidates: readonly string[] }
  | { readonly type: 'abandonRound'; readonly reason: string }
  /** How far the task is has changed, and must be remembered together with the attempt's record. */
  | { readonly type: 'remember'; readonly position: TaskPosition }
  | { readonly type: 'end'; readonly outcome: TaskOutcome; readonly reason: string | undefined };

export interface ScheduleStep {
  readonly state: ScheduleState;
  readonly effects: readonly ScheduleEffect[];
}

/** Begins or takes up a task. */
export function startSchedule(terms: TaskTerms, position: TaskPosition, nodes: AvailableNodes): ScheduleStep {
  const common = { terms, position, nodes };
  if (position.committedRounds >= terms.rounds) return end(common, 'completed', undefined, []);
  return gather(common, []);
}

/** The next state and what to do. An event that the phase does not wait for changes nothing. */
export function stepSchedule(state: ScheduleState, event: ScheduleEvent): ScheduleStep {
  if (state.phase === 'ended') return { state, effects: [] };
  switch (event.type) {
    case 'nodesChanged':
      return nodesChanged({ ...state, nodes: event.nodes });
    case 'timer':
      return timer(state);
    case 'committed':
      return state.phase === 'inRound' ? committed(state) : { state, effects: [] };
    case 'abandoned':
      return state.phase === 'inRound' ? abandoned(state, event) : { state, effects: [] };
    case 'failed':
      return state.phase === 'inRound' ? end(state, 'failed', event.reason, []) : { state, effects: [] };
    case 'abort':
      return aborted(state, event.reason);
  }
}

function nodesChanged(state: Exclude<ScheduleState, { phase: 'ended' }>): ScheduleStep {
  if (state.phase === 'gathering') return gather(state, []);
  if (state.phase !== 'recruiting') return { state, effects: [] };
  const { accepted } = state.nodes;
  if (accepted.length < state.terms.minimum) return gather(state, [{ type: 'clearTimer' }]);
  return isComplete(state) ? begin(state, [{ type: 'clearTimer' }]) : { state, effects: [] };
}

function timer(state: Exclude<ScheduleState, { phase: 'ended' }>): ScheduleStep {
  if (state.phase === 'recruiting') return begin(state, []);
  if (state.phase === 'backingOff') return gather(state, []);
  return { state, effects: [] };
}

function committed(state: Common): ScheduleStep {
  const position = {
    committedRounds: state.position.committedRounds + 1,
    nextRound: state.position.nextRound + 1,
    failuresInRow: 0,
  };
  const common = { ...state, position };
  const remember: ScheduleEffect = { type: 'remember', position };
  if (position.committedRounds >= state.terms.rounds) return end(common, 'completed', undefined, [remember]);
  return gather(common, [remember]);
}

function abandoned(state: Common, event: { roundSpent: boolean; reason: string }): ScheduleStep {
  const position = {
    committedRounds: state.position.committedRounds,
    nextRound: state.position.nextRound + (event.roundSpent ? 1 : 0),
    failuresInRow: state.position.failuresInRow + 1,
  };
  const common = { ...state, position };
  const remember: ScheduleEffect = { type: 'remember', position };
  if (position.failuresInRow >= state.terms.maxAttempts) {
    const reason = `${position.failuresInRow} attempts in a row were abandoned; the last one: ${event.reason}`;
    return end(common, 'failed', reason, [remember]);
  }
  const delayMs = RETRY_DELAYS_MS[Math.min(position.failuresInRow, RETRY_DELAYS_MS.length) - 1] ?? 0;
  return { state: { ...plain(common), phase: 'backingOff' }, effects: [remember, { type: 'setTimer', delayMs }] };
}

function aborted(state: Exclude<ScheduleState, { phase: 'ended' }>, reason: string): ScheduleStep {
  const before: ScheduleEffect[] = [{ type: 'clearTimer' }];
  if (state.phase === 'inRound') before.push({ type: 'abandonRound', reason });
  return end(state, 'aborted', reason, before);
}

function gather(common: Common, before: readonly ScheduleEffect[]): ScheduleStep {
  if (common.position.nextRound > common.terms.lastRound) {
    const reason = `Too many rounds were given up after members had signed: no number up to ${common.terms.lastRound}, where the plan ends, is left.`;
    return end(common, 'failed', reason, before);
  }
  if (common.nodes.accepted.length < common.terms.minimum) {
    return { state: { ...plain(common), phase: 'gathering' }, effects: before };
  }
  if (isComplete(common)) return begin(common, before);
  const timerEffect: ScheduleEffect = { type: 'setTimer', delayMs: common.terms.recruitMs };
  return { state: { ...plain(common), phase: 'recruiting' }, effects: [...before, timerEffect] };
}

function begin(common: Common, before: readonly ScheduleEffect[]): ScheduleStep {
  const round = common.position.nextRound;
  const effect: ScheduleEffect = { type: 'begin', round, candidates: common.nodes.accepted };
  return { state: { ...plain(common), phase: 'inRound' }, effects: [...before, effect] };
}

function end(
  common: Common,
  outcome: TaskOutcome,
  reason: string | undefined,
  before: readonly ScheduleEffect[],
): ScheduleStep {
  return {
    state: { ...plain(common), phase: 'ended', outcome },
    effects: [...before, { type: 'end', outcome, reason }],
  };
}

/** Whether waiting longer cannot bring the round more members. */
const isComplete = ({ nodes, terms }: Common): boolean =>
  nodes.accepted.length >= Math.min(terms.maximum, Math.max(nodes.enrolled, terms.minimum));

const plain = ({ terms, position, nodes }: Common): Common => ({ terms, position, nodes });
