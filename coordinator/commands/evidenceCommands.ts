import { HansaError } from '@hansa/shared/errors';
import { type EvidenceRecord, evidenceRecordSchema } from '@hansa/shared/protocol';
import { evidenceMeaning, evidenceSchema, isEvidence, statementText } from '@hansa/shared/protocol/secagg';
import type { AdminClient } from './adminClient.ts';
import { type Output, table } from './output.ts';

const allEvidence = (admin: AdminClient): Promise<EvidenceRecord[]> =>
  admin.call('GET', '/v1/admin/evidence', evidenceRecordSchema.array());

/** `evidence list`: which members were caught contradicting themselves. */
export async function listEvidence(admin: AdminClient, output: Output): Promise<void> {
  const records = await allEvidence(admin);
  output.answer(records, () =>
    table(
      ['EVIDENCE', 'FOUND', 'NODE', 'ATTEMPT', 'WHAT IT DID'],
      records.map(({ id, foundAt, client, attempt, evidence }) => [
        id.slice(0, 16),
        foundAt,
        client,
        attempt,
        evidenceMeaning(evidenceSchema.parse(evidence).kind),
      ]),
    ),
  );
}

/** `evidence show`: both statements side by side, checked again on this machine. */
export async function showEvidence(id: string, admin: AdminClient, output: Output): Promise<void> {
  const matches = (await allEvidence(admin)).filter((record) => record.id.startsWith(id));
  const [record] = matches;
  if (record === undefined || matches.length > 1)
    throw new HansaError(
      'NotFound',
      record === undefined
        ? `There is no evidence ${id.slice(0, 64)}. See all of it with: hansa-coordinator evidence list`
        : `${matches.length} pieces of evidence begin with ${id}: give more of its digits.`,
    );
  const evidence = evidenceSchema.parse(record.evidence);
  const [first, second] = [evidence.first, evidence.second].map(({ bytes }) => statementText(evidence.kind, bytes));
  const holds = isEvidence(evidence);
  output.answer({ ...record, first, second, holds }, () => [
    `Node ${record.client} ${evidenceMeaning(evidence.kind)} (task ${record.taskId}, attempt ${record.attempt}, found ${record.foundAt}).`,
    holds ? 'Both statements carry its signature.' : 'It does NOT hold: the signatures are not its own.',
    ...Object.entries(first ?? {}).flatMap(([name, one]) => {
      const other = second?.[name] ?? '';
      return one === other ? [`  ${name}: ${one}`] : [`≠ ${name}:`, `    ${one}`, `    ${other}`];
    }),
  ]);
}
