import type { ErrorCode } from '@hansa/shared/errors';
import { resultBytes } from '@hansa/shared/protocol/secagg';
import type { LiveServerState, ServerEffect, ServerEvent, ServerPorts, ServerStateIn, ServerStep } from './types.ts';

/** Ends a set-up without a result and tells everybody who still waits. */
export function abandon(state: LiveServerState, code: ErrorCode, reason: string): ServerStep {
  const { setup } = state;
  const notices = setup.selected
    .filter((index) => !state.dropped.has(index))
    .map((to): ServerEffect => ({ type: 'send', to, name: 'abandoned', message: { sid: setup.sid, code, reason } }));
  return {
    state: { phase: 'abandoned', setup, code, reason },
    effects: [
      { type: 'clearDeadline' },
      ...notices,
      // Once an M4 is out a node may have signed: a second sum of the same round could lay its update open.
      { type: 'abandoned', code, reason, retryRound: !('survivors' in state) },
    ],
  };
}

/** The sum is open and the model stored: M6 to all of U2. */
export function commit(
  state: ServerStateIn<'unmasking'>,
  event: Extract<ServerEvent, { readonly type: 'unmasked' }>,
  ports: ServerPorts,
): ServerStep {
  const { setup, survivors, sharers } = state;
  const { weightMax } = setup.open.config;
  if (event.weightSum < survivors.length || event.weightSum > survivors.length * weightMax)
    throw new RangeError(`${survivors.length} members cannot weigh ${event.weightSum}`);
  const unsigned = {
    sid: setup.sid,
    roundHash: state.roundHash,
    survivors: state.survivorsMessage.survivors,
    weightSum: event.weightSum,
    resultHash: event.resultHash,
    newModelHash: event.newModelHash,
  };
  const result = { ...unsigned, signature: ports.identity.sign('result', resultBytes(unsigned)) };
  return {
    state: { phase: 'committed', setup, result, sharers },
    effects: [
      ...sharers.map((to): ServerEffect => ({ type: 'send', to, name: 'result', message: result })),
      { type: 'committed', result },
    ],
  };
}

/** How a set-up ended, for a member that was away when it did. */
export function tellOutcome(state: ServerStateIn<'committed' | 'abandoned'>, to: number): readonly ServerEffect[] {
  const { setup } = state;
  if (state.phase === 'committed')
    return state.sharers.includes(to) ? [{ type: 'send', to, name: 'result', message: state.result }] : [];
  if (!setup.selected.includes(to)) return [];
  const message = { sid: setup.sid, code: state.code, reason: state.reason };
  return [{ type: 'send', to, name: 'abandoned', message }];
}
