import { noControl, roundHash, type StartRound } from '@hansa/shared/protocol/secagg';
import { bitsOf } from '../cohortView.ts';
import { sharersOf } from './acknowledgeShares.ts';
import { abandon } from './finish.ts';
import type { ServerEffect, ServerEvent, ServerPorts, ServerStateIn, ServerStep } from './types.ts';

/** M3 to U2, which is made now: it leaves out who has dropped out since the acknowledgements. */
export function startRound(
  state: ServerStateIn<'ready'>,
  event: Extract<ServerEvent, { readonly type: 'startRound' }>,
  ports: ServerPorts,
): ServerStep {
  const { setup, cohort } = state;
  const sharers = sharersOf(state);
  const { minSurvivors } = cohort.thresholds;
  if (sharers.length < minSurvivors)
    return abandon(
      state,
      'TooFewSurvivors',
      `${sharers.length} members are left; at least ${minSurvivors} are needed.`,
    );
  const { round, modelHash, controlHash = noControl } = event;
  const bits = bitsOf(cohort, sharers);
  const hash = roundHash({
    sid: setup.sid,
    cohortHash: cohort.hash,
    round,
    modelHash,
    controlHash,
    configHash: setup.configHash,
    sharers: bits,
  });
  const message: StartRound = {
    sid: setup.sid,
    round,
    modelHash,
    controlHash,
    sharers: bits,
    signature: ports.identity.sign('round', hash),
  };
  return {
    state: {
      ...state,
      phase: 'maskedInput',
      sharers,
      round,
      roundHash: hash,
      startRound: message,
      headers: new Map(),
      committed: new Set(),
    },
    effects: [
      { type: 'setDeadline', stage: 'maskedInput' },
      ...sharers.map((to): ServerEffect => ({ type: 'send', to, name: 'startRound', message })),
    ],
  };
}
