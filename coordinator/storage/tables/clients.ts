import { consortiumApprovalSchema } from '@hansa/shared/protocol/secagg';
import type { Selectable } from 'kysely';
import type { ClientRow, MemberApprovalRow } from '../stateStore.ts';
import { bytesOf, type ClientTable, type Reader, textOf, type Writer } from './schema.ts';

export async function clients(db: Reader): Promise<ClientRow[]> {
  return (await db.selectFrom('clients').selectAll().orderBy('index').execute()).map(clientRow);
}

export async function client(db: Reader, id: string): Promise<ClientRow | undefined> {
  const row = await db.selectFrom('clients').selectAll().where('id', '=', id).executeTakeFirst();
  return row && clientRow(row);
}

export async function markSeen(db: Writer, id: string, atMs: number): Promise<void> {
  await db.updateTable('clients').set({ last_seen_at: atMs }).where('id', '=', id).execute();
}

export async function addMemberApproval(
  db: Writer,
  { clientId, signerId, signature }: MemberApprovalRow,
): Promise<void> {
  await db
    .insertInto('member_approvals')
    .values({ client_id: clientId, signer_id: signerId, signature: textOf(signature) })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

export async function memberApprovals(db: Reader): Promise<MemberApprovalRow[]> {
  const rows = await db.selectFrom('member_approvals').selectAll().execute();
  return rows.map((row) => ({
    clientId: row.client_id,
    signerId: row.signer_id,
    signature: bytesOf(row.signature),
  }));
}

export const clientRow = (row: Selectable<ClientTable>): ClientRow => ({
  id: row.id,
  index: row.index,
  label: row.label,
  publicKey: bytesOf(row.public_key),
  approval: row.approval === null ? undefined : consortiumApprovalSchema.parse(JSON.parse(row.approval)),
  enrolledAtMs: row.enrolled_at,
  lastSeenAtMs: row.last_seen_at ?? undefined,
});
