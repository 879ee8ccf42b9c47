import { createMemory } from '@hansa/aggregation/secagg/client';
import { fingerprintOf } from '@hansa/shared/crypto';
import { readNodeConfig } from '../config/nodeConfig.ts';
import { readIdentity } from '../ledger/identity.ts';
import { readJournal } from '../ledger/journal.ts';
import { nodeFolder } from '../ledger/nodeFolder.ts';
import type { CommandContext } from './context.ts';

/** `roster`: this node's own key, who approves, and the roster that this node has pinned, for members to compare. Makes no connection. */
export async function roster(options: { config: string }, context: CommandContext): Promise<number> {
  const { output } = context;
  const folder = nodeFolder(readNodeConfig(options.config).folder);
  const { clientId, approvals, key } = readIdentity(folder.identity);
  const own = { clientId, fingerprint: fingerprintOf(key.publicKey) };
  key.wipe();
  const memory = createMemory();
  for (const record of await readJournal(folder.journal)) memory.apply(record);
  const pinned = memory.roster();
  const approver = approvals.by === 'consortium' ? fingerprintOf(approvals.approverKey) : undefined;
  const members = pinned?.members.map(({ index, id, publicKey }) => ({
    clientId: id,
    fingerprint: fingerprintOf(publicKey),
    known: pinned.known.includes(index),
  }));
  const fingerprint = pinned && Buffer.from(pinned.hash).toString('hex');

  output.line(`This node: ${own.clientId}, key ${own.fingerprint}`);
  output.line(
    approver === undefined ? 'Approved by: members' : `Approved by: the consortium's approver, key ${approver}`,
  );
  if (pinned === undefined || members === undefined)
    output.line('No roster yet: no roster that this node has received lists it.');
  else {
    output.line(`Roster ${pinned.epoch}: ${members.length} members, fingerprint ${fingerprint}`);
    for (const member of members)
      output.line(`  ${member.clientId}  ${member.fingerprint}  ${member.known ? 'since this node joined' : 'later'}`);
    output.line('Every member that has pinned the same roster sees the same fingerprint.');
  }
  output.document({
    ...own,
    approvedBy: approvals.by,
    ...(approver !== undefined && { approverFingerprint: approver }),
    ...(pinned !== undefined && { roster: { epoch: pinned.epoch, fingerprint, members } }),
  });
  return 0;
}
