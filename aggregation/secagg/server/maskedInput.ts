import { equalBytes } from '@hansa/shared/crypto';
import {
  type MaskedInputHeader,
  maskedInputHeaderBytes,
  type Survivors,
  survivorsBytes,
} from '@hansa/shared/protocol/secagg';
import { bitsOf } from '../cohortView.ts';
import { byteLengthOf } from '../encoding/layout.ts';
import { refuse } from '../refuse.ts';
import { abandon } from './finish.ts';
import { checkRound, checkSigned } from './sender.ts';
import { edgesIn, holdersOf } from './shareKeys.ts';
import type { ServerEffect, ServerEvent, ServerPorts, ServerStateIn, ServerStep } from './types.ts';

type State = ServerStateIn<'maskedInput'>;

/** M3, the header: fixes length, hash and edges of the one vector this member may send. */
export function takeHeader(state: State, from: number, message: MaskedInputHeader): State {
  const { setup, cohort, sharers } = state;
  checkSigned(setup, from, message, 'm3', maskedInputHeaderBytes(message));
  checkRound(state.roundHash, message, from);
  const byteLength = byteLengthOf(setup.open.config);
  if (message.byteLength !== byteLength)
    refuse(
      'WrongLength',
      `Member ${from} announces ${message.byteLength} bytes; a vector of this task has ${byteLength}.`,
      {
        culprit: from,
      },
    );
  // Who dealt to whom is known from signed messages that were all handed on, so whoever tells other edges is the one to blame.
  if (!equalBytes(message.edges, bitsOf(cohort, edgesIn(state.shareKeys, sharers, from))))
    refuse('AsymmetricEdges', `Member ${from} did not mask with exactly its neighbours in U2.`, { culprit: from });
  return { ...state, headers: new Map(state.headers).set(from, message) };
}

/** The upload's whole vector is on disk. */
export function takeVector(state: State, event: Extract<ServerEvent, { readonly type: 'vectorCommitted' }>): State {
  const header = state.headers.get(event.index);
  if (header === undefined)
    refuse('UnexpectedMessage', `Member ${event.index} has announced no vector.`, { culprit: event.index });
  if (event.byteLength !== header.byteLength)
    refuse('WrongLength', `The vector of member ${event.index} has another length than its header says.`, {
      culprit: event.index,
    });
  if (!equalBytes(event.vectorHash, header.vectorHash))
    refuse('WrongHash', `The vector of member ${event.index} is not the one its header names.`, {
      culprit: event.index,
    });
  return { ...state, committed: new Set([...state.committed, event.index]) };
}

/** M4 to U3: those whose vectors are complete. */
export function sendSurvivors(state: State, ports: ServerPorts): ServerStep {
  const { setup, cohort, committed, sharers } = state;
  const survivors = sharers.filter((member) => committed.has(member));
  const { minSurvivors } = cohort.thresholds;
  if (survivors.length < minSurvivors)
    return abandon(
      state,
      'TooFewSurvivors',
      `${survivors.length} of ${sharers.length} members delivered their masked vectors; at least ${minSurvivors} are needed. Nothing was unmasked.`,
    );
  const { threshold } = cohort.thresholds;
  const left = (member: number) =>
    holdersOf(state.shareKeys.get(member)!).filter((holder) => committed.has(holder)).length;
  const bereft = sharers.find((member) => left(member) < threshold);
  if (bereft !== undefined)
    return abandon(
      state,
      'TooFewSurvivors',
      `${left(bereft)} holders of the shares of member ${bereft} are left; ${threshold} are needed. Nothing was unmasked.`,
    );
  const bits = bitsOf(cohort, survivors);
  const message: Survivors = {
    sid: setup.sid,
    roundHash: state.roundHash,
    survivors: bits,
    signature: ports.identity.sign('u3', survivorsBytes(state.roundHash, bits)),
  };
  return {
    state: { ...state, phase: 'signSurvivors', survivors, survivorsMessage: message, signatures: new Map() },
    effects: [
      { type: 'setDeadline', stage: 'signSurvivors' },
      ...survivors.map((to): ServerEffect => ({ type: 'send', to, name: 'survivors', message })),
    ],
  };
}
