import { HansaError } from '@hansa/shared/errors';
import { type RoundRecord, roundRecordSchema, taskFileSchema } from '@hansa/shared/protocol';
import { approvalRuleSchema, consortiumApprovalSchema } from '@hansa/shared/protocol/secagg';
import { type Dialect, Kysely, Migrator, type Selectable, sql, type Transaction } from 'kysely';
import { z } from 'zod';
import { storageFault } from './faults.ts';
import { migrationProvider } from './migrations.ts';
import {
  type ClientRow,
  type DrawnGroups,
  drawnGroupsSchema,
  type EvidenceRow,
  type MemberApprovalRow,
  type ModelRow,
  type OpenAttempt,
  type RosterRow,
  type StateStore,
  type TaskChange,
  type TaskRow,
} from './stateStore.ts';

interface ClientTable {
  id: string;
  index: number;
  label: string;
  public_key: string;
  approval: string | null;
  enrolled_at: number;
  last_seen_at: number | null;
}

interface TaskTable {
  id: string;
  name: string;
  state: string;
  reason: string | null;
  file: string;
  plan: string;
  committed_rounds: number;
  next_round: number;
  attempts: number;
  failures_in_row: number;
  model_hash: string;
  initial_model_hash: string;
  created_at: number;
}

interface AttemptTable {
  task_id: string;
  attempt: number;
  round: number;
  started_at: number;
  base_model_hash: string;
  selected: string;
  signing: number;
  record: string | null;
}

interface ModelTable {
  hash: string;
  size_bytes: number;
  parameters: number;
  task_id: string | null;
  round: number;
  created_at: number;
}

interface Tables {
  facts: { key: string; value: string };
  clients: ClientTable;
  join_tokens: {
    secret_hash: string;
    token_key: string | null;
    label: string;
    created_at: number;
    expires_at: number;
    client_id: string | null;
  };
  member_approvals: { client_id: string; signer_id: string; signature: string };
  rosters: { epoch: number; wire: string };
  tasks: TaskTable;
  attempts: AttemptTable;
  updates: { task_id: string; attempt: number; client_id: string; size_bytes: number; committed_at: number };
  models: ModelTable;
  draws: { task_id: string; seq: number; roster_hash: string; groups: string | null };
  evidence: { id: string; found_at: number; task_id: string; attempt: number; client_id: string; wire: string };
}

/** The fact that says who approves the members. */
const approvalRuleKey = 'approvals';

// Bytes are kept as text: drivers disagree on what a BLOB is in memory, and none of ours is longer than 64 bytes.
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
const bytes = (value: string): Uint8Array => new Uint8Array(Buffer.from(value, 'base64url'));

/** The state store over any SQL dialect that Kysely speaks. */
export class SqlStateStore implements StateStore {
  readonly #db: Kysely<Tables>;
  readonly #beforeClose: (db: Kysely<Tables>) => Promise<void>;

  private constructor(db: Kysely<Tables>, beforeClose: (db: Kysely<Tables>) => Promise<void>) {
    this.#db = db;
    this.#beforeClose = beforeClose;
  }

  /** Opens the store and brings its schema up to date. `checkpointSql` is run before closing. */
  static async open(dialect: Dialect, checkpointSql?: string): Promise<SqlStateStore> {
    const db = new Kysely<Tables>({ dialect });
    const { error } = await new Migrator({ db, provider: migrationProvider }).migrateToLatest();
    if (error !== undefined) {
      await db.destroy();
      throw error;
    }
    return new SqlStateStore(db, async (open) => {
      if (checkpointSql !== undefined) await sql.raw(checkpointSql).execute(open);
    });
  }

  federation(proposal: string): Promise<string> {
    return this.#write('the federation', async (db) => {
      await db
        .insertInto('facts')
        .values({ key: 'federation', value: proposal })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      const row = await db
        .selectFrom('facts')
        .select('value')
        .where('key', '=', 'federation')
        .executeTakeFirstOrThrow();
      return row.value;
    });
  }

  async approvalRule() {
    const row = await this.#db
      .selectFrom('facts')
      .select('value')
      .where('key', '=', approvalRuleKey)
      .executeTakeFirst();
    return row && approvalRuleSchema.parse(JSON.parse(row.value));
  }

  addJoinToken(token: Parameters<StateStore['addJoinToken']>[0]) {
    return this.#write('a join token', async (db) => {
      const rule = JSON.stringify(z.encode(approvalRuleSchema, token.approvals));
      await db
        .insertInto('facts')
        .values({ key: approvalRuleKey, value: rule })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      const kept = await db
        .selectFrom('facts')
        .select('value')
        .where('key', '=', approvalRuleKey)
        .executeTakeFirstOrThrow();
      if (kept.value !== rule) {
        throw new HansaError(
          'InvalidArgument',
          "This federation's members are approved by somebody else, and every node that has enrolled relies on that. Use the approver's key, or --by-members, as with its first join token; for another, start a new federation.",
        );
      }
      const tokenKey = token.tokenKey === undefined ? null : text(token.tokenKey);
      const twin = await db
        .selectFrom('join_tokens')
        .select('label')
        .where(({ eb, or }) => or([eb('secret_hash', '=', text(token.secretHash)), eb('token_key', '=', tokenKey)]))
        .executeTakeFirst();
      if (twin !== undefined) throw new HansaError('InvalidArgument', 'This join token was registered before.');
      await db
        .insertInto('join_tokens')
        .values({
          secret_hash: text(token.secretHash),
          token_key: tokenKey,
          label: token.label,
          created_at: token.createdAtMs,
          expires_at: token.expiresAtMs,
          client_id: null,
        })
        .execute();
    });
  }

  enrol(request: Parameters<StateStore['enrol']>[0]) {
    return this.#write('an enrolment', async (db): Promise<ClientRow> => {
      const secretHash = text(request.secretHash);
      const publicKey = text(request.publicKey);
      const token = await db
        .selectFrom('join_tokens')
        .selectAll()
        .where('secret_hash', '=', secretHash)
        .executeTakeFirst();
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
      if (token.token_key !== (request.approval === undefined ? null : text(request.approval.tokenKey))) {
        throw new HansaError('BadApproval', 'The approval was not made with the join token that it came with.');
      }
      if (holder !== undefined) {
        throw new HansaError(
          'AlreadyEnrolled',
          `This node's key is enrolled already, as ${holder.id}. It needs no further token.`,
        );
      }
      const { last } = await db
        .selectFrom('clients')
        .select(({ fn }) => fn.max('index').as('last'))
        .executeTakeFirstOrThrow();
      const row: ClientTable = {
        id: request.proposedId,
        index: last === null ? 0 : Number(last) + 1,
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
    });
  }

  async clients(): Promise<ClientRow[]> {
    return (await this.#db.selectFrom('clients').selectAll().orderBy('index').execute()).map(clientRow);
  }

  async client(id: string): Promise<ClientRow | undefined> {
    const row = await this.#db.selectFrom('clients').selectAll().where('id', '=', id).executeTakeFirst();
    return row && clientRow(row);
  }

  markSeen(id: string, atMs: number) {
    return this.#write('a node', async (db) => {
      await db.updateTable('clients').set({ last_seen_at: atMs }).where('id', '=', id).execute();
    });
  }

  addMemberApproval({ clientId, signerId, signature }: MemberApprovalRow) {
    return this.#write("a member's approval", async (db) => {
      await db
        .insertInto('member_approvals')
        .values({ client_id: clientId, signer_id: signerId, signature: text(signature) })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    });
  }

  async memberApprovals(): Promise<MemberApprovalRow[]> {
    const rows = await this.#db.selectFrom('member_approvals').selectAll().execute();
    return rows.map((row) => ({
      clientId: row.client_id,
      signerId: row.signer_id,
      signature: bytes(row.signature),
    }));
  }

  rosters(): Promise<RosterRow[]> {
    return this.#db.selectFrom('rosters').selectAll().orderBy('epoch').execute();
  }

  addRoster(row: RosterRow) {
    return this.#write('a roster', async (db) => {
      await db.insertInto('rosters').values(row).execute();
    });
  }

  addTask(task: TaskRow) {
    return this.#write('a task', async (db) => {
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
          created_at: task.createdAtMs,
        })
        .execute();
    });
  }

  async tasks(): Promise<TaskRow[]> {
    const rows = await this.#db.selectFrom('tasks').selectAll().orderBy('created_at').orderBy('id').execute();
    return rows.map(taskRow);
  }

  async task(id: string): Promise<TaskRow | undefined> {
    const row = await this.#db.selectFrom('tasks').selectAll().where('id', '=', id).executeTakeFirst();
    return row && taskRow(row);
  }

  changeTask(id: string, change: TaskChange) {
    return this.#write('a task', (db) => applyTaskChange(db, id, change));
  }

  nextAttempt(taskId: string) {
    return this.#write('a round', async (db) => {
      const task = await db
        .updateTable('tasks')
        .set(({ eb }) => ({ attempts: eb('attempts', '+', 1) }))
        .where('id', '=', taskId)
        .returning('attempts')
        .executeTakeFirstOrThrow();
      return task.attempts;
    });
  }

  beginAttempt(attempt: Omit<OpenAttempt, 'signing'>) {
    return this.#write('a round', async (db) => {
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
    });
  }

  markSigning(taskId: string, attempt: number) {
    return this.#write('a round', async (db) => {
      await db
        .updateTable('attempts')
        .set({ signing: 1 })
        .where('task_id', '=', taskId)
        .where('attempt', '=', attempt)
        .execute();
    });
  }

  commitUpdate(update: { taskId: string; attempt: number; clientId: string; sizeBytes: number; atMs: number }) {
    return this.#write('an update', async (db) => {
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
    });
  }

  endAttempt(record: RoundRecord, change: TaskChange, model?: ModelRow) {
    return this.#write('a round', async (db) => {
      await db
        .updateTable('attempts')
        .set({ record: JSON.stringify(record) })
        .where('task_id', '=', record.taskId)
        .where('attempt', '=', record.attempt)
        .execute();
      if (model !== undefined) await insertModel(db, model);
      await applyTaskChange(db, record.taskId, change);
    });
  }

  async openAttempts(): Promise<OpenAttempt[]> {
    const rows = await this.#db
      .selectFrom('attempts')
      .selectAll()
      .where('record', 'is', null)
      .orderBy('started_at')
      .execute();
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

  async rounds(taskId: string): Promise<RoundRecord[]> {
    const rows = await this.#db
      .selectFrom('attempts')
      .select('record')
      .where('task_id', '=', taskId)
      .where('record', 'is not', null)
      .orderBy('attempt')
      .execute();
    return rows.map((row) => roundRecord(row.record));
  }

  async round(taskId: string, attempt: number): Promise<RoundRecord | undefined> {
    const row = await this.#db
      .selectFrom('attempts')
      .select('record')
      .where('task_id', '=', taskId)
      .where('attempt', '=', attempt)
      .where('record', 'is not', null)
      .executeTakeFirst();
    return row && roundRecord(row.record);
  }

  beginDraw(taskId: string, rosterHash: string) {
    return this.#write('a draw', async (db) => {
      const last = await db
        .selectFrom('draws')
        .select(({ fn }) => fn.max('seq').as('seq'))
        .where('task_id', '=', taskId)
        .executeTakeFirst();
      const seq = (last?.seq ?? 0) + 1;
      await db.insertInto('draws').values({ task_id: taskId, seq, roster_hash: rosterHash, groups: null }).execute();
      return seq;
    });
  }

  endDraw(taskId: string, seq: number, groups: DrawnGroups) {
    return this.#write('a draw', async (db) => {
      await db
        .updateTable('draws')
        .set({ groups: JSON.stringify(groups) })
        .where('task_id', '=', taskId)
        .where('seq', '=', seq)
        .execute();
    });
  }

  async draws(taskId: string, rosterHash: string): Promise<{ tries: number; groups: DrawnGroups | undefined }> {
    const rows = await this.#db
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

  addEvidence(row: EvidenceRow) {
    return this.#write('evidence', async (db) => {
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
    });
  }

  async evidence(): Promise<EvidenceRow[]> {
    const rows = await this.#db.selectFrom('evidence').selectAll().orderBy('found_at').orderBy('id').execute();
    return rows.map((row) => ({
      id: row.id,
      foundAtMs: row.found_at,
      taskId: row.task_id,
      attempt: row.attempt,
      clientId: row.client_id,
      wire: row.wire,
    }));
  }

  addModel(model: ModelRow) {
    return this.#write('a model', (db) => insertModel(db, model));
  }

  async models(): Promise<ModelRow[]> {
    const rows = await this.#db.selectFrom('models').selectAll().orderBy('created_at').orderBy('round').execute();
    return rows.map(modelRow);
  }

  async model(hash: string): Promise<ModelRow | undefined> {
    const row = await this.#db.selectFrom('models').selectAll().where('hash', '=', hash).executeTakeFirst();
    return row && modelRow(row);
  }

  assertUsable() {
    return this.#write('a probe', async (db) => {
      const row = { key: 'lastProbe', value: String(Date.now()) };
      await db
        .insertInto('facts')
        .values(row)
        .onConflict((conflict) => conflict.column('key').doUpdateSet({ value: row.value }))
        .execute();
    });
  }

  async close(): Promise<void> {
    await this.#beforeClose(this.#db);
    await this.#db.destroy();
  }

  async #write<T>(what: string, work: (db: Transaction<Tables>) => Promise<T>): Promise<T> {
    try {
      return await this.#db.transaction().execute(work);
    } catch (error) {
      throw storageFault(error, what);
    }
  }
}

async function applyTaskChange(db: Transaction<Tables>, id: string, change: TaskChange): Promise<void> {
  const columns: Partial<TaskTable> = {};
  if (change.state !== undefined) columns.state = change.state;
  if ('reason' in change) columns.reason = change.reason ?? null;
  if (change.committedRounds !== undefined) columns.committed_rounds = change.committedRounds;
  if (change.nextRound !== undefined) columns.next_round = change.nextRound;
  if (change.failuresInRow !== undefined) columns.failures_in_row = change.failuresInRow;
  if (change.modelHash !== undefined) columns.model_hash = change.modelHash;
  if (Object.keys(columns).length === 0) return;
  await db.updateTable('tasks').set(columns).where('id', '=', id).execute();
}

async function insertModel(db: Transaction<Tables>, model: ModelRow): Promise<void> {
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

const clientRow = (row: Selectable<ClientTable>): ClientRow => ({
  id: row.id,
  index: row.index,
  label: row.label,
  publicKey: bytes(row.public_key),
  approval: row.approval === null ? undefined : consortiumApprovalSchema.parse(JSON.parse(row.approval)),
  enrolledAtMs: row.enrolled_at,
  lastSeenAtMs: row.last_seen_at ?? undefined,
});

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
  createdAtMs: row.created_at,
});

const modelRow = (row: Selectable<ModelTable>): ModelRow => ({
  hash: row.hash,
  sizeBytes: row.size_bytes,
  parameters: row.parameters,
  taskId: row.task_id ?? undefined,
  round: row.round,
  createdAtMs: row.created_at,
});

const roundRecord = (json: string | null): RoundRecord => roundRecordSchema.parse(JSON.parse(json ?? 'null'));
