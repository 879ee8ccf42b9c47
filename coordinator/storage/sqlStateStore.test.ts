import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Kysely, Migrator, sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { migrationProvider } from './migrations.ts';
import { sqliteCheckpoint, sqliteDialect } from './sqliteDialect.ts';
import { SqlStateStore } from './sqlStateStore.ts';
import { stateStoreContract } from './stateStore.contract.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'hansa-state-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('SqlStateStore over SQLite', () => {
  stateStoreContract(() => SqlStateStore.open(sqliteDialect(path.join(folder, 'hansa.db')), sqliteCheckpoint));
});

it('forgets who enrolled before members had approvals: nobody approved them', async () => {
  const file = path.join(folder, 'old.db');
  const db = new Kysely<never>({ dialect: sqliteDialect(file) });
  await new Migrator({ db, provider: migrationProvider }).migrateTo('0001_start');
  await sql`INSERT INTO clients VALUES ('a', 0, 'shop', 'key', 1, NULL)`.execute(db);
  await sql`INSERT INTO join_tokens VALUES ('hash', 'shop', 1, 2, 'a')`.execute(db);
  await sql`INSERT INTO updates VALUES ('task', 1, 'a', 4, 5)`.execute(db);
  await sql`INSERT INTO rosters VALUES (0, '{}')`.execute(db);
  await db.destroy();
  const store = await SqlStateStore.open(sqliteDialect(file), sqliteCheckpoint);
  expect([await store.clients(), await store.rosters(), await store.approvalRule()]).toEqual([[], [], undefined]);
  await store.close();
});

it('ends open tasks whose plan is of the form before jobs had options, and reads the others', async () => {
  const file = path.join(folder, 'old.db');
  const db = new Kysely<never>({ dialect: sqliteDialect(file) });
  await new Migrator({ db, provider: migrationProvider }).migrateTo('0004_draws');
  const taskFile = {
    name: 'old',
    model: 'start.safetensors',
    rounds: 3,
    secureAggregation: { clipNorm: 2, weighting: { kind: 'buckets', maximum: 4, windowsPerUnit: 100 } },
    plan: {
      job: 'demand',
      frequency: 'week',
      localSteps: 7,
      batchSize: 8,
      optimizer: 'sgd',
      learningRate: 0.1,
      warmupSteps: 2,
      proximalMu: 0.5,
      seed: 4,
      evaluation: { fineTuneSteps: 1, learningRates: [0.1] },
    },
  };
  const hash = 'a'.repeat(64);
  for (const [id, state] of [
    ['one', 'running'],
    ['two', 'completed'],
  ])
    await sql`INSERT INTO tasks VALUES (${id}, 'old', ${state}, NULL, ${JSON.stringify(taskFile)}, '{}', 1, 2, 1, 0, ${hash}, ${hash}, 5)`.execute(
      db,
    );
  await db.destroy();
  const store = await SqlStateStore.open(sqliteDialect(file), sqliteCheckpoint);
  const [open, ended] = [await store.task('one'), await store.task('two')];
  expect(open).toMatchObject({ state: 'failed', reason: expect.stringContaining('create the task again') });
  expect(ended).toMatchObject({ state: 'completed', reason: undefined });
  for (const task of [open, ended]) {
    expect(task?.file.secureAggregation).toMatchObject({
      clipNorm: 2,
      weighting: { kind: 'examples', cap: 400, levels: 4 },
    });
    expect(task?.file.plan).toMatchObject({
      job: { kind: 'demand', frequency: 'week' },
      training: { steps: 7, batchSize: 8, optimizer: 'sgd', learningRate: 0.1, warmupSteps: 2, proximalMu: 0.5 },
      seed: 4,
    });
  }
  await store.close();
});
