import {
  advertiseKeysBytes,
  type Cohort,
  cohortBytes,
  cohortHash,
  contradiction,
  type Evidence,
  openBytes,
  roundBytes,
  type SignedStatement,
  survivorsBytes,
} from '@hansa/shared/protocol/secagg';
import type { ClientEvent, LiveState } from './types.ts';

type MessageEvent = Extract<ClientEvent, { readonly type: 'message' }>;

/** What the coordinator signed in a message; undefined for one that it does not sign, or that cannot be read in this phase. */
export function statementOf(state: LiveState, event: MessageEvent): SignedStatement | undefined {
  switch (event.name) {
    case 'open':
      return { bytes: openBytes(event.message), signature: event.message.signature };
    case 'cohort':
      return {
        bytes: cohortBytes(event.message.sid, cohortHash(event.message)),
        signature: event.message.signature,
      };
    case 'startRound': {
      if (!('cohort' in state)) return undefined;
      const { round, modelHash, controlHash, sharers, signature, sid } = event.message;
      const { configHash } = state.setup;
      return {
        bytes: roundBytes({ sid, cohortHash: state.cohort.hash, round, modelHash, controlHash, configHash, sharers }),
        signature,
      };
    }
    case 'survivors':
      return {
        bytes: survivorsBytes(event.message.roundHash, event.message.survivors),
        signature: event.message.signature,
      };
    default:
      return undefined;
  }
}

/** What a second, different message of one kind proves: of the coordinator, and where it is a cohort also of members with two sets of keys. */
export function contradictionsOf(
  state: LiveState,
  event: MessageEvent,
  coordinatorKey: Uint8Array,
): readonly Evidence[] {
  const found: (Evidence | undefined)[] = [];
  const first = state.accepted[event.name]?.statement;
  const second = statementOf(state, event);
  const { name } = event;
  if (first !== undefined && second !== undefined && isSignedKind(name))
    found.push(contradiction({ kind: name, signer: coordinatorKey, first, second }));
  if (name === 'cohort') found.push(...membersWithTwoKeys(state, event.message));
  return found.filter((one) => one !== undefined);
}

const isSignedKind = (name: MessageEvent['name']): name is 'open' | 'cohort' | 'startRound' | 'survivors' =>
  ['open', 'cohort', 'startRound', 'survivors'].includes(name);

function* membersWithTwoKeys(state: LiveState, other: Cohort): Generator<Evidence | undefined> {
  if (!('cohort' in state)) return;
  const { sid, roster } = state.setup;
  const keys = new Map(roster.members.map((member) => [member.index, member.publicKey]));
  for (const member of other.members) {
    const known = state.cohort.members.get(member.index);
    const signer = keys.get(member.index);
    if (known === undefined || signer === undefined) continue;
    const first = { bytes: advertiseKeysBytes({ sid, ...known }), signature: known.signature };
    const second = { bytes: advertiseKeysBytes({ sid, ...member }), signature: member.signature };
    yield contradiction({ kind: 'advertiseKeys', signer, member: member.index, first, second });
  }
}
