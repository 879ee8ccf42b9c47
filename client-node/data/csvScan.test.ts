import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { scanCsv } from './csvScan.ts';
import { scratch } from './scratch.ts';

let room: Awaited<ReturnType<typeof scratch>>;
beforeAll(async () => {
  room = await scratch();
});
afterAll(() => room.remove());

const scan = async (content: string | Uint8Array, wanted = ['date', 'item', 'qty'], gzip = false) => {
  const path = await room.write('scan.csv', content);
  return scanCsv(path, { name: 'scan.csv', gzip, wanted });
};

test('any well-formed file is counted right, whatever its quotes, line ends and delimiter', async () => {
  const cell = fc.string({
    unit: fc.constantFrom('a', 'é', '语', '"', ',', ';', '\n', '\r\n', ' ', '7'),
    maxLength: 6,
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(cell, cell, cell), { minLength: 1, maxLength: 20 }),
      fc.constantFrom(',', ';', '\t', '|'),
      fc.constantFrom('\n', '\r\n'),
      fc.boolean(),
      fc.boolean(),
      async (rows, delimiter, end, mark, last) => {
        const quote = (text: string) => `"${text.replaceAll('"', '""')}"`;
        const lines = [['date', 'item', 'qty'], ...rows].map((row) => row.map(quote).join(delimiter));
        const text = `${mark ? '\uFEFF' : ''}${lines.join(end)}${last ? end : ''}`;
        expect(await scan(text)).toEqual({
          header: ['date', 'item', 'qty'],
          delimiter,
          rows: rows.length,
          linesBefore: 0,
          emptyRows: rows.filter((row) => row.join('').trim() === '').length,
          rowsOfSpaces: 0,
        });
      },
    ),
    { seed: 2, numRuns: 150 },
  );
});

test('plain rows are counted as quoted ones are, wherever the file is cut into pieces', async () => {
  const cell = fc.string({ unit: fc.constantFrom('a', 'é', '语', ' ', '7', '-'), maxLength: 9 });
  const row = fc.oneof(
    { weight: 8, arbitrary: fc.tuple(cell, cell, cell).map((cells) => cells.join(';')) },
    { weight: 1, arbitrary: fc.tuple(cell, cell, cell).map((cells) => cells.map((text) => `"${text}"`).join(';')) },
    { weight: 1, arbitrary: fc.constantFrom('', '   ', ';;', ' ; ;') },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(row, { minLength: 20, maxLength: 60 }),
      fc.constantFrom('\n', '\r\n'),
      fc.integer({ min: 0, max: 40 }),
      async (rows, end, shift) => {
        // Repeated to over a megabyte, so that pieces end anywhere in a row.
        const block = rows.join(end);
        const times = Math.ceil(1_100_000 / (Buffer.byteLength(block) + end.length));
        const text = ['date;item;qty', `${'x'.repeat(shift)};b;c`, ...new Array<string>(times).fill(block)].join(end);
        const bare = (line: string) => line.replaceAll(/[;" ]/g, '') === '';
        const count = (is: (line: string) => boolean) => times * rows.filter(is).length;
        const found = await scan(text, ['date', 'item', 'qty']);
        expect(found.rows).toBe(1 + count((line) => line !== ''));
        expect(found.emptyRows).toBe(count((line) => line !== '' && bare(line)));
        expect(found.rowsOfSpaces).toBe(count((line) => line !== '' && line.trim() === ''));
      },
    ),
    { seed: 3, numRuns: 12 },
  );
});

test('a wrong number of fields is found in a plain row, with its line', async () => {
  const plain = Array.from({ length: 50_000 }, (_, at) => `2024-01-01,item ${at},${at % 9}`);
  const withFault = (at: number, line: string) =>
    ['date,item,qty', ...plain.slice(0, at), line, ...plain.slice(at)].join('\n');
  await expect(scan(withFault(40_000, '2024-01-01,item'))).rejects.toThrow(
    'line 40002: has 2 fields where the header has 3',
  );
  await expect(scan(withFault(123, 'a,b,c,d'))).rejects.toThrow('line 125: has 4 fields');
  await expect(scan(withFault(123, 'a,b\r,c'))).rejects.toThrow('line 125: holds a carriage return that ends no line');
  await expect(scan(withFault(123, 'a,"b,c'))).rejects.toThrow('line 125: longer than 1 MiB');
});

test('characters and quoted line breaks that straddle two pieces of the file are whole', async () => {
  const row = `2024-01-01,"语言 ""é"" \r\n和",7\n`;
  const copies = Math.ceil((3 * 1024 * 1024) / Buffer.byteLength(row));
  expect((await scan(`date,item,qty\n${row.repeat(copies)}`)).rows).toBe(copies);
  expect((await scan(gzipSync(`date,item,qty\n${row.repeat(copies)}`), undefined, true)).rows).toBe(copies);
});

test('blank lines are no rows', async () => {
  expect((await scan('date,item,qty\n\n2024-01-01,a,1\n\n2024-01-02,a,1\n\n')).rows).toBe(2);
});

test.each([
  [
    'too few fields',
    'date,item,qty\n2024-01-01,a,1\n2024-01-02,b\n',
    /scan\.csv, line 3: has 2 fields where the header has 3/,
  ],
  ['too many fields', 'date,item,qty\n2024-01-01,a,1,000\n', /line 2: has 4 fields/],
  ['an unclosed quote', 'date,item,qty\n2024-01-01,"a,1\n2024-01-02,b,2\n', /line 2: opens a quote that never closes/],
  ['text after a quote', 'date,item,qty\n2024-01-01,"a"b,1\n', /line 2: has text after a closing quote/],
  ['a second kind of line end', 'date,item,qty\r\n2024-01-01,a,1\n', /line 2: ends in LF where line 1 ends in CR LF/],
  [
    'a carriage return in a line',
    'date,item,qty\n2024-01-01,a\rb,1\n',
    /line 2: holds a carriage return that ends no line/,
  ],
  ['nothing', '', /is empty/],
  ['only spaces', '  ', /is empty/],
  ['a blank first line', '\ndate,item,qty\n', /line 1: blank/],
  ['a NUL byte', 'date,item,qty\n2024-01-01,a,1\n2024-01-01,\0,1\n', /line 3: holds a NUL byte/],
  [
    'Latin-1',
    Buffer.from('date,item,qty\n2024-01-01,a,1\n2024-01-01,caf\xe9,1\n', 'latin1'),
    /line 3: holds bytes that are not UTF-8/,
  ],
  ['half a character at the end', Buffer.from('date,item,qty\n2024-01-01,a,\xe4', 'latin1'), /not UTF-8/],
] as [string, string | Buffer, RegExp][])('%s is refused with its line', async (_, content, message) => {
  await expect(scan(content)).rejects.toMatchObject({ code: 'InvalidData', message: expect.stringMatching(message) });
});

test('what is no gzip file is refused', async () => {
  await expect(scan('date,item,qty\n', undefined, true)).rejects.toThrow(/not a whole gzip file/);
  const whole = gzipSync('date,item,qty\n2024-01-01,a,1\n'.repeat(1000));
  await expect(scan(whole.subarray(0, 60), undefined, true)).rejects.toThrow(/not a whole gzip file/);
});

test('a line without end is refused after its first MiB, in bounded memory, wherever it is', async () => {
  const piece = Buffer.alloc(1024 * 1024, 'x');
  const huge = async (start: string) => {
    const path = join(room.folder, 'huge.csv');
    const file = createWriteStream(path);
    file.write(start);
    for (let index = 0; index < 64; index += 1) if (!file.write(piece)) await once(file, 'drain');
    file.end();
    await once(file, 'close');
    return path;
  };
  for (const [start, line] of [
    ['', 1],
    ['date,item,qty\n2024-01-01,a,1\n2024-01-02,', 3],
    ['date,item,qty\n2024-01-01,"', 2],
  ] as const) {
    const path = await huge(start);
    const before = process.memoryUsage().rss;
    await expect(scanCsv(path, { name: 'huge.csv', gzip: false, wanted: [] })).rejects.toThrow(
      `huge.csv, line ${line}: longer than 1 MiB`,
    );
    expect(process.memoryUsage().rss - before).toBeLessThan(48 * 1024 * 1024);
  }
});

test('an abort ends the scan', async () => {
  const path = await room.write('scan.csv', 'date,item,qty\n2024-01-01,a,1\n');
  await expect(scanCsv(path, { name: 'x', gzip: false, wanted: [], signal: AbortSignal.abort() })).rejects.toThrow(
    /abort/i,
  );
});
