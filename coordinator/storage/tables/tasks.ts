import { taskFileSchema } from '@hansa/shared/protocol';
import type { Selectable } from 'kysely';
import type { TaskChange, TaskRow } from '../stateStore.ts';
import type { Reader, TaskTable, Writer } from './schema.ts';

export async function addTask(db: Writer, task: TaskRow): Promise<void> {
  await db
    .insertInto('tasks')
    .values({
      id: task.id,
      name: task.name,
      state: task.state,
      reason: task.reason ?? null,
      file: JSON.stringify(task.file),
      plan: task.plan,
      committed_rounds: task.committedRounds,
      next_round: task.nextRound,
      attempts: task.attempts,
      failures_in_row: task.failuresInRow,
      model_hash: task.modelHash,
      initial_model_hash: task.initialModelHash,
      strategy_state_hash: task.strategyStateHash ?? null,
      created_at: task.createdAtMs,
    })
    .execute();
}

export async function tasks(db: Reader): Promise<TaskRow[]> {
  return (await db.selectFrom('tasks').selectAll().orderBy('created_at').orderBy('id').execute()).map(taskRow);
}

export async function task(db: Reader, id: string): Promise<TaskRow | undefined> {
  const row = await db.selectFrom('tasks').selectAll().where('id', '=', id).executeTakeFirst();
  return row && taskRow(row);
}

export async function changeTask(db: Writer, id: string, change: TaskChange): Promise<void> {
  const columns: Partial<TaskTable> = {};
  if (change.state !== undefined) columns.state = change.state;
  if ('reason' in change) columns.reason = change.reason ?? null;
  if (change.committedRounds !== undefined) columns.committed_rounds = change.committedRounds;
  if (change.nextRound !== undefined) columns.next_round = change.nextRound;
  if (change.failuresInRow !== undefined) columns.failures_in_row = change.failuresInRow;
  if (change.modelHash !== undefined) columns.model_hash = change.modelHash;
  if (change.strategyStateHash !== undefined) columns.strategy_state_hash = change.strategyStateHash;
  if (Object.keys(columns).length === 0) return;
  await db.updateTable('tasks').set(columns).where('id', '=', id).execute();
}

const taskRow = (row: Selectable<TaskTable>): TaskRow => ({
  id: row.id,
  name: row.name,
  state: row.state as TaskRow['state'],
  reason: row.reason ?? undefined,
  file: taskFileSchema.parse(JSON.parse(row.file)),
  plan: row.plan,
  committedRounds: row.committed_rounds,
  nextRound: row.next_round,
  attempts: row.attempts,
  failuresInRow: row.failures_in_row,
  modelHash: row.model_hash,
  initialModelHash: row.initial_model_hash,
  strategyStateHash: row.strategy_state_hash ?? undefined,
  createdAtMs: row.created_at,
});
