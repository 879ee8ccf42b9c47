import type { RoundRecord } from '@hansa/shared/protocol';
import { type Dialect, Kysely, Migrator, sql } from 'kysely';
import { storageFault } from './faults.ts';
import { migrationProvider } from './migrations.ts';
import type {
  DrawnGroups,
  EvidenceRow,
  MemberApprovalRow,
  ModelRow,
  OpenAttempt,
  RosterRow,
  StateStore,
  TaskChange,
  TaskRow,
} from './stateStore.ts';
import * as attempts from './tables/attempts.ts';
import * as clients from './tables/clients.ts';
import * as draws from './tables/draws.ts';
import * as enrolment from './tables/enrolment.ts';
import * as evidence from './tables/evidence.ts';
import { keepFirstFact, setFact } from './tables/facts.ts';
import * as models from './tables/models.ts';
import type { Tables, Writer } from './tables/schema.ts';
import * as tasks from './tables/tasks.ts';

/** The state store over any SQL dialect that Kysely speaks; what each method asks the database is in `tables/`. */
export class SqlStateStore implements StateStore {
  readonly #db: Kysely<Tables>;
  readonly #checkpointSql: string | undefined;

  private constructor(db: Kysely<Tables>, checkpointSql: string | undefined) {
    this.#db = db;
    this.#checkpointSql = checkpointSql;
  }

  /** Opens the store and brings its schema up to date. `checkpointSql` is run before closing. */
  static async open(dialect: Dialect, checkpointSql?: string): Promise<SqlStateStore> {
    const db = new Kysely<Tables>({ dialect });
    const { error } = await new Migrator({ db, provider: migrationProvider }).migrateToLatest();
    if (error !== undefined) {
      await db.destroy();
      throw error;
    }
    return new SqlStateStore(db, checkpointSql);
  }

  federation(proposal: string) {
    return this.#write('the federation', (db) => keepFirstFact(db, 'federation', proposal));
  }

  approvalRule() {
    return enrolment.approvalRule(this.#db);
  }

  addJoinToken(token: Parameters<StateStore['addJoinToken']>[0]) {
    return this.#write('a join token', (db) => enrolment.addJoinToken(db, token));
  }

  enrol(request: Parameters<StateStore['enrol']>[0]) {
    return this.#write('an enrolment', (db) => enrolment.enrol(db, request));
  }

  clients() {
    return clients.clients(this.#db);
  }

  client(id: string) {
    return clients.client(this.#db, id);
  }

  markSeen(id: string, atMs: number) {
    return this.#write('a node', (db) => clients.markSeen(db, id, atMs));
  }

  addMemberApproval(row: MemberApprovalRow) {
    return this.#write("a member's approval", (db) => clients.addMemberApproval(db, row));
  }

  memberApprovals() {
    return clients.memberApprovals(this.#db);
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
    return this.#write('a task', (db) => tasks.addTask(db, task));
  }

  tasks() {
    return tasks.tasks(this.#db);
  }

  task(id: string) {
    return tasks.task(this.#db, id);
  }

  changeTask(id: string, change: TaskChange) {
    return this.#write('a task', (db) => tasks.changeTask(db, id, change));
  }

  nextAttempt(taskId: string) {
    return this.#write('a round', (db) => attempts.nextAttempt(db, taskId));
  }

  beginAttempt(attempt: Omit<OpenAttempt, 'signing'>) {
    return this.#write('a round', (db) => attempts.beginAttempt(db, attempt));
  }

  markSigning(taskId: string, attempt: number) {
    return this.#write('a round', (db) => attempts.markSigning(db, taskId, attempt));
  }

  commitUpdate(update: Parameters<StateStore['commitUpdate']>[0]) {
    return this.#write('an update', (db) => attempts.commitUpdate(db, update));
  }

  endAttempt(record: RoundRecord, change: TaskChange, model?: ModelRow) {
    return this.#write('a round', (db) => attempts.endAttempt(db, record, change, model));
  }

  openAttempts() {
    return attempts.openAttempts(this.#db);
  }

  rounds(taskId: string) {
    return attempts.rounds(this.#db, taskId);
  }

  round(taskId: string, attempt: number) {
    return attempts.round(this.#db, taskId, attempt);
  }

  beginDraw(taskId: string, rosterHash: string) {
    return this.#write('a draw', (db) => draws.beginDraw(db, taskId, rosterHash));
  }

  endDraw(taskId: string, seq: number, groups: DrawnGroups) {
    return this.#write('a draw', (db) => draws.endDraw(db, taskId, seq, groups));
  }

  draws(taskId: string, rosterHash: string) {
    return draws.draws(this.#db, taskId, rosterHash);
  }

  addEvidence(row: EvidenceRow) {
    return this.#write('evidence', (db) => evidence.addEvidence(db, row));
  }

  evidence() {
    return evidence.evidence(this.#db);
  }

  addModel(model: ModelRow) {
    return this.#write('a model', (db) => models.addModel(db, model));
  }

  models() {
    return models.models(this.#db);
  }

  model(hash: string) {
    return models.model(this.#db, hash);
  }

  assertUsable() {
    return this.#write('a probe', (db) => setFact(db, 'lastProbe', String(Date.now())));
  }

  async close(): Promise<void> {
    if (this.#checkpointSql !== undefined) await sql.raw(this.#checkpointSql).execute(this.#db);
    await this.#db.destroy();
  }

  /** One transaction. `what` names what is lost where the disk is full. @throws HansaError StorageFull */
  async #write<T>(what: string, work: (db: Writer) => Promise<T>): Promise<T> {
    try {
      return await this.#db.transaction().execute(work);
    } catch (error) {
      throw storageFault(error, what);
    }
  }
}
