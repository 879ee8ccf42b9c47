import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DuckDBInstance, quotedString } from '@duckdb/node-api';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isoDate } from '../../../../data/days.ts';
import { scratch } from '../../../../data/scratch.ts';
import { type DataConfig, dataConfigSchema } from '../../config.ts';
import type { MerchantData } from '../../windows.ts';
import { loadMerchantData } from '../merchantData.ts';
import { dailyConfig, dailyLines, FIRST_DAY, LAST_DAY } from '../orderFixtures.ts';
import { wholePeriods } from '../wholePeriods.ts';
import { keptDays } from './strayDays.ts';

let room: Awaited<ReturnType<typeof scratch>>;
beforeEach(async () => {
  room = await scratch();
});
afterEach(() => room.remove());

const NOW = Date.parse('2024-07-01T12:00:00Z');
const HEADER = 'date,item,qty';
const units = (day: number, item: number) => `${1 + ((day * 3 + item * 2) % 5)}`;
const good = dailyLines(['a', 'b', 'c'], units);

async function load(
  lines: readonly string[],
  config: DataConfig = dailyConfig(),
  header = HEADER,
): Promise<MerchantData> {
  await room.write('orders.csv', [header, ...lines].join('\n'));
  return loadMerchantData(config, room.folder, { now: NOW });
}

const warnings = ({ report }: MerchantData) => report.findings.filter(({ kind }) => kind === 'warning');
const warned = (data: MerchantData) => warnings(data).map(({ sentence }) => sentence);
const shown = (data: MerchantData) => warnings(data).flatMap(({ examples }) => examples);
const refusal = (lines: readonly string[], config?: DataConfig, header?: string) =>
  load(lines, config, header).then(
    () => expect.fail('was read'),
    (error: Error) => error.message,
  );

/** No sentence may hold a value from the file: they are logged. */
function expectNothingNamed(data: MerchantData, ...values: string[]): void {
  const sentences = [
    ...data.report.summary,
    ...data.report.cleaning,
    ...data.report.findings.map(({ sentence }) => sentence),
  ].join('\n');
  for (const value of values) expect(sentences).not.toContain(value);
}

test('a clean file gets no warning', async () => {
  expect(warned(await load(good))).toEqual([]);
});

describe('dates that cannot be right', () => {
  test.each(['2062-03-01', '1970-01-01', '2024-09-01', '2021-04-01'])(
    'a single line of %s is left out and named',
    async (date) => {
      const data = await load([...good.slice(0, 200), `${date},a,3`, ...good.slice(200)]);
      expect(shown(data)).toEqual([`orders.csv, row 202: ${date}`]);
      expect(data).toMatchObject({ firstPeriod: '2024-01-01', lastPeriod: '2024-06-30' });
      expect(data.cleaning.strayLines).toBe(1);
      expectNothingNamed(data, date);
    },
  );

  test('many lines after today are refused, with the date that the machine has', async () => {
    await room.write('orders.csv', [HEADER, ...good].join('\n'));
    const reading = loadMerchantData(dailyConfig(), room.folder, { now: Date.parse('2024-05-15T12:00:00Z') });
    await expect(reading).rejects.toThrow(
      /lines lie after today, which is 2024-05-15 by this machine's clock; the last one on 2024-06-30/,
    );
  });

  test('tomorrow may have begun elsewhere, and a pause of years in the middle of many lines is no slip', () => {
    const kept = keptDays({ days: Int32Array.of(10, 11, 12), lines: Float64Array.of(50, 50, 50) }, 11);
    expect(kept).toMatchObject({ from: 10, to: 12, strayLines: 0 });
    const paused = keptDays({ days: Int32Array.of(0, 1, 800, 801), lines: Float64Array.of(90, 90, 90, 90) }, 900);
    expect(paused).toMatchObject({ from: 0, to: 801, strayLines: 0 });
  });

  test('what is kept is a stretch of the days, and nearly all lines', () => {
    const counts = fc
      .uniqueArray(fc.integer({ min: -7000, max: 60_000 }), { minLength: 1, maxLength: 40 })
      .chain((days) =>
        fc.record({
          days: fc.constant(Int32Array.from(days).sort()),
          lines: fc
            .array(fc.integer({ min: 1, max: 1000 }), { minLength: days.length, maxLength: days.length })
            .map((lines) => Float64Array.from(lines)),
        }),
      );
    fc.assert(
      fc.property(counts, fc.integer({ min: 0, max: 60_000 }), (found, today) => {
        const { from, to, strayLines } = keptDays(found, today);
        const total = found.lines.reduce((sum, lines) => sum + lines, 0);
        const inside = found.lines.filter((_, at) => found.days[at]! >= from && found.days[at]! <= to);
        expect(inside.reduce((sum, lines) => sum + lines, 0)).toBe(total - strayLines);
        expect(found.days).toContain(from);
        expect(found.days).toContain(to);
        // Each of the three searches leaves out few lines.
        expect(strayLines).toBeLessThanOrEqual(3 * Math.max(0.01 * total, 3));
      }),
      { seed: 6 },
    );
  });
});

describe('sums of longer periods', () => {
  const every = (step: (index: number) => number, count: number) =>
    Array.from({ length: count }, (_, index) => `${isoDate(step(index))},a,${10 + (index % 4)}`);
  const monthEnd = (index: number) => Date.UTC(2022, index + 1, 0) / 86_400_000;
  const config = (frequency: string) =>
    dataConfigSchema.parse({ ...dailyConfig(), frequency, validFrom: undefined, testFrom: undefined });

  test.each([
    [
      'weekly',
      'day',
      (index: number) => FIRST_DAY - 7 * 80 + 7 * index,
      105,
      'Every line lies on a Monday: are these weekly sums?',
    ],
    ['fortnightly', 'day', (index: number) => FIRST_DAY - 14 * 40 + 14 * index, 52, 'fortnightly sums'],
    ['monthly', 'day', monthEnd, 29, 'monthly sums'],
    ['monthly', 'week', monthEnd, 29, 'monthly sums'],
    ['quarterly', 'month', (index: number) => Date.UTC(2016, 3 * index, 1) / 86_400_000, 34, 'quarterly sums'],
  ] as const)('%s ones read by %s are told', async (_, frequency, step, count, says) => {
    expect(warned(await load(every(step, count), config(frequency))).join()).toContain(says);
  });

  test.each([
    ['weekly sums by week', 'week', every((index) => FIRST_DAY - 7 * 80 + 7 * index, 105)],
    ['monthly sums by month', 'month', every((index) => Date.UTC(2020, index, 1) / 86_400_000, 54)],
    ['workdays by day', 'day', good.filter((line) => new Date(line.slice(0, 10)).getUTCDay() % 6 !== 0)],
    ['rare sales', 'day', every((index) => FIRST_DAY + index * 9 + (index % 5), 20)],
  ] as const)('%s are none', async (_, frequency, lines) => {
    expect(warned(await load([...lines], config(frequency)))).toEqual([]);
  });

  test('days and months that are exchanged are told', async () => {
    const lines = dailyLines(['a'], (day) => (new Date(day * 86_400_000).getUTCDate() <= 12 ? '3' : undefined));
    expect(warned(await load(lines)).join()).toContain('are day and month exchanged?');
  });
});

describe('names', () => {
  const named = (...names: string[]) => dailyLines(names, units);

  test.each([
    ['scientific notation', ['5.01234E+12', 'x'], '5.01234E+12'],
    ['decimals', ['88.0', '89.0', '90'], '88.0'],
    ['dates', ['3-Mar', 'Sep-07', 'x'], '3-Mar'],
    ['zeros lost', ['000123', '123', '124'], '000123 and 123'],
    ['capitals', ['MUG', 'Mug', 'pan'], 'MUG and Mug'],
    ['width', ['A1', 'Ａ１', 'B'], 'A1 and Ａ１'],
  ])('%s', async (_, names, example) => {
    const data = await load(named(...names));
    expect(warnings(data)).toHaveLength(1);
    expect(shown(data)).toContain(example);
    expectNothingNamed(data, ...names.filter((name) => name.length > 2));
  });

  test('locations are looked at too', async () => {
    const lines = named('x', 'y').flatMap((line) => [`${line},North`, `${line},north`, `${line},south`]);
    const data = await load(lines, dailyConfig({ columns: { location: 'store' } }), `${HEADER},store`);
    expect(warned(data).join()).toContain('names of locations one is with other capitals');
  });

  test.each([
    [['4006381333931', '4006381333948', '10', '20']],
    [['SKU-1', 'SKU-10', 'SKU-01']],
    [['e10', '1e', 'March', '1-2-3', '0']],
  ])('%j are in order', async (names) => {
    expect(warned(await load(named(...names)))).toEqual([]);
  });

  test('accents, white space and guards against spreadsheets make no other article', async () => {
    const variants = ['Café', 'Cafe\u0301', ' Café', 'Café\u00a0', '"=""Café"""', 'Ca\u200bfé'];
    const lines = good.slice(0, 180).map((line, at) => line.replace(/,[abc],/, `,${variants[at % variants.length]},`));
    const data = await load([...lines, ...dailyLines(['z'], units)]);
    expect(data.series).toBe(2);
    expect(warned(data)).toEqual([]);
  });

  test('headings, merchants and file names are found however their accents are written', async () => {
    const config = dataConfigSchema.parse({
      ...dailyConfig(),
      merchant: 'São',
      sources: [{ file: 'março.csv', columns: { date: 'date', item: 'item', quantity: 'quantité', merchant: 'shop' } }],
    });
    await writeFile(
      join(room.folder, 'março.csv'.normalize('NFD')),
      [
        `date,item,${'quantité'.normalize('NFD')},\u00a0shop `,
        ...good.map((line) => `${line},${'São'.normalize('NFD')}`),
      ].join('\n'),
    );
    expect((await loadMerchantData(config, room.folder, { now: NOW })).rows).toBe(good.length);
  });
});

describe('totals', () => {
  const sumOf = (lines: readonly string[]) => {
    const sums = new Map<string, number>();
    for (const line of lines) {
      const [date, , quantity] = line.split(',');
      sums.set(date!, (sums.get(date!) ?? 0) + Number(quantity));
    }
    return sums;
  };

  test('an article that sums up the others by day, whatever it is called', async () => {
    const data = await load([...good, ...[...sumOf(good)].map(([date, sum]) => `${date},Gesamt,${sum}`)]);
    expect(warned(data)[0]).toContain('One article sells as much as all others together');
    expect(shown(data)).toEqual(['Gesamt']);
  });

  test('one that sums up a whole month on one day', async () => {
    const months = new Map<string, number>();
    for (const [date, sum] of sumOf(good)) months.set(date.slice(0, 7), (months.get(date.slice(0, 7)) ?? 0) + sum);
    const data = await load([...good, ...[...months].map(([month, sum]) => `${month}-28,小计,${sum}`)]);
    expect(shown(data)).toEqual(['小计']);
  });

  test('a location that sums up the others', async () => {
    const lines = good.flatMap((line) => {
      const units = Number(line.split(',')[2]);
      return [`${line},x`, `${line},y`, `${line.replace(/\d+$/, String(2 * units))},all shops`];
    });
    const data = await load(lines, dailyConfig({ columns: { location: 'store' } }), `${HEADER},store`);
    expect(shown(data)).toEqual(['all shops']);
  });

  test('a best seller, and one of two articles alike, are none', async () => {
    expect(warned(await load([...good, ...dailyLines(['best'], (day) => `${9 + (day % 3)}`)]))).toEqual([]);
    expect(warned(await load(dailyLines(['a', 'b'], () => '5')))).toEqual([]);
  });
});

describe('words for missing values', () => {
  test('an article called NULL is no article', async () => {
    expect(await refusal([...good, '2024-02-01,NULL,3', '2024-02-02,#N/A,3'])).toContain(
      'row 548, column "item": "NULL" is no item, and so in 1 more row',
    );
  });

  test('in columns that may be empty they count as empty, and are counted', async () => {
    const lines = good.map((line, at) => `${line},${at % 3 === 0 ? 'n/a' : '2.50'},${at % 2 === 0 ? 'None' : 'x'}`);
    const data = await load(
      lines,
      dailyConfig({ columns: { price: 'price', location: 'store' } }),
      `${HEADER},price,store`,
    );
    const told = warned(data).join('\n');
    expect(told).toContain('182 cells of the price column hold a word such as NULL');
    expect(told).toContain('cells of the location column hold');
    expect(told).toContain('lines name no location');
  });

  const twice = good.flatMap((line) => [line, line]);
  const order = dailyConfig({ columns: { order: 'order' } });

  test.each(['', 'NULL', '0', '000', '-'])(
    'an order column of nothing but %j says nothing of duplicates',
    async (cell) => {
      const data = await load(
        twice.map((line) => `${line},${cell}`),
        order,
        `${HEADER},order`,
      );
      const without = await load(twice);
      expect(data.cleaning).toMatchObject({
        duplicatesRemoved: without.cleaning.duplicatesRemoved,
        identicalKept: without.cleaning.identicalKept,
      });
      expect(warned(data).join()).toContain(`${twice.length} lines do not tell their order`);
    },
  );

  test('one order number for months tells no order either', async () => {
    const data = await load(
      twice.map((line) => `${line},KASSE-1`),
      order,
      `${HEADER},order`,
    );
    expect(warned(data).join()).toContain('lines do not tell their order');
  });

  test('lines with an order number keep being compared by it beside others without', async () => {
    const lines = good.flatMap((line, at) => [`${line},${1000 + at}`, `${line},${1000 + at}`, `${line},`]);
    const data = await load(lines, order, `${HEADER},order`);
    expect(data.cleaning.duplicatesRemoved).toBe(good.length);
    expect(warned(data).join()).toContain(`${good.length} lines do not tell their order`);
  });
});

describe('quantities and prices that cannot be right', () => {
  const barcode = 40063813;
  const returning = dailyConfig({ returns: 'negative' });

  test.each([
    ['training', '2024-02-10', barcode],
    ['validation', '2024-04-10', barcode],
    ['test', '2024-05-10', barcode],
    ['a return', '2024-02-10', -barcode],
  ])('a barcode in the quantity of %s rules nothing', async (_, date, quantity) => {
    const clean = await load(good, returning);
    const data = await load([...good, `${date},a,${quantity}`], returning);
    expect(shown(data)).toEqual([`a on ${date}: ${quantity} units`]);
    expectNothingNamed(data, String(barcode), date);
    for (const split of ['train', 'validation', 'test'] as const) {
      expect(data[split].count).toBe(clean[split].count);
      const [after, before] = [data[split].weights, clean[split].weights];
      for (let at = 0; at < before.length; at += 1) expect(after[at]! / before[at]!).toBeCloseTo(1, 1);
      const indices = Array.from({ length: data[split].count }, (_, index) => index);
      const batch = data[split].batch(indices);
      for (const key of ['past', 'target', 'anchors', 'scale'] as const) {
        expect(
          batch[key].every((value) => Number.isFinite(value) && Math.abs(value) < 1000),
          key,
        ).toBe(true);
      }
    }
    expect(data.cleaning.unknownPeriods).toBe(quantity > 0 ? 1 : 0);
  });

  test('a bulk order of some hundred times the usual is kept', async () => {
    const data = await load([...good, '2024-02-10,a,900'], returning);
    expect(warned(data)).toEqual([]);
    expect(data.cleaning.unknownPeriods).toBe(0);
  });

  test('an article with few lines is held against all others', async () => {
    const data = await load([...good, '2024-02-10,rare,2', '2024-03-10,rare,40063813'], returning);
    expect(shown(data)).toEqual(['rare on 2024-03-10: 40063813 units']);
  });

  test.each([
    ['a barcode', '40063813', 'a price more than 1000 times'],
    ['another unit', '0.0001', 'a price more than 1000 times'],
    ['nothing that a float can hold', '1e-60', 'price is above 0 and below a millionth'],
  ])('%s in the price counts as not known', async (_, price, says) => {
    const lines = good.map((line, at) => `${line},${at === 100 ? price : '2.50'}`);
    const data = await load(lines, dailyConfig({ columns: { price: 'price' } }), `${HEADER},price`);
    expect(warned(data).join()).toContain(says);
    for (const split of ['train', 'validation', 'test'] as const) {
      const batch = data[split].batch(Array.from({ length: data[split].count }, (_, index) => index));
      for (const key of ['past', 'future', 'staticNumbers', 'anchors', 'effects'] as const) {
        expect(batch[key].every(Number.isFinite), key).toBe(true);
      }
    }
  });
});

describe('instants and time zones', () => {
  // Every evening at 23:30 in Berlin: another day in UTC only in winter.
  const evenings = good.map((line) => line.replace(/^[^,]+/, (day) => `${day}T22:30:00Z`));

  test('instants in UTC without a time zone are told, and with one they are days there', async () => {
    expect(warned(await load(evenings)).join()).toContain('546 dates are instants in UTC');
    const berlin = await load(evenings, dailyConfig({ timeZone: 'Europe/Berlin' }));
    expect(warned(berlin)).toEqual([]);
    expect(berlin.lastPeriod).toBe('2024-07-01');
    expect(berlin.firstPeriod).toBe('2024-01-01');
  });

  test.each(['TIMESTAMPTZ', 'TIMESTAMP', 'DATE'])(
    'the machine has no say in what day a %s of Parquet is',
    async (type) => {
      const instance = await DuckDBInstance.create(':memory:');
      const connection = await instance.connect();
      await connection.run("SET TimeZone = 'UTC'");
      await connection.run(
        `COPY (SELECT CAST(TIMESTAMPTZ '2024-01-01 20:00:00+00' + to_days(range::INTEGER) AS ${type}) AS date, 'a' AS item, 2 + range % 3 AS qty FROM range(180))
       TO ${quotedString(join(room.folder, 'orders.parquet'))}`,
      );
      connection.closeSync();
      instance.closeSync();
      const source = { file: 'orders.parquet', columns: { date: 'date', item: 'item', quantity: 'qty' } };
      const firstDay = async (zone: string, timeZone?: string) => {
        const before = process.env.TZ;
        process.env.TZ = zone;
        try {
          const config = dailyConfig({ sources: [source], ...(timeZone !== undefined && { timeZone }) });
          return (await loadMerchantData(config, room.folder, { now: NOW })).firstPeriod;
        } finally {
          if (before === undefined) delete process.env.TZ;
          else process.env.TZ = before;
        }
      };
      for (const zone of ['Asia/Tokyo', 'America/Lima']) expect(await firstDay(zone)).toBe('2024-01-01');
      expect(await firstDay('America/Lima', 'Asia/Tokyo')).toBe(type === 'TIMESTAMPTZ' ? '2024-01-02' : '2024-01-01');
    },
  );
});

describe('what spreadsheets and exports leave behind', () => {
  test.each([
    ['a line that names the separator', `sep=;\n${[HEADER, ...good].join('\n').replaceAll(',', ';')}`],
    ['the same behind a byte-order mark, with CR LF', `\ufeffsep=,\r\n${[HEADER, ...good].join('\r\n')}`],
    ['empty rows', [HEADER, ...good.slice(0, 9), ',,', '" ",,', ...good.slice(9), ',,,'.slice(1)].join('\n')],
    ['a row of spaces', [HEADER, ...good.slice(0, 9), '   ', ...good.slice(9), ' \t '].join('\n')],
  ])('%s is read over', async (_, content) => {
    await room.write('orders.csv', content);
    const data = await loadMerchantData(dailyConfig(), room.folder, { now: NOW });
    expect(data.rows).toBe(good.length);
    expect(warned(data)).toEqual([]);
  });

  test.each([
    ['a title', ['Sales of 2024', '', HEADER, ...good], 'line 1 is not the header; line 3 names the columns'],
    [
      'a footer',
      [HEADER, ...good, '(546 rows affected)'],
      'line 548: has 1 field where the header has 3. If it is a title, a note or a footer',
    ],
    ['an end mark', [HEADER, ...good, '\u001a'], 'It is the end mark (Ctrl-Z) of an old program'],
    [
      'the header again',
      [HEADER, ...good.slice(0, 9), HEADER, ...good.slice(9)],
      '"date" is the heading again. Delete this line.',
    ],
    [
      'a drawn line',
      [HEADER, '----------,----,---', ...good],
      '"----------" is a drawn line and no value. Delete this line.',
    ],
  ])('%s is refused with what to do', async (_, lines, message) => {
    await room.write('orders.csv', lines.join('\n'));
    await expect(loadMerchantData(dailyConfig(), room.folder, { now: NOW })).rejects.toThrow(message);
  });
});

describe('how numbers and dates are written', () => {
  const source = (changes: object) =>
    dailyConfig({ sources: [{ ...dailyConfig().sources[0]!, ...changes }] } as Partial<DataConfig>);
  const semicolons = (line: string) => line.replaceAll(',', ';');

  test('a refusal offers the mapping, and the mapping reads the file', async () => {
    const lines = good.map((line, at) =>
      semicolons(line).replace(/\d+$/, (units) => (at === 50 ? '1.250' : `${units},5`)),
    );
    const refused = await refusal(lines, dailyConfig(), semicolons(HEADER));
    expect(refused).toContain('"1.250" may have thousands or decimals behind its point');
    expect(refused).toContain('{"decimal":",","thousands":"."} reads it as');
    const data = await load(lines, source({ numbers: { decimal: ',', thousands: '.' } }), semicolons(HEADER));
    expect(data.rows).toBe(good.length);
  });

  test('1.250 in a file with semicolons is 1.25 only where the configuration says so', async () => {
    const lines = good.map(semicolons).map((line, at) => (at === 50 ? line.replace(/\d+$/, '1.250') : line));
    expect(await refusal(lines, dailyConfig(), semicolons(HEADER))).toContain('Set data.sources[].numbers');
    expect((await load(lines, source({ numbers: { decimal: '.' } }), semicolons(HEADER))).rows).toBe(good.length);
  });

  test('the same for dates', async () => {
    const lines = good.map((line) => line.replace(/^(\d+)-(\d+)-(\d+)/, '$3.$2.$1'));
    expect(await refusal(lines)).toContain('"DD.MM.YYYY": set data.sources[].dateFormat to it');
    expect(await load(lines, source({ dateFormat: 'DD.MM.YYYY' }))).toMatchObject({
      firstPeriod: isoDate(FIRST_DAY),
      lastPeriod: isoDate(LAST_DAY),
    });
  });

  test('promotions are read in other words, and as per cent', async () => {
    const words = ['是', '否', '50%', 'Ja', 'não', '0.25'];
    const lines = good.map((line, at) => `${line},${words[at % words.length]}`);
    const data = await load(lines, dailyConfig({ columns: { promotion: 'promo' } }), `${HEADER},promo`);
    expect(warned(data)).toEqual([]);
  });
});

describe('Parquet', () => {
  const parquet = async (select: string, file = 'orders.parquet') => {
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    await mkdir(join(room.folder, file, '..'), { recursive: true });
    await connection.run(`COPY (${select}) TO ${quotedString(join(room.folder, file))} (FORMAT parquet)`);
    connection.closeSync();
    instance.closeSync();
    const source = { file, columns: { date: 'date', item: 'item', quantity: 'quantity' } };
    return loadMerchantData(dailyConfig({ sources: [source] }), room.folder, { now: NOW });
  };
  const rows = "SELECT DATE '2024-01-01' + range::INTEGER AS date, 'a' AS item, 1 + range % 4 AS quantity";

  test('folder names on the way to a file are no columns of it', async () => {
    const data = await parquet(`${rows} FROM range(182)`, 'item=5/quantity=9/orders.parquet');
    const units = data.test.batch([0]).target.filter((value) => value > 0);
    expect([...new Set(units)].sort()).toEqual([1, 2, 3, 4]);
    expect(data.test.describe(0).series).toBe('a');
  });

  test('columns with our own names, and columns of lists and maps beside, change nothing', async () => {
    const data = await parquet(
      `${rows}, range AS row_number, 'x' AS c0, [range] AS list, {'k': range} AS struct, MAP {'k': range} AS map FROM range(182)`,
    );
    expect(data.rows).toBe(182);
  });

  test('a mapped column of nested values is refused by name', async () => {
    await expect(parquet(`SELECT * REPLACE ({'id': item} AS item) FROM (${rows} FROM range(182))`)).rejects.toThrow(
      'orders.parquet, column "item": holds nested values (STRUCT',
    );
    await expect(parquet(`SELECT * REPLACE ([quantity] AS quantity) FROM (${rows} FROM range(182))`)).rejects.toThrow(
      'column "quantity": holds nested values',
    );
  });
});

describe('whole periods', () => {
  const week = (year: string, from: number, to: number, closed: number[] = []) => {
    const start = Date.parse(year) / 86_400_000;
    return Int32Array.from({ length: to - from }, (_, index) => start + from + index).filter(
      (day) => !closed.includes(new Date(day * 86_400_000).getUTCDay()),
    );
  };

  // 2024-01-01 is a Monday.
  test.each([
    ['from Monday to Sunday', week('2024-01-01', 0, 70), 0, 0],
    ['from Saturday to Wednesday', week('2024-01-01', 5, 73), 1, -1],
    ['closed on Sundays, to Saturday', week('2024-01-01', 0, 69, [0]), 0, 0],
    ['closed on Mondays, from Tuesday', week('2024-01-01', 1, 70, [1]), 0, 0],
    ['closed on Sundays, to Friday', week('2024-01-01', 0, 68, [0]), 0, -1],
  ])('%s', (_, days, first, last) => {
    const whole = wholePeriods('week', days);
    const covered = [days[0]!, days[days.length - 1]!].map((day) => Math.floor((day + 3) / 7));
    expect([whole.first - covered[0]!, whole.last - covered[1]!]).toEqual([first, last]);
  });

  test('sums by week are whole though a holiday has moved two of them', () => {
    const days = Int32Array.from(
      { length: 40 },
      (_, index) => 19_723 + 7 * index + (index === 3 || index === 39 ? 1 : 0),
    );
    const whole = wholePeriods('week', days);
    expect(whole.last - whole.first).toBe(39);
  });

  test('a month that begins on its 28th, and one that ends on its 3rd, are left out', () => {
    const days = week('2024-01-28', 0, 157);
    const whole = wholePeriods('month', days);
    expect([whole.first, whole.last]).toEqual([54 * 12 + 1, 54 * 12 + 5]);
  });
});

test('rare sales are told, with the period that would suit', async () => {
  const lines = dailyLines(['a', 'b', 'c'], (day, item) => ((day + item * 3) % 11 === 0 ? '2' : undefined));
  const notes = (await load(lines)).report.findings.map(({ sentence }) => sentence).join();
  expect(notes).toMatch(
    /in 9\d % of the days of an item nothing was sold\. By month it would be \d+ %: set data\.frequency to "month"/,
  );
});

test('articles that are in no window, and new ones, are named', async () => {
  const data = await load([...good, '2024-01-02,gone,4', '2024-06-20,fresh,4']);
  const examples = data.report.findings.flatMap(({ examples }) => examples);
  expect(examples).toContain('fresh');
  expectNothingNamed(data, 'gone', 'fresh');
});

test('without split dates the last third is held out in whole horizons', async () => {
  const data = await load(good, dailyConfig({ validFrom: undefined, testFrom: undefined }));
  expect(data.report.facts).toMatchObject({ validFrom: '2024-05-06', testFrom: '2024-06-03' });
  expect([data.train.count, data.validation.count, data.test.count].every((count) => count > 0)).toBe(true);
});

test('days that the file says were sold out are lower bounds, wholly or in part', async () => {
  const lines = good.map((line, at) => `${line},${at % 30 === 0 ? 'yes' : at % 30 === 3 ? '0.25' : 'no'}`);
  const data = await load(lines, dailyConfig({ columns: { soldOut: 'out' } }), `${HEADER},out`);
  expect(data.cleaning.stockOutPeriods).toBe(Math.ceil(good.length / 30) + Math.ceil((good.length - 3) / 30));
  const history = data.history('test', 0);
  expect(history.some(Number.isNaN)).toBe(true);
  expect(
    await refusal([...lines, '2024-02-01,a,1,maybe'], dailyConfig({ columns: { soldOut: 'out' } }), `${HEADER},out`),
  ).toContain('column "out": "maybe" is neither true or false nor a share from 0 to 1');
});
