import { agreementKeyPair, equalBytes, SecretBytes } from '@hansa/shared/crypto';
import { HansaError } from '@hansa/shared/errors';
import {
  advertiseKeysBytes,
  contradiction,
  type Open,
  openBytes,
  selfCommitment,
  setupId,
} from '@hansa/shared/protocol/secagg';
import { graphOf } from '../graph.ts';
import { refuse, refused } from '../refuse.ts';
import { checkTerms } from './terms.ts';
import type { ClientPorts, ClientStep } from './types.ts';
import { waiting } from './waiting.ts';

/** OPEN → M1: checks the set-up against everything this node has pinned, journals its number and draws fresh keys. */
export function advertiseKeys(open: Open, nowMs: number, ports: ClientPorts): ClientStep {
  const { policy, memory, identity, random } = ports;
  const statement = { bytes: openBytes(open), signature: open.signature };
  const { roster, index, configHash } = checkTerms('OPEN', open, 'open', statement.bytes, nowMs, ports);
  if (open.graph !== graphOf(open.config))
    refuse('PolicyRefused', `OPEN names the graph ${open.graph}, which the task's rule does not ask for.`);
  const group = groupFor(open, ports);
  const last = memory.lastOpen(open.federation, open.task, open.group);
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
    index,
    cipherKey: cipher.publicKey,
    maskKey: mask.publicKey,
    selfCommitment: selfCommitment(sid, index, selfSeed.expose()),
  };
  const message = { ...unsigned, signature: identity.sign('m1', advertiseKeysBytes(unsigned)) };
  return {
    state: {
      phase: 'advertised',
      setup: { sid, open, configHash, index, roster, group },
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
          configHash,
          statement,
        },
      },
      { type: 'send', name: 'advertiseKeys', message },
    ],
  };
}

/** The members of the group that OPEN is for; undefined where the task has one group only. A group that the coordinator chose would be cut as it likes. */
function groupFor(open: Open, { memory }: ClientPorts): ReadonlySet<number> | undefined {
  if (!open.config.grouped) {
    if (open.group !== 0 || open.groupSeedHash.some((byte) => byte !== 0))
      refuse('PolicyRefused', 'OPEN names a group, but the task has one group only.');
    return undefined;
  }
  const drawn = memory.grouping(open.federation, open.task);
  if (
    drawn === undefined ||
    drawn.group !== open.group ||
    !equalBytes(drawn.seedHash, open.groupSeedHash) ||
    !equalBytes(drawn.rosterHash, open.rosterHash)
  )
    refuse('PolicyRefused', "OPEN names a group that is not this node's by the last draw it took part in.");
  return new Set(drawn.members);
}
