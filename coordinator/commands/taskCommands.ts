import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import path from 'node:path';
import { readJsonFile } from '@hansa/shared/config';
import { HansaError } from '@hansa/shared/errors';
import { readHeaderOfFile } from '@hansa/shared/numeric';
import { modelRecordSchema, type TaskRecord, taskFileSchema, taskRecordSchema } from '@hansa/shared/protocol';
import type { AdminClient } from './adminClient.ts';
import { facts, type Output, table } from './output.ts';

/** `task create FILE`: stores the starting model, then the task. */
export async function createTask(file: string, admin: AdminClient, output: Output): Promise<void> {
  const task = readJsonFile(file, taskFileSchema, 'Task file', 'InvalidTask');
  const modelFile = path.resolve(path.dirname(file), task.model);
  const modelHash = await hashOfModel(modelFile);
  output.note(`storing model ${modelHash.slice(0, 12)}…`);
  await admin.put(`/v1/admin/blobs/${modelHash}`, modelRecordSchema, createReadStream(modelFile));
  const record = await admin.call('POST', '/v1/admin/tasks', taskRecordSchema, { task, modelHash });
  output.answer(record, () => taskFacts(record));
}

export async function listTasks(admin: AdminClient, output: Output): Promise<void> {
  const tasks = await admin.call('GET', '/v1/admin/tasks', taskRecordSchema.array());
  output.answer(tasks, () =>
    table(
      ['TASK', 'NAME', 'STATE', 'ROUNDS', 'MODEL'],
      tasks.map((task) => [task.id, task.name, task.state, progressOf(task), task.modelHash.slice(0, 12)]),
    ),
  );
}

export async function showTask(id: string, admin: AdminClient, output: Output): Promise<void> {
  const task = await admin.call('GET', `/v1/admin/tasks/${encodeURIComponent(id)}`, taskRecordSchema);
  output.answer(task, () => taskFacts(task));
}

export async function abortTask(id: string, admin: AdminClient, output: Output): Promise<void> {
  const task = await admin.call('POST', `/v1/admin/tasks/${encodeURIComponent(id)}/abort`, taskRecordSchema);
  output.answer(task, () => taskFacts(task));
}

const progressOf = (task: TaskRecord): string => `${task.committedRounds}/${task.rounds}`;

const taskFacts = (task: TaskRecord): string[] =>
  facts({
    task: task.id,
    name: task.name,
    state: task.state,
    reason: task.reason,
    rounds: `${progressOf(task)} committed`,
    cohort: `${task.task.cohort.minimum} to ${task.task.cohort.maximum} nodes`,
    model: task.modelHash,
    created: task.createdAt,
  });

/** SHA-256 of a model file whose header is sound. @throws HansaError InvalidTask (when it cannot be read), InvalidModelFile */
async function hashOfModel(file: string): Promise<string> {
  try {
    await readHeaderOfFile(file);
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(file)) hash.update(chunk as Uint8Array);
    return hash.digest('hex');
  } catch (error) {
    if (error instanceof HansaError) throw error;
    const reason = `The task's model ${file} cannot be read: ${(error as Error).message}.`;
    throw new HansaError('InvalidTask', reason, {}, { cause: error });
  }
}
