import { type DrawnGroups, drawnGroupsSchema } from '../stateStore.ts';
import type { Reader, Writer } from './schema.ts';

export async function beginDraw(db: Writer, taskId: string, rosterHash: string): Promise<number> {
  const last = await db
    .selectFrom('draws')
    .select(({ fn }) => fn.max('seq').as('seq'))
    .where('task_id', '=', taskId)
    .executeTakeFirst();
  const seq = (last?.seq ?? 0) + 1;
  await db.insertInto('draws').values({ task_id: taskId, seq, roster_hash: rosterHash, groups: null }).execute();
  return seq;
}

export async function endDraw(db: Writer, taskId: string, seq: number, groups: DrawnGroups): Promise<void> {
  await db
    .updateTable('draws')
    .set({ groups: JSON.stringify(groups) })
    .where('task_id', '=', taskId)
    .where('seq', '=', seq)
    .execute();
}

export async function draws(
  db: Reader,
  taskId: string,
  rosterHash: string,
): Promise<{ tries: number; groups: DrawnGroups | undefined }> {
  const rows = await db
    .selectFrom('draws')
    .selectAll()
    .where('task_id', '=', taskId)
    .where('roster_hash', '=', rosterHash)
    .orderBy('seq')
    .execute();
  const drawn = rows.findLast(({ groups }) => groups !== null)?.groups;
  return {
    tries: rows.length,
    groups: typeof drawn === 'string' ? drawnGroupsSchema.parse(JSON.parse(drawn)) : undefined,
  };
}
