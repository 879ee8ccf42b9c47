import { isUsableAgreementKey } from '@hansa/shared/crypto';
import {
  type AdvertiseKeys,
  advertiseKeysBytes,
  type Cohort,
  cohortBytes,
  cohortHash,
} from '@hansa/shared/protocol/secagg';
import { viewCohort } from '../cohortView.ts';
import { refuse } from '../refuse.ts';
import { abandon } from './finish.ts';
import { checkSigned } from './sender.ts';
import type { ServerEffect, ServerPorts, ServerStateIn, ServerStep } from './types.ts';

type State = ServerStateIn<'advertiseKeys'>;

/** M1. */
export function takeKeys(state: State, from: number, message: AdvertiseKeys): State {
  checkSigned(state.setup, from, message, 'm1', advertiseKeysBytes(message));
  const taken = new Set([...state.advertised.values()].flatMap(keysOf));
  for (const key of keysOf(message)) {
    if (taken.has(key))
      refuse('InvalidKey', `Member ${from} advertises a key that is there already.`, { culprit: from });
    taken.add(key);
  }
  for (const key of [message.cipherKey, message.maskKey])
    if (!isUsableAgreementKey(key))
      refuse('InvalidKey', `Member ${from} advertises a key of low order.`, { culprit: from });
  return { ...state, advertised: new Map(state.advertised).set(from, message) };
}

const keysOf = (message: AdvertiseKeys): readonly string[] =>
  [message.cipherKey, message.maskKey, message.selfCommitment].map((bytes) => Buffer.from(bytes).toString('hex'));

/** L1 to everyone in it. */
export function sendCohort(state: State, ports: ServerPorts): ServerStep {
  const { setup, dropped } = state;
  const { config } = setup.open;
  const count = state.advertised.size;
  if (count < config.minCohort)
    return abandon(
      state,
      'CohortTooSmall',
      `${count} members advertised keys; the task wants at least ${config.minCohort}.`,
    );
  const members = [...state.advertised.values()]
    .sort((left, right) => left.index - right.index)
    .map(({ sid: _, ...member }) => member);
  const unsigned = { sid: setup.sid, members };
  const signature = ports.identity.sign('l1', cohortBytes(setup.sid, cohortHash(unsigned)));
  const cohortMessage: Cohort = { ...unsigned, signature };
  const cohort = viewCohort(cohortMessage, config);
  if (cohort === undefined)
    return abandon(
      state,
      'CohortTooSmall',
      `A cohort of ${count} has no threshold that its corrupt part could not reach.`,
    );
  return {
    state: { phase: 'shareKeys', setup, dropped, cohort, cohortMessage, shareKeys: new Map() },
    effects: [
      { type: 'setDeadline', stage: 'shareKeys' },
      ...cohort.order.map((to): ServerEffect => ({ type: 'send', to, name: 'cohort', message: cohortMessage })),
    ],
  };
}
