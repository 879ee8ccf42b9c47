import type { EvidenceRow } from '../stateStore.ts';
import type { Reader, Writer } from './schema.ts';

export async function addEvidence(db: Writer, row: EvidenceRow): Promise<void> {
  await db
    .insertInto('evidence')
    .values({
      id: row.id,
      found_at: row.foundAtMs,
      task_id: row.taskId,
      attempt: row.attempt,
      client_id: row.clientId,
      wire: row.wire,
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

export async function evidence(db: Reader): Promise<EvidenceRow[]> {
  const rows = await db.selectFrom('evidence').selectAll().orderBy('found_at').orderBy('id').execute();
  return rows.map((row) => ({
    id: row.id,
    foundAtMs: row.found_at,
    taskId: row.task_id,
    attempt: row.attempt,
    clientId: row.client_id,
    wire: row.wire,
  }));
}
