import { equalBytes, type SignatureLabel, verifyLabelled } from '@hansa/shared/crypto';
import { configHash, type SecAggConfig } from '@hansa/shared/protocol/secagg';
import { assertConfigFits } from '../encoding/fits.ts';
import { refuse } from '../refuse.ts';
import type { AcceptedRoster, ClientPorts } from './types.ts';

/** What OPEN and a draw have in common. */
interface Terms {
  readonly federation: string;
  readonly coordinatorKey: Uint8Array;
  readonly task: string;
  readonly rosterHash: Uint8Array;
  readonly config: SecAggConfig;
  readonly notAfterMs: number;
  readonly signature: Uint8Array;
}

/** What this node knows once it has accepted some terms. */
export interface AgreedTerms {
  readonly roster: AcceptedRoster;
  /** This node's index in the roster. */
  readonly index: number;
  readonly configHash: Uint8Array;
}

/** Checks terms that the coordinator signed (`bytes`, under `label`) against everything this node has pinned and its policy. `name` tells of them in refusals. */
export function checkTerms(
  name: string,
  terms: Terms,
  label: SignatureLabel,
  bytes: Uint8Array,
  nowMs: number,
  { policy, memory, identity, blameClock }: ClientPorts,
): AgreedTerms {
  if (!equalBytes(terms.coordinatorKey, policy.coordinatorKey))
    refuse('WrongCoordinatorKey', `${name} names another coordinator key than the one pinned at enrolment.`);
  if (!verifyLabelled(policy.coordinatorKey, label, bytes, terms.signature))
    refuse('BadSignature', `${name} is not signed by the coordinator this node was enrolled with.`);
  if (terms.federation !== policy.federation) refuse('PolicyRefused', `${name} is of another federation.`);
  const roster = memory.roster();
  if (roster === undefined || !equalBytes(terms.rosterHash, roster.hash))
    refuse('RosterMismatch', `${name} names another roster than the one this node has accepted.`);
  const own = roster.members.find((member) => equalBytes(member.publicKey, identity.publicKey));
  if (own === undefined) refuse('RosterMismatch', "The roster lacks this node's key.");
  if (terms.notAfterMs <= nowMs)
    refuse('Timeout', `${name} has expired by this machine's clock${blameClock?.() ?? ''}.`);
  if (terms.notAfterMs - nowMs > policy.maxCohortAgeMs)
    refuse(
      'PolicyRefused',
      `${name} is valid for longer than ${policy.maxCohortAgeMs} ms (policy.maxCohortAgeMs)${blameClock?.() ?? ''}.`,
    );
  const hash = configHash(terms.config);
  const pinned = memory.pinnedConfigHash(terms.federation, terms.task);
  if (pinned !== undefined && !equalBytes(pinned, hash))
    refuse('PolicyRefused', 'The task has another configuration than when this node joined it.');
  assertConfigFits(terms.config);
  if (terms.config.minCohort < policy.minCohort)
    refuse(
      'PolicyRefused',
      `The task allows cohorts of ${terms.config.minCohort}; this node joins none below ${policy.minCohort} (policy.minCohort).`,
    );
  return { roster, index: own.index, configHash: hash };
}
