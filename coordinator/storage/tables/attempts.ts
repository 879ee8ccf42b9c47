import { type RoundRecord, roundRecordSchema } from '@hansa/shared/protocol';
import type { ModelRow, OpenAttempt, StateStore, TaskChange } from '../stateStore.ts';
import { addModel } from './models.ts';
import type { Reader, Writer } from './schema.ts';
import { changeTask } from './tasks.ts';

export async function nextAttempt(db: Writer, taskId: string): Promise<number> {
  const task = await db
    .updateTable('tasks')
    .set(({ eb }) => ({ attempts: eb('attempts', '+', 1) }))
    .where('id', '=', taskId)
    .returning('attempts')
    .executeTakeFirstOrThrow();
  return task.attempts;
}

export async function beginAttempt(db: Writer, attempt: Omit<OpenAttempt, 'signing'>): Promise<void> {
  await db
    .insertInto('attempts')
    .values({
      task_id: attempt.taskId,
      attempt: attempt.attempt,
      round: attempt.round,
      started_at: attempt.startedAtMs,
      base_model_hash: attempt.baseModelHash,
      selected: JSON.stringify(attempt.selected),
      signing: 0,
      record: null,
    })
    .execute();
}

export async function markSigning(db: Writer, taskId: string, attempt: number): Promise<void> {
  await db
    .updateTable('attempts')
    .set({ signing: 1 })
    .where('task_id', '=', taskId)
    .where('attempt', '=', attempt)
    .execute();
}

export async function commitUpdate(db: Writer, update: Parameters<StateStore['commitUpdate']>[0]): Promise<boolean> {
  const inserted = await db
    .insertInto('updates')
    .values({
      task_id: update.taskId,
      attempt: update.attempt,
      client_id: update.clientId,
      size_bytes: update.sizeBytes,
      committed_at: update.atMs,
    })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return inserted.numInsertedOrUpdatedRows === 1n;
}

export async function endAttempt(
  db: Writer,
  record: RoundRecord,
  change: TaskChange,
  model: ModelRow | undefined,
): Promise<void> {
  await db
    .updateTable('attempts')
    .set({ record: JSON.stringify(record) })
    .where('task_id', '=', record.taskId)
    .where('attempt', '=', record.attempt)
    .execute();
  if (model !== undefined) await addModel(db, model);
  await changeTask(db, record.taskId, change);
}

export async function openAttempts(db: Reader): Promise<OpenAttempt[]> {
  const rows = await db.selectFrom('attempts').selectAll().where('record', 'is', null).orderBy('started_at').execute();
  return rows.map((row) => ({
    taskId: row.task_id,
    round: row.round,
    attempt: row.attempt,
    startedAtMs: row.started_at,
    baseModelHash: row.base_model_hash,
    selected: JSON.parse(row.selected),
    signing: row.signing === 1,
  }));
}

export async function rounds(db: Reader, taskId: string): Promise<RoundRecord[]> {
  const rows = await db
    .selectFrom('attempts')
    .select('record')
    .where('task_id', '=', taskId)
    .where('record', 'is not', null)
    .orderBy('attempt')
    .execute();
  return rows.map((row) => roundRecord(row.record));
}

export async function round(db: Reader, taskId: string, attempt: number): Promise<RoundRecord | undefined> {
  const row = await db
    .selectFrom('attempts')
    .select('record')
    .where('task_id', '=', taskId)
    .where('attempt', '=', attempt)
    .where('record', 'is not', null)
    .executeTakeFirst();
  return row && roundRecord(row.record);
}

const roundRecord = (json: string | null): RoundRecord => roundRecordSchema.parse(JSON.parse(json ?? 'null'));
