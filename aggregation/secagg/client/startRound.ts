import { verifyLabelled } from '@hansa/shared/crypto';
import { roundHash, type StartRound } from '@hansa/shared/protocol/secagg';
import { membersOf } from '../cohortView.ts';
import { refuse } from '../refuse.ts';
import { checkFloors, checkHolders } from './floors.ts';
import { masksOf } from './maskedInput.ts';
import type { ClientPorts, ClientStateIn, ClientStep } from './types.ts';

/** M3: binds the set-up to one round, one model and one U2, for good; then the node trains. */
export function startRound(state: ClientStateIn<'acknowledged'>, message: StartRound, ports: ClientPorts): ClientStep {
  const { setup, cohort } = state;
  const { federation, task } = setup.open;
  const { round, modelHash, controlHash, sharers: sharersBits } = message;
  const hash = roundHash({
    sid: setup.sid,
    cohortHash: cohort.hash,
    round,
    modelHash,
    controlHash,
    configHash: setup.configHash,
    sharers: sharersBits,
  });
  if (!verifyLabelled(ports.policy.coordinatorKey, 'round', hash, message.signature))
    refuse('BadSignature', 'The round is not signed by the coordinator this node was enrolled with.');
  const sharers = membersOf(cohort, sharersBits);
  if (sharers === undefined) refuse('U2NotSubset', 'U2 names members that are not in the cohort.');
  if (!sharers.includes(setup.index)) refuse('U2NotSubset', 'U2 lacks this node.');
  checkFloors(setup, ports.policy, {
    name: 'U2',
    members: sharers,
    atLeast: cohort.thresholds.minSurvivors,
    code: 'TooFewSurvivors',
  });
  checkHolders(state, 'U2', sharers);
  const lastRound = ports.memory.lastRound(federation, task);
  if (lastRound !== undefined && round < lastRound)
    refuse('WrongRound', `The set-up is for round ${round}; this node has already seen round ${lastRound}.`);
  if (ports.memory.hasSigned(federation, task, round))
    refuse(
      'RoundAlreadySigned',
      `This node's update is in a sum of round ${round} already: a second sum would lay it open.`,
    );
  const facts = { round, roundHash: hash, modelHash, sharersBits, sharers };
  const { config } = setup.open;
  return {
    state: { ...state, phase: 'training', round: facts },
    effects: [
      {
        type: 'journal',
        record: { type: 'roundStarted', federation, task, round, sid: setup.sid, roundHash: hash },
      },
      { type: 'expandMasks', plan: masksOf(state, facts), config },
      { type: 'prepareRound', round, modelHash, controlHash, config },
    ],
  };
}
