import { agreementKeyPair, equalBytes, SecretBytes, verifyLabelled } from '@hansa/shared/crypto';
import { HansaError } from '@hansa/shared/errors';
import {
  advertiseKeysBytes,
  configHash,
  contradiction,
  type Open,
  openBytes,
  selfCommitment,
  setupId,
} from '@hansa/shared/protocol/secagg';
import { assertConfigFits } from '../encoding/fits.ts';
import { graphOf } from '../graph.ts';
import { refuse, refused } from '../refuse.ts';
import type { ClientPorts, ClientStep } from './types.ts';
import { waiting } from './waiting.ts';

/** OPEN → M1: checks the set-up against everything this node has pinned, journals its number and draws fresh keys. */
export function advertiseKeys(open: Open, nowMs: number, ports: ClientPorts): ClientStep {
  const { policy, memory, identity, random } = ports;
  if (!equalBytes(open.coordinatorKey, policy.coordinatorKey))
    refuse('WrongCoordinatorKey', 'OPEN names another coordinator key than the one pinned at enrolment.');
  if (!verifyLabelled(policy.coordinatorKey, 'open', openBytes(open), open.signature))
    refuse('BadSignature', 'OPEN is not signed by the coordinator this node was enrolled with.');
  if (open.federation !== policy.federation) refuse('PolicyRefused', 'OPEN is of another federation.');
  const roster = memory.roster();
  if (roster === undefined || !equalBytes(open.rosterHash, roster.hash))
    refuse('RosterMismatch', 'OPEN names another roster than the one this node has accepted.');
  const own = roster.members.find((member) => equalBytes(member.publicKey, identity.publicKey));
  if (own === undefined) refuse('RosterMismatch', "The roster lacks this node's key.");
  // One group for now: a group that the coordinator may choose freely would let it cut the cohort as it likes.
  if (open.group !== 0 || open.groupSeedHash.some((byte) => byte !== 0))
    refuse('PolicyRefused', 'OPEN names a group; this version knows one group only.');
  checkTime(open, nowMs, policy.maxCohortAgeMs);
  const hash = configHash(open.config);
  const pinned = memory.pinnedConfigHash(open.federation, open.task);
  if (pinned !== undefined && !equalBytes(pinned, hash))
    refuse('PolicyRefused', 'The task has another configuration than when this node joined it.');
  assertConfigFits(open.config);
  if (open.graph !== graphOf(open.config))
    refuse('PolicyRefused', `OPEN names the graph ${open.graph}, which the task's rule does not ask for.`);
  if (open.config.minCohort < policy.minCohort)
    refuse(
      'PolicyRefused',
      `The task allows cohorts of ${open.config.minCohort}; this node joins none below ${policy.minCohort} (policy.minCohort).`,
    );
  const last = memory.lastOpen(open.federation, open.task, open.group);
  const statement = { bytes: openBytes(open), signature: open.signature };
  if (last !== undefined && open.seq <= last.seq) {
    const found = contradiction({
      kind: 'open',
      signer: policy.coordinatorKey,
      first: last.statement,
      second: statement,
    });
    return refused(
      waiting,
      new HansaError(
        'SequenceReplayed',
        `OPEN has number ${open.seq}; this node has joined number ${last.seq} already.`,
      ),
      found === undefined ? [] : [found],
    );
  }

  const sid = setupId(open);
  const cipher = agreementKeyPair(random);
  const mask = agreementKeyPair(random);
  const selfSeed = new SecretBytes(random.bytes(32));
  const unsigned = {
    sid,
    index: own.index,
    cipherKey: cipher.publicKey,
    maskKey: mask.publicKey,
    selfCommitment: selfCommitment(sid, own.index, selfSeed.expose()),
  };
  const message = { ...unsigned, signature: identity.sign('m1', advertiseKeysBytes(unsigned)) };
  return {
    state: {
      phase: 'advertised',
      setup: { sid, open, configHash: hash, index: own.index, roster },
      accepted: {},
      secrets: { cipherKey: cipher.secretKey, maskKey: mask.secretKey, selfSeed },
      advertised: message,
    },
    effects: [
      {
        type: 'journal',
        record: {
          type: 'opened',
          federation: open.federation,
          task: open.task,
          group: open.group,
          seq: open.seq,
          sid,
          configHash: hash,
          statement,
        },
      },
      { type: 'send', name: 'advertiseKeys', message },
    ],
  };
}

function checkTime(open: Open, nowMs: number, maxAgeMs: number): void {
  if (open.notAfterMs <= nowMs) refuse('Timeout', "OPEN has expired by this machine's clock.");
  if (open.notAfterMs - nowMs > maxAgeMs)
    refuse('PolicyRefused', `OPEN is valid for longer than ${maxAgeMs} ms (policy.maxCohortAgeMs).`);
}
