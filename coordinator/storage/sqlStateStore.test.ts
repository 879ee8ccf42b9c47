import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe } from 'vitest';
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
