import type { Kysely, Migration, MigrationProvider } from 'kysely';

/** Every change of the schema, in order of name; one that was released is never edited. */
const migrations: Record<string, Migration> = {
  '0001_start': {
    async up(db: Kysely<never>) {
      await db.schema
        .createTable('facts')
        .addColumn('key', 'text', (column) => column.primaryKey())
        .addColumn('value', 'text', (column) => column.notNull())
        .execute();
      await db.schema
        .createTable('clients')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('index', 'integer', (column) => column.notNull().unique())
        .addColumn('label', 'text', (column) => column.notNull())
        .addColumn('public_key', 'text', (column) => column.notNull().unique())
        .addColumn('enrolled_at', 'integer', (column) => column.notNull())
        .addColumn('last_seen_at', 'integer')
        .execute();
      await db.schema
        .createTable('join_tokens')
        .addColumn('secret_hash', 'text', (column) => column.primaryKey())
        .addColumn('label', 'text', (column) => column.notNull())
        .addColumn('created_at', 'integer', (column) => column.notNull())
        .addColumn('expires_at', 'integer', (column) => column.notNull())
        .addColumn('client_id', 'text', (column) => column.references('clients.id'))
        .execute();
      await db.schema
        .createTable('rosters')
        .addColumn('epoch', 'integer', (column) => column.primaryKey())
        .addColumn('wire', 'text', (column) => column.notNull())
        .execute();
      await db.schema
        .createTable('tasks')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('state', 'text', (column) => column.notNull())
        .addColumn('reason', 'text')
        .addColumn('file', 'text', (column) => column.notNull())
        .addColumn('plan', 'text', (column) => column.notNull())
        .addColumn('committed_rounds', 'integer', (column) => column.notNull())
        .addColumn('next_round', 'integer', (column) => column.notNull())
        .addColumn('attempts', 'integer', (column) => column.notNull())
        .addColumn('failures_in_row', 'integer', (column) => column.notNull())
        .addColumn('model_hash', 'text', (column) => column.notNull())
        .addColumn('initial_model_hash', 'text', (column) => column.notNull())
        .addColumn('created_at', 'integer', (column) => column.notNull())
        .execute();
      await db.schema
        .createTable('attempts')
        .addColumn('task_id', 'text', (column) => column.notNull().references('tasks.id'))
        .addColumn('attempt', 'integer', (column) => column.notNull())
        .addColumn('round', 'integer', (column) => column.notNull())
        .addColumn('started_at', 'integer', (column) => column.notNull())
        .addColumn('base_model_hash', 'text', (column) => column.notNull())
        .addColumn('selected', 'text', (column) => column.notNull())
        .addColumn('signing', 'integer', (column) => column.notNull())
        .addColumn('record', 'text')
        .addPrimaryKeyConstraint('attempts_key', ['task_id', 'attempt'])
        .execute();
      await db.schema
        .createTable('updates')
        .addColumn('task_id', 'text', (column) => column.notNull())
        .addColumn('attempt', 'integer', (column) => column.notNull())
        .addColumn('client_id', 'text', (column) => column.notNull().references('clients.id'))
        .addColumn('size_bytes', 'integer', (column) => column.notNull())
        .addColumn('committed_at', 'integer', (column) => column.notNull())
        .addPrimaryKeyConstraint('updates_key', ['task_id', 'attempt', 'client_id'])
        .execute();
      await db.schema
        .createTable('models')
        .addColumn('hash', 'text', (column) => column.primaryKey())
        .addColumn('size_bytes', 'integer', (column) => column.notNull())
        .addColumn('parameters', 'integer', (column) => column.notNull())
        .addColumn('task_id', 'text')
        .addColumn('round', 'integer', (column) => column.notNull())
        .addColumn('created_at', 'integer', (column) => column.notNull())
        .execute();
    },
  },
  '0002_approvals': {
    async up(db: Kysely<never>) {
      // Whoever enrolled before members had approvals is approved by nobody, and its node is of that time: it enrols again.
      for (const table of ['updates', 'join_tokens', 'clients', 'rosters'] as const)
        await db.deleteFrom(table as never).execute();
      await db.schema.alterTable('clients').addColumn('approval', 'text').execute();
      await db.schema.alterTable('join_tokens').addColumn('token_key', 'text').execute();
      await db.schema.createIndex('join_tokens_token_key').on('join_tokens').column('token_key').unique().execute();
      await db.schema
        .createTable('member_approvals')
        .addColumn('client_id', 'text', (column) => column.notNull().references('clients.id'))
        .addColumn('signer_id', 'text', (column) => column.notNull().references('clients.id'))
        .addColumn('signature', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('member_approvals_key', ['client_id', 'signer_id'])
        .execute();
    },
  },
  '0003_evidence': {
    async up(db: Kysely<never>) {
      await db.schema
        .createTable('evidence')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('found_at', 'integer', (column) => column.notNull())
        .addColumn('task_id', 'text', (column) => column.notNull().references('tasks.id'))
        .addColumn('attempt', 'integer', (column) => column.notNull())
        .addColumn('client_id', 'text', (column) => column.notNull().references('clients.id'))
        .addColumn('wire', 'text', (column) => column.notNull())
        .execute();
    },
  },
  '0004_draws': {
    async up(db: Kysely<never>) {
      await db.schema
        .createTable('draws')
        .addColumn('task_id', 'text', (column) => column.notNull().references('tasks.id'))
        .addColumn('seq', 'integer', (column) => column.notNull())
        .addColumn('roster_hash', 'text', (column) => column.notNull())
        .addColumn('groups', 'text')
        .addPrimaryKeyConstraint('draws_key', ['task_id', 'seq'])
        .execute();
    },
  },
  '0005_plans_by_job': {
    async up(db: Kysely<never>) {
      // Plans say what the job is and how members train in objects of their own. Nodes have pinned the plans of open tasks as they were, so those end.
      await changeTaskFiles(db, planByJob);
    },
  },
  '0006_strategy_state': {
    async up(db: Kysely<never>) {
      await db.schema.alterTable('tasks').addColumn('strategy_state_hash', 'text').execute();
    },
  },
  '0007_weighting_by_examples': {
    async up(db: Kysely<never>) {
      await changeTaskFiles(db, weighedByExamples);
    },
  },
};

/**
 * Puts task files into today's form. A task whose file changes ends where it was open: nodes have pinned its plan as it was.
 *
 * @param change gives back the file itself where it stays
 */
async function changeTaskFiles(db: Kysely<never>, change: (file: OldTaskFile) => unknown): Promise<void> {
  const tasks = db as unknown as Kysely<{
    tasks: { id: string; state: string; reason: string | null; file: string };
  }>;
  for (const { id, state, file: text } of await tasks.selectFrom('tasks').select(['id', 'state', 'file']).execute()) {
    const file = JSON.parse(text) as OldTaskFile;
    const changed = change(file);
    if (changed === file) continue;
    const isOpen = state === 'waiting' || state === 'running';
    await tasks
      .updateTable('tasks')
      .set({
        file: JSON.stringify(changed),
        ...(isOpen && {
          state: 'failed',
          reason: 'Its plan is of an older version of Hansa: create the task again from its newest model.',
        }),
      })
      .where('id', '=', id)
      .execute();
  }
}

interface OldTaskFile {
  readonly plan: Record<string, unknown>;
  readonly secureAggregation?: { readonly weighting?: Record<string, unknown> };
}

/** A task file that weighs by buckets of so many windows, in today's form: the weights stay the same. */
function weighedByExamples(file: OldTaskFile): unknown {
  const { kind, maximum, windowsPerUnit } = file.secureAggregation?.weighting ?? {};
  if (kind !== 'buckets') return file;
  const weighting = { kind: 'examples', cap: Number(maximum) * Number(windowsPerUnit), levels: maximum };
  return { ...file, secureAggregation: { ...file.secureAggregation, weighting } };
}

/** A task file whose plan has the settings of local training beside those of the job, in today's form. */
function planByJob(file: OldTaskFile): unknown {
  const {
    job,
    frequency,
    localSteps,
    batchSize,
    optimizer,
    learningRate,
    warmupSteps,
    proximalMu,
    earlyStop,
    ...plan
  } = file.plan;
  if (typeof job !== 'string') return file;
  const training = { steps: localSteps, batchSize, optimizer, learningRate, warmupSteps, proximalMu, earlyStop };
  return { ...file, plan: { ...plan, job: { kind: job, frequency }, training } };
}

export const migrationProvider: MigrationProvider = {
  async getMigrations() {
    return migrations;
  },
};
