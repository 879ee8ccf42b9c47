import { equalBytes, sha256, verifyLabelled } from '@hansa/shared/crypto';
import { type Survivors, survivorsBytes } from '@hansa/shared/protocol/secagg';
import { membersOf } from '../cohortView.ts';
import { refuse } from '../refuse.ts';
import { checkFloors, checkHolders } from './floors.ts';
import type { ClientPorts, ClientStateIn, ClientStep } from './types.ts';

/** M4: signs one U3 for this set-up and this (task, round), after it is on disk. There is no way back from here. */
export function signSurvivors(state: ClientStateIn<'sent'>, message: Survivors, ports: ClientPorts): ClientStep {
  const { setup, cohort, round } = state;
  const { federation, task } = setup.open;
  if (!equalBytes(message.roundHash, round.roundHash)) refuse('WrongRound', 'U3 is told for another round.');
  const signed = survivorsBytes(round.roundHash, message.survivors);
  if (!verifyLabelled(ports.policy.coordinatorKey, 'u3', signed, message.signature))
    refuse('BadSignature', 'U3 is not signed by the coordinator this node was enrolled with.');
  const survivors = membersOf(cohort, message.survivors);
  if (survivors === undefined || survivors.some((member) => !round.sharers.includes(member)))
    refuse('U3NotSubset', 'U3 names members that are not in the U2 this round began with.');
  if (!survivors.includes(setup.index)) refuse('U3NotSubset', 'U3 lacks this node.');
  checkFloors(setup, ports.policy, {
    name: 'U3',
    members: survivors,
    atLeast: cohort.thresholds.minSurvivors,
    code: 'TooFewSurvivors',
  });
  checkHolders(state, 'U3', survivors);
  if (ports.memory.hasSigned(federation, task, round.round))
    refuse('RoundAlreadySigned', `This node has signed a sum of round ${round.round} already.`);
  return {
    state: { ...state, phase: 'signed', survivors, survivorsBits: message.survivors },
    effects: [
      {
        type: 'journal',
        record: {
          type: 'signed',
          federation,
          task,
          round: round.round,
          sid: setup.sid,
          survivorsHash: sha256(signed),
        },
      },
      {
        type: 'send',
        name: 'signSurvivors',
        message: {
          sid: setup.sid,
          roundHash: round.roundHash,
          index: setup.index,
          signature: ports.identity.sign('m4', signed),
        },
      },
    ],
  };
}
