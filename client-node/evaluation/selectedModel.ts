import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readJsonFile } from '@hansa/shared/config';
import { writeFileWhole } from '@hansa/shared/files';
import { sha256HexSchema, taskIdSchema } from '@hansa/shared/protocol';
import { z } from 'zod';
import { makeFolder } from '../ledger/files.ts';
import type { NodeFolder } from '../ledger/nodeFolder.ts';

/** Which model of a task this merchant does best with, as its own validation says. */
const selectionSchema = z.strictObject({
  formatVersion: z.literal(1),
  taskId: taskIdSchema,
  /** The league's model that was compared. */
  leagueModelHash: sha256HexSchema,
  /** The method that won. */
  method: z.string().max(40),
  label: z.string().max(80),
  /** Of the model's file. */
  sha256: sha256HexSchema,
});
type Selection = z.output<typeof selectionSchema>;

const pathsOf = ({ selected }: NodeFolder, taskId: string) => ({
  model: join(selected, `${taskId}.safetensors`),
  record: join(selected, `${taskId}.json`),
});

/** Where the selected model of a task is to be written. @throws HansaError DataFolderUnusable, StorageFull */
export async function selectedModelFile(folder: NodeFolder, taskId: string): Promise<string> {
  await makeFolder(folder.selected);
  return pathsOf(folder, taskId).model;
}

/** Records what the file of the selected model holds; before that it is not used. */
export async function recordSelection(folder: NodeFolder, selection: Omit<Selection, 'formatVersion'>): Promise<void> {
  await writeFileWhole(
    pathsOf(folder, selection.taskId).record,
    `${JSON.stringify({ formatVersion: 1, ...selection })}\n`,
    0o600,
  );
}

/**
 * The selected model of a task; undefined where none was selected since the league's newest model, or its file is another one.
 *
 * @param hashOf SHA-256 of a file, hexadecimal
 */
export async function selectedModel(
  folder: NodeFolder,
  task: { readonly taskId: string; readonly modelHash: string },
  hashOf: (path: string) => Promise<string>,
): Promise<{ readonly path: string; readonly label: string } | undefined> {
  const { model, record } = pathsOf(folder, task.taskId);
  if (!existsSync(record) || !existsSync(model)) return undefined;
  const { leagueModelHash, sha256, label } = readJsonFile(record, selectionSchema, 'The record of the selected model');
  if (leagueModelHash !== task.modelHash || (await hashOf(model)) !== sha256) return undefined;
  return { path: model, label };
}
