import { HansaError } from '@hansa/shared/errors';
import { type ApprovalRule, approvalRuleSchema, consortiumApprovalSchema } from '@hansa/shared/protocol/secagg';
import { z } from 'zod';
import type { ClientRow, StateStore } from '../stateStore.ts';
import { clientRow } from './clients.ts';
import { factOf, keepFirstFact } from './facts.ts';
import { type ClientTable, type Reader, textOf, type Writer } from './schema.ts';

/** The fact that says who approves the members. */
const approvalRuleKey = 'approvals';

export async function approvalRule(db: Reader): Promise<ApprovalRule | undefined> {
  const value = await factOf(db, approvalRuleKey);
  return value === undefined ? undefined : approvalRuleSchema.parse(JSON.parse(value));
}

export async function addJoinToken(db: Writer, token: Parameters<StateStore['addJoinToken']>[0]): Promise<void> {
  const rule = JSON.stringify(z.encode(approvalRuleSchema, token.approvals));
  if ((await keepFirstFact(db, approvalRuleKey, rule)) !== rule) {
    throw new HansaError(
      'InvalidArgument',
      "This federation's members are approved by somebody else, and every node that has enrolled relies on that. Use the approver's key, or --by-members, as with its first join token; for another, start a new federation.",
    );
  }
  const tokenKey = token.tokenKey === undefined ? null : textOf(token.tokenKey);
  const twin = await db
    .selectFrom('join_tokens')
    .select('label')
    .where(({ eb, or }) => or([eb('secret_hash', '=', textOf(token.secretHash)), eb('token_key', '=', tokenKey)]))
    .executeTakeFirst();
  if (twin !== undefined) throw new HansaError('InvalidArgument', 'This join token was registered before.');
  await db
    .insertInto('join_tokens')
    .values({
      secret_hash: textOf(token.secretHash),
      token_key: tokenKey,
      label: token.label,
      created_at: token.createdAtMs,
      expires_at: token.expiresAtMs,
      client_id: null,
    })
    .execute();
}

export async function enrol(db: Writer, request: Parameters<StateStore['enrol']>[0]): Promise<ClientRow> {
  const secretHash = textOf(request.secretHash);
  const publicKey = textOf(request.publicKey);
  const token = await db.selectFrom('join_tokens').selectAll().where('secret_hash', '=', secretHash).executeTakeFirst();
  const holder = await db.selectFrom('clients').selectAll().where('public_key', '=', publicKey).executeTakeFirst();
  if (token === undefined) {
    throw new HansaError(
      'TokenUnknown',
      'This coordinator was never told of this join token. Ask the consortium admin for a new one.',
    );
  }
  if (token.client_id !== null) {
    if (token.client_id === holder?.id) return clientRow(holder);
    throw new HansaError(
      'TokenUsed',
      'This join token has been used by another node. Ask the consortium admin for a new one.',
    );
  }
  if (request.nowMs >= token.expires_at) {
    throw new HansaError(
      'TokenExpired',
      `This join token expired at ${new Date(token.expires_at).toISOString()}. Ask the consortium admin for a new one.`,
    );
  }
  if (token.token_key !== (request.approval === undefined ? null : textOf(request.approval.tokenKey))) {
    throw new HansaError('BadApproval', 'The approval was not made with the join token that it came with.');
  }
  if (holder !== undefined) {
    throw new HansaError(
      'AlreadyEnrolled',
      `This node's key is enrolled already, as ${holder.id}. It needs no further token.`,
    );
  }
  const row: ClientTable = {
    id: request.proposedId,
    index: await nextIndex(db),
    label: token.label,
    public_key: publicKey,
    approval:
      request.approval === undefined ? null : JSON.stringify(z.encode(consortiumApprovalSchema, request.approval)),
    enrolled_at: request.nowMs,
    last_seen_at: null,
  };
  await db.insertInto('clients').values(row).execute();
  await db.updateTable('join_tokens').set({ client_id: row.id }).where('secret_hash', '=', secretHash).execute();
  return clientRow(row);
}

async function nextIndex(db: Writer): Promise<number> {
  const { last } = await db
    .selectFrom('clients')
    .select(({ fn }) => fn.max('index').as('last'))
    .executeTakeFirstOrThrow();
  return last === null ? 0 : Number(last) + 1;
}
