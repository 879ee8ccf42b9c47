import { mkdir, symlink, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { DuckDBInstance, quotedString } from '@duckdb/node-api';
import { HansaError } from '@hansa/shared/errors';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openDatabase } from '../../../data/database.ts';
import { findOrderFile } from '../../../data/orderFile.ts';
import { scratch } from '../../../data/scratch.ts';
import type { DataConfig } from '../config.ts';
import { loadMerchantData } from './merchantData.ts';
import { dailyConfig, dailyLines } from './orderFixtures.ts';
import { createLines, openSource, readOrderLines } from './orderLines.ts';

let room: Awaited<ReturnType<typeof scratch>>;
beforeEach(async () => {
  room = await scratch();
});
afterEach(() => room.remove());

const HEADER = 'date,item,qty';
const good = dailyLines(['a', 'b'], (day, item) => `${1 + ((day + item) % 5)}`);

async function refusal(config: DataConfig = dailyConfig()): Promise<string> {
  const error = await loadMerchantData(config, room.folder).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(HansaError);
  expect(error).toMatchObject({ code: 'InvalidData', exitStatus: 2 });
  return (error as HansaError).message;
}

const withLine = (line: string, at = 10) => [HEADER, ...good.slice(0, at), line, ...good.slice(at)].join('\n');

test.each([
  ['an unparseable date', '31/12/2024,a,1', 'row 12, column "date": "31/12/2024" is no date'],
  ['a date that does not exist', '2024-02-30,a,1', 'row 12, column "date": "2024-02-30" is no date'],
  ['a date far away', '9999-12-31,a,1', 'row 12, column "date": "9999-12-31" is no date from 1950 to 2149'],
  ['no date', ',a,1', 'row 12, column "date": an empty cell is no date'],
  ['a text quantity', '2024-01-05,a,three', 'row 12, column "qty": "three" is no number'],
  ['a thousands separator', '2024-01-05,a,"1,000"', 'row 12, column "qty": "1,000" is no number'],
  ['an underscore in a number', '2024-01-05,a,1_000', 'row 12, column "qty": "1_000" is no number'],
  ['an empty quantity', '2024-01-05,a,', 'row 12, column "qty": an empty cell is no number'],
  ['NaN', '2024-01-05,a,NaN', 'row 12, column "qty": "NaN" is not a finite number'],
  ['infinity', '2024-01-05,a,-Infinity', 'row 12, column "qty": "-Infinity" is not a finite number'],
  ['an absurd number', '2024-01-05,a,1e300', 'row 12, column "qty": "1e300" is no number up to'],
  ['a negative quantity where there are no returns', '2024-01-05,a,-3', 'row 12, column "qty": "-3" is negative'],
  ['an empty item', '2024-01-05,,3', 'row 12, column "item": an empty cell is no item'],
])('%s is refused with row, column and value', async (_, line, message) => {
  await room.write('orders.csv', withLine(line));
  expect(await refusal()).toContain(`orders.csv, ${message}`);
});

test('faults of several kinds are told together, each with its number of rows and no more than one cell', async () => {
  const secret = 'a very long cell that should not be repeated in full';
  await room.write('orders.csv', [HEADER, ...good, 'x,a,1', `2024-01-01,a,${secret}`, 'y,b,1', 'z,b,1'].join('\n'));
  const message = await refusal();
  expect(message).toContain('"x" is no date from 1950 to 2149, and so in 2 more rows');
  expect(message).toContain('"a very long cell that s…" is no number');
  expect(message).not.toContain(secret);
  expect(message.split('\n').length).toBe(2);
});

test.each([
  ['price', '2024-01-05,a,1,cheap', '"cheap" is no number'],
  ['promotion', '2024-01-05,a,1,maybe', '"maybe" is neither true or false nor a share'],
  ['promotion', '2024-01-05,a,1,20', '"20" is neither true or false nor a share'],
  ['stock', '2024-01-05,a,1,lots', '"lots" is no number'],
])('a wrong %s is refused', async (meaning, line, message) => {
  const lines = good.map((text) => `${text},1`);
  await room.write('orders.csv', [`${HEADER},more`, ...lines, line].join('\n'));
  expect(await refusal(dailyConfig({ columns: { [meaning]: 'more' } }))).toContain(message);
});

test('a missing column is named beside those that there are', async () => {
  await room.write('orders.csv', `Date,item,qty\n${good.join('\n')}`);
  const message = await refusal();
  expect(message).toContain('orders.csv has no column "date" (date)');
  expect(message).toContain('"Date", "item", "qty"');
});

test('a mapped column that occurs twice is refused', async () => {
  await room.write('orders.csv', `date,item,qty,qty\n${good.map((line) => `${line},1`).join('\n')}`);
  expect(await refusal()).toContain('two columns named "qty"');
});

test('an empty file, a header alone, a folder, a missing file', async () => {
  expect(await refusal()).toMatch(/orders\.csv does not exist \(looked for .*\)/);
  await room.write('orders.csv', '');
  expect(await refusal()).toContain('orders.csv is empty');
  await room.write('orders.csv', `${HEADER}\r\n`);
  expect(await refusal()).toContain('has a header and no order lines');
  await mkdir(join(room.folder, 'folder.csv'));
  const source = { file: 'folder.csv', columns: { date: 'date', item: 'item', quantity: 'qty' } };
  expect(await refusal(dailyConfig({ sources: [source] }))).toContain('folder.csv is not a file');
  await symlink('loop.csv', join(room.folder, 'loop.csv'));
  expect(await refusal(dailyConfig({ sources: [{ ...source, file: 'loop.csv' }] }))).toContain(
    'loop.csv cannot be read (ELOOP)',
  );
});

test('what is not Parquet is refused, cut off or damaged', async () => {
  const source = { file: 'orders.parquet', columns: { date: 'date', item: 'item', quantity: 'qty' } };
  const config = dailyConfig({ sources: [source] });
  await room.write('orders.parquet', `${HEADER}\n${good.join('\n')}`);
  expect(await refusal(config)).toContain('is not a whole Parquet file');
  await room.write('orders.parquet', `PAR1${'\0'.repeat(100)}PAR1`);
  expect(await refusal(config)).toContain('cannot be read as Parquet');
});

test('not-a-number in a Parquet file is found by its row', async () => {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const file = quotedString(join(room.folder, 'orders.parquet'));
  await connection.run(
    `COPY (SELECT DATE '2024-01-01' + range::INTEGER AS date, 'a' AS item, CASE WHEN range = 41 THEN 'nan'::DOUBLE ELSE 2 END AS qty FROM range(180)) TO ${file}`,
  );
  connection.closeSync();
  instance.closeSync();
  const source = { file: 'orders.parquet', columns: { date: 'date', item: 'item', quantity: 'qty' } };
  expect(await refusal(dailyConfig({ sources: [source] }))).toContain(
    'orders.parquet, row 42, column "qty": "nan" is not a finite number',
  );
});

test('one day of data says how many days are needed', async () => {
  await room.write('orders.csv', `${HEADER}\n2024-01-01,a,1\n2024-01-01,b,1\n`);
  const message = await refusal();
  expect(message).toContain('cover one day, 2024-01-01');
  expect(message).toContain('Give at least 37 days (35 before validFrom, 1 from there, 1 from testFrom)');
});

test('split dates outside the data are refused with what the data covers', async () => {
  await room.write('orders.csv', [HEADER, ...good].join('\n'));
  const late = await refusal(dailyConfig({ testFrom: '2025-01-01' }));
  expect(late).toContain('2024-01-01 to 2024-06-30');
  expect(late).toContain('From testFrom (2025-01-01) on there is no whole day of data');
  const early = await refusal(dailyConfig({ validFrom: '2024-01-20' }));
  expect(early).toContain('Before validFrom (2024-01-20) there are 19 whole days of data, and at least 35 are needed');
});

test('a merchant who is not in the file and dates that leave nothing are refused', async () => {
  await room.write('orders.csv', [`${HEADER},m`, ...good.map((line) => `${line},x`)].join('\n'));
  expect(await refusal(dailyConfig({ columns: { merchant: 'm' }, merchant: 'nobody' }))).toContain(
    'Check data.merchant',
  );
  const source = { file: 'orders.csv', columns: { date: 'date', item: 'item', quantity: 'qty' }, from: '2030-01-01' };
  expect(await refusal(dailyConfig({ sources: [source] }))).toContain('No order line lies within');
});

test('nothing sold before validFrom leaves nothing to train on', async () => {
  await room.write('orders.csv', [HEADER, ...good.map((line) => line.replace(/\d+$/, '0'))].join('\n'));
  expect(await refusal()).toContain('No series has enough history with sales');
});

test('a file without a line end fails at its first MiB, however large it is', async () => {
  await room.write('orders.csv', `${HEADER}\n2024-01-01,a,1\n2024-01-02,`);
  await truncate(join(room.folder, 'orders.csv'), 8 * 1024 ** 4);
  expect(await refusal()).toContain('orders.csv, line 3');
  await room.write(
    'orders.csv.gz',
    gzipSync(Buffer.concat([Buffer.from(`${HEADER}\n2024-01-01,`), Buffer.alloc(64 * 1024 ** 2, 'x')])),
  );
  const source = { file: 'orders.csv.gz', columns: { date: 'date', item: 'item', quantity: 'qty' } };
  expect(await refusal(dailyConfig({ sources: [source] }))).toContain('orders.csv.gz, line 2: longer than 1 MiB');
});

test('names from outside are never SQL or patterns', async () => {
  const column = `it"em'); DROP TABLE lines; --`;
  const file = `o[1]*'?".csv`;
  await room.write(file, [`date,"${column.replaceAll('"', '""')}",qty`, ...good].join('\n'));
  await room.write(`o[1]xx'y".csv`, 'not the file that is meant');
  const source = { file, columns: { date: 'date', item: column, quantity: 'qty' } };
  expect((await loadMerchantData(dailyConfig({ sources: [source] }), room.folder)).rows).toBe(good.length);
});

test('an abort ends the reading as an interruption', async () => {
  await room.write('orders.csv', [HEADER, ...good].join('\n'));
  const loading = loadMerchantData(dailyConfig(), room.folder, { signal: AbortSignal.abort() });
  await expect(loading).rejects.toMatchObject({ code: 'Interrupted' });
});

test('a file that the database reads only in part is an error, not a shorter file', async () => {
  await room.write('orders.csv', 'date,item,qty\n2024-01-01,a,1\n2024-01-02,a,1\n');
  const config = dailyConfig();
  const source = config.sources[0] as (typeof config.sources)[number];
  const file = await findOrderFile({ file: source.file! }, room.folder);
  const database = await openDatabase([file.path], { scratchFolder: room.folder });
  await createLines(database);
  const open = await openSource(database, file, source);
  await readOrderLines(database, open, config);
  await expect(readOrderLines(database, { ...open, table: { ...open.table, rows: 3 } }, config)).rejects.toMatchObject({
    code: 'InvalidData',
    message: expect.stringContaining('could be read only in part'),
  });
  await database.close();
});
