import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HansaError } from '@hansa/shared/errors';
import { taskIdSchema } from '@hansa/shared/protocol';
import { type Evidence, evidenceId, evidenceSchema, isEvidence } from '@hansa/shared/protocol/secagg';
import { z } from 'zod';
import { writeWhole } from './files.ts';

const fileSchema = z.strictObject({
  formatVersion: z.literal(1),
  /** ISO 8601, this machine's clock. */
  foundAt: z.iso.datetime(),
  taskId: taskIdSchema,
  evidence: evidenceSchema,
});

/** A piece of evidence as this node keeps it. */
export interface KeptEvidence {
  /** The first 16 hexadecimal digits of its hash: its file's name. */
  readonly id: string;
  readonly foundAt: string;
  readonly taskId: string;
  readonly evidence: Evidence;
  /** Whether it proves what it says; false only where the file was altered. */
  readonly holds: boolean;
}

/** Keeps a piece of evidence, forced to disk; one that is there already stays as it is. @throws HansaError StorageFull, DataFolderUnusable */
export async function keepEvidence(
  folder: string,
  found: { readonly foundAt: string; readonly taskId: string; readonly evidence: Evidence },
): Promise<string> {
  const id = idOf(found.evidence);
  const path = join(folder, `${id}.json`);
  if (existsSync(path)) return id;
  const file = z.encode(fileSchema, { formatVersion: 1, ...found });
  await writeWhole(path, `${JSON.stringify(file, null, 2)}\n`);
  return id;
}

/** Everything that is kept, oldest first; nothing where the folder is not there. @throws HansaError LedgerCorrupt (for a file that is damaged) */
export function readEvidence(folder: string): KeptEvidence[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return names
    .map((name) => readOne(join(folder, name)))
    .sort((left, right) => left.foundAt.localeCompare(right.foundAt) || left.id.localeCompare(right.id));
}

function readOne(path: string): KeptEvidence {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    // Told below, like any other damage.
  }
  const parsed = fileSchema.safeParse(value);
  if (!parsed.success)
    throw new HansaError(
      'LedgerCorrupt',
      `${path} is damaged: it holds no evidence that can be read. Restore it from a backup, or move it away.`,
    );
  const { foundAt, taskId, evidence } = parsed.data;
  return { id: idOf(evidence), foundAt, taskId, evidence, holds: isEvidence(evidence) };
}

const idOf = (evidence: Evidence): string => Buffer.from(evidenceId(evidence)).toString('hex').slice(0, 16);
