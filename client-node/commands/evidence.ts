import { HansaError } from '@hansa/shared/errors';
import { evidenceMeaning, evidenceSchema, statementText } from '@hansa/shared/protocol/secagg';
import { z } from 'zod';
import { readNodeConfig } from '../config/nodeConfig.ts';
import { type KeptEvidence, readEvidence } from '../ledger/evidence.ts';
import { nodeFolder } from '../ledger/nodeFolder.ts';
import type { CommandContext } from './context.ts';

/** `evidence list`: the contradictions of the coordinator or a member that this node has found. */
export async function evidenceList(options: { config: string }, context: CommandContext): Promise<number> {
  const kept = readEvidence(nodeFolder(readNodeConfig(options.config).folder).evidence);
  const { output } = context;
  output.document(kept.map(summary));
  if (kept.length === 0) output.line('No evidence: neither the coordinator nor a member has contradicted itself.');
  for (const { id, foundAt, evidence } of kept)
    output.line(`${id}  ${foundAt}  ${nameOf(evidence)} ${evidenceMeaning(evidence.kind)}`);
  return 0;
}

/** `evidence show ID`: both statements side by side, and whether the signatures are valid. */
export async function evidenceShow(options: { config: string }, context: CommandContext, id: string): Promise<number> {
  const folder = nodeFolder(readNodeConfig(options.config).folder).evidence;
  const matches = readEvidence(folder).filter((one) => one.id.startsWith(id));
  const [kept] = matches;
  if (kept === undefined || matches.length > 1)
    throw new HansaError(
      'NotFound',
      kept === undefined
        ? `There is no evidence ${id}. See them all with: hansa-client evidence list --config ${options.config}`
        : `${matches.length} pieces of evidence begin with ${id}: give more of its digits.`,
    );
  const { output } = context;
  const { evidence } = kept;
  const [first, second] = [evidence.first, evidence.second].map(({ bytes }) => statementText(evidence.kind, bytes));
  output.document({ ...summary(kept), first, second, evidence: z.encode(evidenceSchema, evidence) });
  output.line(`${nameOf(evidence)} ${evidenceMeaning(evidence.kind)} (task ${kept.taskId}, found ${kept.foundAt}).`);
  output.line(
    kept.holds
      ? `Both statements are signed by the Ed25519 key ${hex(evidence.signer)}; anyone who knows that key can check them.`
      : 'It is NOT valid: the file was altered after it was written.',
  );
  for (const name of Object.keys(first ?? {})) {
    const [one, other] = [first?.[name] ?? '', second?.[name] ?? ''];
    if (one === other) output.line(`  ${name}: ${one}`);
    else output.line(`≠ ${name}:\n    ${one}\n    ${other}`);
  }
  return kept.holds ? 0 : 1;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

const nameOf = ({ member }: { readonly member?: number | undefined }): string =>
  member === undefined ? 'The coordinator' : `Member ${member}`;

const summary = ({ id, foundAt, taskId, evidence, holds }: KeptEvidence) => ({
  id,
  foundAt,
  taskId,
  by: evidence.member === undefined ? 'coordinator' : 'member',
  ...(evidence.member !== undefined && { member: evidence.member }),
  kind: evidence.kind,
  signer: hex(evidence.signer),
  holds,
});
