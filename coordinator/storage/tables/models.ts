import type { Selectable } from 'kysely';
import type { ModelRow } from '../stateStore.ts';
import type { ModelTable, Reader, Writer } from './schema.ts';

export async function addModel(db: Writer, model: ModelRow): Promise<void> {
  await db
    .insertInto('models')
    .values({
      hash: model.hash,
      size_bytes: model.sizeBytes,
      parameters: model.parameters,
      task_id: model.taskId ?? null,
      round: model.round,
      created_at: model.createdAtMs,
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

export async function models(db: Reader): Promise<ModelRow[]> {
  return (await db.selectFrom('models').selectAll().orderBy('created_at').orderBy('round').execute()).map(modelRow);
}

export async function model(db: Reader, hash: string): Promise<ModelRow | undefined> {
  const row = await db.selectFrom('models').selectAll().where('hash', '=', hash).executeTakeFirst();
  return row && modelRow(row);
}

const modelRow = (row: Selectable<ModelTable>): ModelRow => ({
  hash: row.hash,
  sizeBytes: row.size_bytes,
  parameters: row.parameters,
  taskId: row.task_id ?? undefined,
  round: row.round,
  createdAtMs: row.created_at,
});
