import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { quotedString } from '@duckdb/node-api';
import { expect, test } from 'vitest';
import { openDatabase } from './database.ts';
import { scratch } from './scratch.ts';

test('the database reads its own files only, loads no extension and keeps its settings', async () => {
  const room = await scratch();
  const mine = await room.write('mine.csv', 'a\n1\n');
  const other = await room.write('other.csv', 'a\n2\n');
  const database = await openDatabase([mine], { scratchFolder: room.folder });
  const read = (path: string) =>
    database.row(`SELECT max(a) AS a FROM read_csv(${quotedString(path)}, columns = {'a': 'INTEGER'}, header = true)`);
  expect(await read(mine)).toEqual({ a: 1 });
  await expect(read(other)).rejects.toThrow(/Permission Error/);
  await expect(database.run(`COPY (SELECT 1) TO ${quotedString(join(room.folder, 'out.csv'))}`)).rejects.toThrow(
    /Permission Error/,
  );
  await expect(database.run('INSTALL httpfs')).rejects.toThrow();
  await expect(database.run("SET memory_limit = '9GB'")).rejects.toThrow(/locked/);
  await expect(database.run('SET enable_external_access = true')).rejects.toThrow();
  await database.close();
  expect((await readdir(room.folder)).sort()).toEqual(['mine.csv', 'other.csv']);
  await room.remove();
});

test('an abort interrupts a statement that runs', async () => {
  const room = await scratch();
  const stop = new AbortController();
  const database = await openDatabase([], { scratchFolder: room.folder, signal: stop.signal });
  const endless = database.row('SELECT sum(a.range * b.range) AS s FROM range(10000000) a, range(10000000) b');
  stop.abort();
  await expect(endless).rejects.toThrow(/abort/i);
  await database.close();
  await room.remove();
});
