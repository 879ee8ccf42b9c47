import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { chown, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { crc32, gzipSync } from 'node:zlib';
import { HansaError } from '@hansa/shared/errors';
import Database from 'libsql';
import { createConnection as mysqlConnection } from 'mysql2/promise';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, test } from 'vitest';
import { type DataConfig, dataConfigSchema, loadMerchantData } from '../../jobs/demand/index.ts';
import { scratch } from '../scratch.ts';

const NOW = Date.parse('2024-07-01T12:00:00Z');
const days = Array.from({ length: 182 }, (_, at) => new Date(Date.UTC(2024, 0, 1 + at)).toISOString().slice(0, 10));
const rows = days.flatMap((date, at) =>
  ['a', 'b'].map((item, index) => ({ date, item, qty: 1 + ((at * 3 + index) % 5) })),
);

let room: Awaited<ReturnType<typeof scratch>>;
beforeEach(async () => {
  room = await scratch();
});
afterEach(() => room.remove());

const columns = { date: 'date', item: 'item', quantity: 'qty' };
const configOf = (source: object, changes: object = {}): DataConfig =>
  dataConfigSchema.parse({ sources: [{ columns, ...source }], frequency: 'day', returns: 'none', ...changes });
const load = (source: object, changes: object = {}) =>
  loadMerchantData(configOf(source, changes), room.folder, { now: NOW, scratchFolder: room.folder });

/** The same as from a CSV file, and no copy is left behind. */
async function expectSame(source: object): Promise<void> {
  await room.write(
    'same.csv',
    ['date,item,qty', ...rows.map(({ date, item, qty }) => `${date},${item},${qty}`)].join('\n'),
  );
  const [found, expected] = [await load(source), await load({ file: 'same.csv' })];
  expect(found.digest).toBe(expected.digest);
  expect(found.rows).toBe(rows.length);
  expect((await readdir(room.folder)).filter((name) => name.startsWith('hansa-'))).toEqual([]);
}

describe('JSON lines', () => {
  const text = rows.map((row, at) => JSON.stringify({ ...row, more: { nested: at } })).join('\n');

  test('are read, compressed or not', async () => {
    await room.write('orders.jsonl', text);
    await expectSame({ file: 'orders.jsonl' });
    await room.write('orders.ndjson.gz', gzipSync(text));
    await expectSame({ file: 'orders.ndjson.gz' });
  });

  test('with a broken line, a missing field or nested values are refused', async () => {
    await room.write('orders.jsonl', `${text}\n{"date": "2024-01-01", "item"`);
    await expect(load({ file: 'orders.jsonl' })).rejects.toThrow(/orders\.jsonl/);
    await room.write('orders.jsonl', rows.map(({ date, item }) => JSON.stringify({ date, item })).join('\n'));
    await expect(load({ file: 'orders.jsonl' })).rejects.toThrow('orders.jsonl has no column "qty"');
    await room.write('orders.jsonl', rows.map((row) => JSON.stringify({ ...row, item: { id: row.item } })).join('\n'));
    await expect(load({ file: 'orders.jsonl' })).rejects.toThrow('holds nested values');
  });
});

describe('SQLite files', () => {
  const query = "SELECT day AS date, sku AS item, sum(units) AS qty FROM lines WHERE shop = 'ours' GROUP BY day, sku";
  const write = () => {
    const database = new Database(join(room.folder, 'shop.db'));
    database.exec('CREATE TABLE lines (day TEXT, sku TEXT, units INTEGER, shop TEXT)');
    const insert = database.prepare('INSERT INTO lines VALUES (?, ?, ?, ?)');
    database.transaction(() => {
      for (const { date, item, qty } of rows) insert.run(date, item, qty, 'ours');
      insert.run('2024-01-01', 'a', 99, 'theirs');
    })();
    database.close();
  };

  test('are read through a query', async () => {
    write();
    await expectSame({ file: 'shop.db', query });
    // A file that is refused leaves no copy either.
    await expect(load({ file: 'shop.db', query: 'SELECT day AS date FROM lines' })).rejects.toThrow('has no column');
    expect((await readdir(room.folder)).filter((name) => name.startsWith('hansa-'))).toEqual([]);
  });

  test('are never written to', async () => {
    write();
    await expect(load({ file: 'shop.db', query: 'DELETE FROM lines' })).rejects.toBeInstanceOf(HansaError);
    await expectSame({ file: 'shop.db', query });
  });

  test('of another kind, and queries that do not fit, are refused', async () => {
    write();
    await expect(load({ file: 'shop.db', query: 'SELECT price FROM lines' })).rejects.toThrow('no such column: price');
    await writeFile(join(room.folder, 'other.sqlite'), 'date,item,qty\n'.repeat(100));
    await expect(load({ file: 'other.sqlite', query })).rejects.toThrow('other.sqlite is no SQLite file');
  });
});

/** A ZIP archive of stored files: what a workbook is. */
function zipOf(files: Readonly<Record<string, string>>): Buffer {
  const parts: Buffer[] = [];
  const entries: Buffer[] = [];
  let offset = 0;
  for (const [name, text] of Object.entries(files)) {
    const [path, content] = [Buffer.from(name), Buffer.from(text)];
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt32LE(crc32(content), 10);
    common.writeUInt32LE(content.length, 14);
    common.writeUInt32LE(content.length, 18);
    common.writeUInt16LE(path.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), common, path, content]);
    const end = Buffer.alloc(14);
    end.writeUInt32LE(offset, 10);
    entries.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x00', 'latin1'), common, end, path]));
    parts.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(entries);
  const tail = Buffer.alloc(18);
  tail.writeUInt16LE(entries.length, 4);
  tail.writeUInt16LE(entries.length, 6);
  tail.writeUInt32LE(directory.length, 8);
  tail.writeUInt32LE(offset, 12);
  return Buffer.concat([...parts, directory, Buffer.from('PK\x05\x06', 'latin1'), tail]);
}

describe('Excel workbooks', () => {
  const sheetOf = (lines: readonly (readonly (string | number)[])[]) =>
    `<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>${lines
      .map(
        (cells, row) =>
          `<row r="${row + 1}">${cells
            .map((cell, column) => {
              const at = `r="${'ABCDE'[column]}${row + 1}"`;
              return typeof cell === 'number'
                ? `<c ${at}><v>${cell}</v></c>`
                : `<c ${at} t="inlineStr"><is><t>${cell}</t></is></c>`;
            })
            .join('')}</row>`,
      )
      .join('')}</sheetData></worksheet>`;
  const main = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
  const workbook = (sheets: Readonly<Record<string, string>>) => {
    const names = Object.keys(sheets);
    const relations = 'http://schemas.openxmlformats.org/package/2006/relationships';
    return zipOf({
      '[Content_Types].xml': `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/></Types>`,
      '_rels/.rels': `<Relationships xmlns="${relations}"><Relationship Id="r1" Type="${main}/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
      'xl/workbook.xml': `<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="${main}"><sheets>${names
        .map((name, at) => `<sheet name="${name}" sheetId="${at + 1}" r:id="s${at + 1}"/>`)
        .join('')}</sheets></workbook>`,
      'xl/_rels/workbook.xml.rels': `<Relationships xmlns="${relations}">${names
        .map(
          (_, at) => `<Relationship Id="s${at + 1}" Type="${main}/worksheet" Target="worksheets/sheet${at + 1}.xml"/>`,
        )
        .join('')}</Relationships>`,
      ...Object.fromEntries(names.map((name, at) => [`xl/worksheets/sheet${at + 1}.xml`, sheets[name]!])),
    });
  };
  const lines = [['date', 'item', 'qty'], ...rows.map(({ date, item, qty }) => [date, item, qty])];

  test('are read, the first sheet or the one that is named', async () => {
    await room.write('orders.xlsx', workbook({ Notes: sheetOf([['nothing here']]), Orders: sheetOf(lines) }));
    await expectSame({ file: 'orders.xlsx', sheet: 'Orders' });
    await room.write('first.xlsx', workbook({ Orders: sheetOf(lines) }));
    await expectSame({ file: 'first.xlsx' });
  });

  test('without the sheet, and files that are none, are refused', async () => {
    await room.write('orders.xlsx', workbook({ Orders: sheetOf(lines) }));
    await expect(load({ file: 'orders.xlsx', sheet: 'Sales' })).rejects.toThrow('orders.xlsx has no sheet "Sales"');
    await room.write('fake.xlsx', 'date,item,qty');
    await expect(load({ file: 'fake.xlsx' })).rejects.toThrow('fake.xlsx cannot be read as an Excel workbook');
  });
});

test.each([
  [{ file: 'orders.csv', query: 'SELECT 1' }, 'must be there for a database or a SQLite file'],
  [{ file: 'shop.db' }, 'must be there for a database or a SQLite file'],
  [{ file: 'orders.csv', sheet: 'Orders' }, 'is for Excel workbooks'],
  [{}, 'must name either a file or a database'],
  [
    { file: 'orders.csv', database: { kind: 'postgres', urlVariable: 'X' }, query: 'SELECT 1' },
    'must name either a file or a database',
  ],
  [
    { database: { kind: 'postgres', urlVariable: 'postgres://user:secret@host' }, query: 'SELECT 1' },
    'must be the name of an environment variable',
  ],
  [{ file: 'orders.txt' }, 'must end in .csv'],
])('the source %j is refused', (source, message) => {
  const parsed = dataConfigSchema.safeParse({ sources: [{ columns, ...source }], frequency: 'day', returns: 'none' });
  expect(parsed.error?.issues.map((issue) => issue.message).join()).toContain(message);
});

test('a server without its variable, and one that does not answer, are told', async () => {
  const source = { database: { kind: 'postgres', urlVariable: 'HANSA_TEST_NOWHERE' }, query: 'SELECT 1' };
  await expect(load(source)).rejects.toMatchObject({
    code: 'InvalidConfig',
    message: expect.stringContaining('HANSA_TEST_NOWHERE'),
  });
  process.env.HANSA_TEST_NOWHERE = 'postgres://user:hush@127.0.0.1:1/shop';
  const error = await load(source).catch((reason: HansaError) => reason);
  expect(error).toMatchObject({ code: 'Unavailable', message: expect.stringContaining('ECONNREFUSED') });
  expect((error as HansaError).message).not.toContain('hush');
  delete process.env.HANSA_TEST_NOWHERE;
});

/** Where a server's program is on this machine: distributions keep them out of the path. */
const programOf = (name: string, folders: readonly string[]) =>
  folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
const postgresFolders = existsSync('/usr/lib/postgresql')
  ? readdirSync('/usr/lib/postgresql').map((version) => `/usr/lib/postgresql/${version}/bin`)
  : ['/usr/local/bin', '/usr/bin'];

interface Server {
  readonly url: string;
  stop(): Promise<void>;
}

/** These programs refuse to run as root: another account's number serves. */
const account = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};

async function freePort(): Promise<number> {
  const { createServer } = await import('node:net');
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

async function untilOpen(port: number): Promise<void> {
  for (;;) {
    const socket = createConnection({ port, host: '127.0.0.1' });
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (isOpen) return;
    await delay(100);
  }
}

async function ownFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'hansa-server-'));
  if (account.uid !== undefined) await chown(folder, account.uid, account.gid);
  return folder;
}

function started(program: string, args: readonly string[], folder: string): { stop(): Promise<void> } {
  const child = spawn(program, args, {
    cwd: folder,
    stdio: 'ignore',
    env: { ...process.env, HOME: folder },
    ...account,
  });
  return {
    async stop() {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function startPostgres(bin: string): Promise<Server> {
  const folder = await ownFolder();
  const data = join(folder, 'data');
  execFileSync(join(bin, 'initdb'), ['-D', data, '-U', 'shop', '--auth=trust', '-E', 'UTF8', '--locale=C'], {
    cwd: folder,
    stdio: 'ignore',
    ...account,
  });
  const port = await freePort();
  const server = started(
    join(bin, 'postgres'),
    ['-D', data, '-p', String(port), '-k', folder, '-c', 'listen_addresses=127.0.0.1', '-c', 'fsync=off'],
    folder,
  );
  await untilOpen(port);
  return { url: `postgres://shop@127.0.0.1:${port}/postgres`, ...server };
}

async function startMariaDb(program: string): Promise<Server> {
  const folder = await ownFolder();
  const data = join(folder, 'data');
  await mkdir(data);
  if (account.uid !== undefined) await chown(data, account.uid, account.gid);
  const install = programOf('mariadb-install-db', ['/usr/bin', '/usr/local/bin'])!;
  const asked = account.uid === undefined ? [] : ['--user=nobody'];
  execFileSync(
    install,
    ['--no-defaults', `--datadir=${data}`, '--auth-root-authentication-method=normal', '--skip-test-db', ...asked],
    { cwd: folder, stdio: 'ignore' },
  );
  const port = await freePort();
  const args = [
    '--no-defaults',
    `--datadir=${data}`,
    `--socket=${join(folder, 's')}`,
    `--port=${port}`,
    '--bind-address=127.0.0.1',
    `--pid-file=${join(folder, 'pid')}`,
  ];
  const server = started(program, args, folder);
  await untilOpen(port);
  return { url: `mysql://root@127.0.0.1:${port}/mysql`, ...server };
}

const postgres = programOf('postgres', postgresFolders);
describe.skipIf(postgres === undefined)('PostgreSQL', () => {
  let server: Server;
  beforeAll(async () => {
    server = await startPostgres(postgres!.replace(/\/postgres$/, ''));
    process.env.HANSA_TEST_POSTGRES = server.url;
    const client = new pg.Client({ connectionString: server.url });
    for (let attempt = 0; ; attempt++) {
      try {
        await client.connect();
        break;
      } catch (error) {
        if (attempt > 100) throw error;
        await delay(100);
      }
    }
    await client.query('CREATE TABLE lines (at TIMESTAMPTZ, sku TEXT, units NUMERIC(10, 2), bytes BYTEA)');
    for (let from = 0; from < rows.length; from += 100) {
      const part = rows.slice(from, from + 100);
      const values = part.map((_, at) => `($${3 * at + 1}, $${3 * at + 2}, $${3 * at + 3})`).join(', ');
      await client.query(
        `INSERT INTO lines (at, sku, units) VALUES ${values}`,
        part.flatMap(({ date, item, qty }) => [`${date} 09:00:00+00`, item, qty]),
      );
    }
    await client.end();
  }, 240_000);
  afterAll(async () => {
    delete process.env.HANSA_TEST_POSTGRES;
    await server?.stop();
  });
  const source = (query: string) => ({ database: { kind: 'postgres', urlVariable: 'HANSA_TEST_POSTGRES' }, query });

  it('is read through a query', async () => {
    await expectSame(source('SELECT at::date AS date, sku AS item, units::integer AS qty FROM lines ORDER BY 1, 2'));
    const instants = await load(source('SELECT at AS date, sku AS item, units AS qty FROM lines'), {
      timeZone: 'Asia/Tokyo',
    });
    expect(instants.firstPeriod).toBe('2024-01-01');
    expect(instants.rows).toBe(rows.length);
  }, 120_000);

  it('is never written to, and says what is wrong with a query', async () => {
    await expect(load(source('DELETE FROM lines RETURNING *'))).rejects.toThrow(
      /read-only transaction|failed \(25006\)/,
    );
    await expect(load(source('SELECT price FROM lines'))).rejects.toThrow('column "price" does not exist');
    await expect(load(source('SELECT 1; SELECT 2'))).rejects.toBeInstanceOf(HansaError);
    await expect(load(source('SELECT sku::integer AS qty FROM lines'))).rejects.toThrow(/^(?!.*"a").*failed \(22P02\)/);
    await expect(load(source('SELECT at AS date, sku AS item, units AS qty FROM lines'))).resolves.toMatchObject({
      rows: rows.length,
    });
  }, 120_000);
});

const mariaDb = programOf('mariadbd', ['/usr/sbin', '/usr/libexec', '/usr/local/bin']);
describe.skipIf(mariaDb === undefined)('MySQL (MariaDB)', () => {
  let server: Server;
  beforeAll(async () => {
    server = await startMariaDb(mariaDb!);
    process.env.HANSA_TEST_MYSQL = server.url;
    const connection = await mysqlConnection({ uri: server.url });
    await connection.query('CREATE TABLE lines_of_shop (at DATETIME, sku VARCHAR(20), units DECIMAL(10, 2))');
    await connection.query('INSERT INTO lines_of_shop VALUES ?', [
      rows.map(({ date, item, qty }) => [`${date} 09:00:00`, item, qty]),
    ]);
    await connection.end();
  }, 240_000);
  afterAll(async () => {
    delete process.env.HANSA_TEST_MYSQL;
    await server?.stop();
  });
  const source = (query: string) => ({ database: { kind: 'mysql', urlVariable: 'HANSA_TEST_MYSQL' }, query });

  it('is read through a query', async () => {
    await expectSame(source('SELECT DATE(at) AS date, sku AS item, CAST(units AS SIGNED) AS qty FROM lines_of_shop'));
  }, 120_000);

  it('is never written to, and says what is wrong with a query', async () => {
    await expect(load(source('DELETE FROM lines_of_shop'))).rejects.toBeInstanceOf(HansaError);
    await expect(load(source('SELECT price FROM lines_of_shop'))).rejects.toThrow(/Unknown column 'price'/);
    const still = await load(source('SELECT at AS date, sku AS item, units AS qty FROM lines_of_shop'));
    expect(still.rows).toBe(rows.length);
  }, 120_000);
});
