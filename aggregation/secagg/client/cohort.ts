import { equalBytes, isUsableAgreementKey, splitSecret, verifyLabelled } from '@hansa/shared/crypto';
import {
  advertiseKeysBytes,
  type Cohort,
  type CohortMember,
  cohortBytes,
  cohortHash,
  shareHash,
  shareKeysBytes,
} from '@hansa/shared/protocol/secagg';
import { closeBox } from '../boxes.ts';
import { type CohortView, viewCohort } from '../cohortView.ts';
import { drawHolders, graphOf } from '../graph.ts';
import { refuse } from '../refuse.ts';
import { checkFloors } from './floors.ts';
import type { ClientPorts, ClientStateIn, ClientStep, HeldShares, SetupFacts } from './types.ts';

/** L1 → M2: checks every member's keys, splits this node's secrets and seals a share of each for every holder. */
export function shareKeys(state: ClientStateIn<'advertised'>, message: Cohort, ports: ClientPorts): ClientStep {
  const { setup, secrets } = state;
  const { sid, index } = setup;
  const cohort = checkCohort(state, message, ports);
  const { threshold, holders: count } = cohort.thresholds;
  const holders = drawHolders(graphOf(setup.open.config), cohort.order, index, count, ports.random);
  const selfShares = splitSecret(secrets.selfSeed, threshold, holders.length, ports.random);
  const maskShares = splitSecret(secrets.maskKey, threshold, holders.length, ports.random);
  let own: HeldShares | undefined;
  const boxes: { holder: number; nonce: Uint8Array; ciphertext: Uint8Array }[] = [];
  const commitments: { holder: number; selfHash: Uint8Array; maskHash: Uint8Array }[] = [];
  for (const [position, holder] of holders.entries()) {
    const self = selfShares[position]!.bytes;
    const mask = maskShares[position]!.bytes;
    commitments.push({
      holder,
      selfHash: shareHash(sid, index, holder, 'self', self.expose()),
      maskHash: shareHash(sid, index, holder, 'mask', mask.expose()),
    });
    if (holder === index) {
      own = { self };
    } else {
      const keys = { own: secrets.cipherKey, other: cohort.members.get(holder)!.cipherKey };
      const place = { sid, cohortHash: cohort.hash, dealer: index, holder };
      boxes.push({ holder, ...closeBox(place, keys, { x: position + 1, self, mask }, ports.random) });
      self.wipe();
    }
    mask.wipe();
  }
  const unsigned = { sid, index, cohortHash: cohort.hash, cohortSignature: message.signature, boxes, commitments };
  const reply = { ...unsigned, signature: ports.identity.sign('m2', shareKeysBytes(unsigned)) };
  return {
    state: { phase: 'shared', setup, accepted: state.accepted, secrets, cohort, holders: new Set(holders), own },
    effects: [{ type: 'send', name: 'shareKeys', message: reply }],
  };
}

function checkCohort(state: ClientStateIn<'advertised'>, message: Cohort, { policy }: ClientPorts): CohortView {
  const { setup } = state;
  const { config } = setup.open;
  const signed = cohortBytes(setup.sid, cohortHash(message));
  if (!verifyLabelled(policy.coordinatorKey, 'l1', signed, message.signature))
    refuse('BadSignature', 'The cohort is not signed by the coordinator this node was enrolled with.');
  checkMembers(message.members, setup);
  if (message.members.length > config.maxCohort)
    refuse('PolicyRefused', `The cohort has ${message.members.length} members, the task at most ${config.maxCohort}.`);
  const stranger = message.members.find((member) => setup.group?.has(member.index) === false);
  if (stranger !== undefined)
    refuse('CohortMismatch', `Member ${stranger.index} of the cohort is not in the group that was drawn.`);
  const cohort = viewCohort(message, config);
  if (cohort === undefined)
    refuse(
      'PolicyRefused',
      `A cohort of ${message.members.length} has no threshold that its corrupt part could not reach.`,
    );
  const own = cohort.members.get(setup.index);
  if (own === undefined || !sameKeys(own, state.advertised))
    refuse('CohortMismatch', "The cohort lacks this node's own keys or has altered them.");
  checkFloors(setup, policy, {
    name: 'The cohort',
    members: cohort.order,
    atLeast: Math.max(policy.minCohort, config.minCohort),
    code: 'CohortTooSmall',
  });
  return cohort;
}

const sameKeys = (left: CohortMember, right: CohortMember): boolean =>
  equalBytes(left.cipherKey, right.cipherKey) &&
  equalBytes(left.maskKey, right.maskKey) &&
  equalBytes(left.selfCommitment, right.selfCommitment) &&
  equalBytes(left.signature, right.signature);

/** Sorted, in the roster, signed by the roster's keys, with usable keys that nobody has twice. */
function checkMembers(members: readonly CohortMember[], setup: SetupFacts): void {
  const keys = new Map(setup.roster.members.map((member) => [member.index, member.publicKey]));
  const seen = new Set<string>();
  let last = -1;
  for (const member of members) {
    if (member.index <= last) refuse('CohortMismatch', 'The cohort is not sorted, or has a member twice.');
    last = member.index;
    const publicKey = keys.get(member.index);
    if (publicKey === undefined) refuse('CohortMismatch', `Member ${member.index} of the cohort is not in the roster.`);
    const signed = advertiseKeysBytes({ sid: setup.sid, ...member });
    if (!verifyLabelled(publicKey, 'm1', signed, member.signature))
      refuse('BadSignature', `The keys of member ${member.index} are not signed by it.`, { culprit: member.index });
    for (const bytes of [member.cipherKey, member.maskKey, member.selfCommitment]) {
      const text = Buffer.from(bytes).toString('hex');
      if (seen.has(text)) refuse('InvalidKey', `Member ${member.index} has a key or commitment that is there twice.`);
      seen.add(text);
    }
    for (const key of [member.cipherKey, member.maskKey])
      if (!isUsableAgreementKey(key))
        refuse('InvalidKey', `Member ${member.index} has a key of low order.`, { culprit: member.index });
  }
}
