import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type NodeFolder, nodeFolder } from '../ledger/nodeFolder.ts';
import { recordSelection, selectedModel, selectedModelFile } from './selectedModel.ts';

const hashOf = async (path: string) =>
  createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
const task = { taskId: '018f5b0e-7c3a-4d2e-9a4b-1c2d3e4f5a6b', modelHash: 'a'.repeat(64) };

let folder: NodeFolder;
beforeEach(async () => {
  folder = nodeFolder(await mkdtemp(join(tmpdir(), 'hansa-selected-')));
});
afterEach(() => rm(folder.root, { recursive: true, force: true }));

async function select(leagueModelHash = task.modelHash): Promise<string> {
  const path = await selectedModelFile(folder, task.taskId);
  await writeFile(path, 'the selected model');
  await recordSelection(folder, {
    taskId: task.taskId,
    leagueModelHash,
    method: 'blended',
    label: 'mean of federated and fine-tuned',
    sha256: await hashOf(path),
  });
  return path;
}

test('the model that was selected is found again, with what it is', async () => {
  expect(await selectedModel(folder, task, hashOf)).toBeUndefined();
  const path = await select();
  expect(await selectedModel(folder, task, hashOf)).toEqual({ path, label: 'mean of federated and fine-tuned' });
});

test('a newer model of the league, or another file in its place, takes the selection back', async () => {
  const path = await select();
  expect(await selectedModel(folder, { ...task, modelHash: 'b'.repeat(64) }, hashOf)).toBeUndefined();
  await writeFile(path, 'another model');
  expect(await selectedModel(folder, task, hashOf)).toBeUndefined();
  await rm(path);
  expect(await selectedModel(folder, task, hashOf)).toBeUndefined();
});
