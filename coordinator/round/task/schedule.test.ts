import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ScheduleEffect,
  type ScheduleEvent,
  type ScheduleState,
  startSchedule,
  stepSchedule,
  type TaskTerms,
} from './schedule.ts';

const terms: TaskTerms = { minimum: 2, maximum: 4, rounds: 2, lastRound: 5, maxAttempts: 3, recruitMs: 700 };
const fresh = { committedRounds: 0, nextRound: 1, failuresInRow: 0 };
const nodes = (accepted: number, enrolled = 9) => ({
  accepted: Array.from({ length: accepted }, (_, n) => `node ${n}`),
  enrolled,
});
const nodesEvent = (accepted: number, enrolled?: number): ScheduleEvent => ({
  type: 'nodesChanged',
  nodes: nodes(accepted, enrolled),
});

/** Feeds events one after another; gives the last state and every effect. */
function run(events: readonly ScheduleEvent[], position = fresh) {
  const first = startSchedule(terms, position, nodes(0));
  let state: ScheduleState = first.state;
  const effects: ScheduleEffect[] = [...first.effects];
  for (const event of events) {
    const next = stepSchedule(state, event);
    state = next.state;
    effects.push(...next.effects);
  }
  return { state, effects, types: effects.map(({ type }) => type) };
}

describe('schedule', () => {
  it('waits for the minimum, then a little for more, then begins', () => {
    expect(run([nodesEvent(1)])).toMatchObject({ state: { phase: 'gathering' }, effects: [] });
    expect(run([nodesEvent(2)])).toMatchObject({
      state: { phase: 'recruiting' },
      effects: [{ type: 'setTimer', delayMs: 700 }],
    });
    expect(run([nodesEvent(2), nodesEvent(3), { type: 'timer' }])).toMatchObject({
      state: { phase: 'inRound' },
      effects: [{ type: 'setTimer' }, { type: 'begin', round: 1, candidates: nodes(3).accepted }],
    });
  });

  it.each([
    ['the cohort is full', 4, 9],
    ['nobody else is enrolled', 3, 3],
  ])('begins at once when %s', (_why, accepted, enrolled) => {
    expect(run([nodesEvent(accepted, enrolled)]).types).toEqual(['begin']);
    expect(run([nodesEvent(2), nodesEvent(accepted, enrolled)]).types).toEqual(['setTimer', 'clearTimer', 'begin']);
  });

  it('gathers again when a node leaves while it recruits', () => {
    const { state, types } = run([nodesEvent(2), nodesEvent(1), { type: 'timer' }]);
    expect(state.phase).toBe('gathering');
    expect(types).toEqual(['setTimer', 'clearTimer']);
  });

  it('goes on until its rounds are committed', () => {
    const { state, effects } = run([nodesEvent(4), { type: 'committed' }, { type: 'committed' }]);
    expect(state).toMatchObject({ phase: 'ended', outcome: 'completed' });
    expect(effects.filter(({ type }) => type === 'begin')).toMatchObject([{ round: 1 }, { round: 2 }]);
    expect(effects.at(-1)).toEqual({ type: 'end', outcome: 'completed', reason: undefined });
  });

  it('tries the same round again, or the next where its number is spent', () => {
    const again = (roundSpent: boolean) =>
      run([nodesEvent(4), { type: 'abandoned', roundSpent, reason: 'x' }, { type: 'timer' }]).effects.at(-1);
    expect(again(false)).toMatchObject({ type: 'begin', round: 1 });
    expect(again(true)).toMatchObject({ type: 'begin', round: 2 });
  });

  it('waits longer after every failure and gives up after the last allowed one', () => {
    const failure: ScheduleEvent = { type: 'abandoned', roundSpent: false, reason: 'nobody came' };
    const { state, effects } = run([
      nodesEvent(4),
      failure,
      { type: 'timer' },
      failure,
      { type: 'timer' },
      failure,
      { type: 'timer' },
    ]);
    expect(effects.flatMap((effect) => (effect.type === 'setTimer' ? [effect.delayMs] : []))).toEqual([500, 1000]);
    expect(state).toMatchObject({ phase: 'ended', outcome: 'failed' });
    expect(effects.at(-1)).toMatchObject({ reason: expect.stringContaining('nobody came') });
  });

  it('a committed round wipes the slate of failures', () => {
    const failure: ScheduleEvent = { type: 'abandoned', roundSpent: false, reason: 'x' };
    const { state } = run([nodesEvent(4), failure, { type: 'timer' }, { type: 'committed' }]);
    expect(state.position).toEqual({ committedRounds: 1, nextRound: 2, failuresInRow: 0 });
  });

  it('abandons the round in position when it is aborted', () => {
    expect(run([nodesEvent(4), { type: 'abort', reason: 'enough' }]).types).toEqual([
      'begin',
      'clearTimer',
      'abandonRound',
      'end',
    ]);
  });

  it('ends at once with what no further attempt can change', () => {
    const { state, effects } = run([nodesEvent(4), { type: 'failed', reason: 'lost' }, { type: 'timer' }]);
    expect(state).toMatchObject({ phase: 'ended', outcome: 'failed' });
    expect(effects).toEqual([
      expect.objectContaining({ type: 'begin' }),
      { type: 'end', outcome: 'failed', reason: 'lost' },
    ]);
  });

  it('takes a task up where it was, and ends one that is complete', () => {
    expect(run([nodesEvent(4)], { committedRounds: 1, nextRound: 5, failuresInRow: 2 }).effects).toMatchObject([
      { type: 'begin', round: 5 },
    ]);
    expect(run([], { committedRounds: 2, nextRound: 3, failuresInRow: 0 }).state.phase).toBe('ended');
  });

  it('fails once the plan has no round number left', () => {
    const spentRound: ScheduleEvent = { type: 'abandoned', roundSpent: true, reason: 'no quorum' };
    const again: ScheduleEvent[] = [spentRound, { type: 'timer' }];
    const { state } = run([nodesEvent(4), ...again, ...again, { type: 'committed' }, ...again, ...again]);
    expect(state).toMatchObject({ phase: 'ended', outcome: 'failed', position: { committedRounds: 1, nextRound: 6 } });
  });

  it('whatever happens: never too few, never two rounds at once, never a spent number again, and an end is final', () => {
    const event = fc.oneof(
      fc.nat(6).map((count) => nodesEvent(count, 6)),
      fc.constant<ScheduleEvent>({ type: 'timer' }),
      fc.constant<ScheduleEvent>({ type: 'committed' }),
      fc.boolean().map<ScheduleEvent>((roundSpent) => ({ type: 'abandoned', roundSpent, reason: 'x' })),
      { weight: 1, arbitrary: fc.constant<ScheduleEvent>({ type: 'abort', reason: 'y' }) },
      { weight: 1, arbitrary: fc.constant<ScheduleEvent>({ type: 'failed', reason: 'z' }) },
    );
    const deep = { minLength: 10, maxLength: 80 };
    fc.assert(
      fc.property(fc.array(event, deep), (events) => {
        let state: ScheduleState = startSchedule(terms, fresh, nodes(0)).state;
        const spent = new Set<number>();
        for (const one of events) {
          const before = state;
          const next = stepSchedule(state, one);
          state = next.state;
          if (before.phase === 'ended') expect(next).toEqual({ state: before, effects: [] });
          for (const effect of next.effects) {
            if (effect.type === 'begin') {
              expect(effect.candidates.length).toBeGreaterThanOrEqual(terms.minimum);
              expect(before.phase === 'inRound' && one.type !== 'committed').toBe(false);
              expect(spent.has(effect.round)).toBe(false);
              expect(effect.round).toBeLessThanOrEqual(terms.lastRound);
            }
            if (effect.type === 'remember') {
              expect(before.phase).toBe('inRound');
              if (one.type === 'committed' || (one.type === 'abandoned' && one.roundSpent)) {
                spent.add(before.position.nextRound);
              }
            }
          }
          expect(state.position.committedRounds).toBeLessThanOrEqual(terms.rounds);
          expect(state.position.failuresInRow).toBeLessThanOrEqual(terms.maxAttempts);
        }
      }),
      { seed: 7, numRuns: 500 },
    );
  });
});
