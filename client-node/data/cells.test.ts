import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type OrderDatabase, openDatabase } from './database.ts';
import { adviseDateFormat, dateFormatSchema, dateSql, hasTimeSql, timeZoneSchema, uncertainDaySql } from './dates.ts';
import { adviseNumbers, eitherNumberSql, type NumberReading, numberSql } from './numbers.ts';
import { knownTextSql, missingWordSql, plainText, plainTextSql } from './text.ts';

let database: OrderDatabase;
beforeAll(async () => {
  database = await openDatabase([], {});
});
afterAll(() => database.close());

const evaluated = async (sql: string, text: string | null) => {
  const cell = text === null ? 'CAST(NULL AS VARCHAR)' : '$text';
  const { value } = await database.row(
    `SELECT ${sql} AS value FROM (SELECT ${cell} AS text)`,
    text === null ? {} : { text },
  );
  return value;
};

describe('text', () => {
  test.each([
    ['  SKU-1\t', 'SKU-1'],
    ['SKU\u00a0\u00a01', 'SKU 1'],
    ['Cafe\u0301', 'Café'],
    ['\ufeffa\u200bb\u00ad', 'ab'],
    ['="0017"', '0017'],
    ['="a b "', 'a b '],
    ['=1', '=1'],
    ['语言　和', '语言 和'],
  ])('%j is read as %j', async (text, plain) => {
    expect(await evaluated(plainTextSql('text'), text)).toBe(plain);
  });

  test.each([[''], ['   '], ['\u00a0\u200b'], [null]])('nothing is left of %j', async (text) => {
    expect(await evaluated(plainTextSql('text'), text)).toBeNull();
  });

  test('names are compared alike in the configuration and in the database', async () => {
    const unit = fc.constantFrom(
      'a',
      'Z',
      'é',
      'e\u0301',
      ' ',
      '\t',
      '\u00a0',
      '\u3000',
      '\u200b',
      '\ufeff',
      '\u0007',
      '语',
      '"',
      "'",
      '\\',
    );
    await fc.assert(
      fc.asyncProperty(fc.string({ unit, maxLength: 12 }), async (text) => {
        const plain = plainText(text);
        expect(await evaluated(plainTextSql('text'), text)).toBe(plain === '' ? null : plain);
        expect(plainText(plain)).toBe(plain);
      }),
      { seed: 3, numRuns: 200 },
    );
  });

  test.each(['NULL', 'null', '(null)', '\\N', 'NaN', 'None', '#N/A', 'n/a', '<NA>', '#REF!', '#DIV/0!'])(
    '%s is a word for a missing value',
    async (word) => {
      expect(await evaluated(missingWordSql('text'), word)).toBe(true);
      expect(await evaluated(knownTextSql('text'), word)).toBeNull();
    },
  );

  test.each(['NA', 'Nora', 'nul', 'Nonesuch', '0', 'N', null])('%j is none', async (text) => {
    expect(await evaluated(missingWordSql('text'), text)).toBe(false);
  });
});

describe('numbers', () => {
  const read = (text: string | null, reading?: NumberReading) => evaluated(numberSql('text', reading), text);

  test.each([
    ['12', 12],
    ['-1.5', -1.5],
    ['+3', 3],
    ['.5', 0.5],
    ['1e3', 1000],
    ['3-', -3],
    ['−3', -3],
    ['–3.25', -3.25],
    ['(3)', -3],
    ["'-3", -3],
    ['３', 3],
    ['－１２．５', -12.5],
    ['٣', 3],
    ['۱۲', 12],
  ])('%s is %d whatever the mapping says', async (text, value) => {
    expect(await read(text)).toBe(value);
  });

  test.each([
    '1,5',
    '1 000',
    "1'000",
    '3 pcs',
    '--3',
    '(-3)-',
    '3--',
    'nan',
    'inf',
    '1_000',
    '0x10',
    '1e',
    'e3',
    '.',
    '-',
    '()',
    '1.2.3',
    null,
  ])('%j is no number', async (text) => {
    expect(await read(text)).toBeNull();
  });

  test.each<[string, NumberReading, number | null]>([
    ['1,5', { decimal: ',' }, 1.5],
    ['1.250', { decimal: ',' }, null],
    ['1.250', { decimal: ',', thousands: '.' }, 1250],
    ['1.250,75', { decimal: ',', thousands: '.' }, 1250.75],
    ['12.50', { decimal: ',', thousands: '.' }, null],
    ['-1.234.567', { decimal: ',', thousands: '.' }, -1234567],
    ['1,000', { decimal: '.', thousands: ',' }, 1000],
    ['1,00', { decimal: '.', thousands: ',' }, null],
    ['1 000 000', { decimal: '.', thousands: ' ' }, 1000000],
    ["1'000.5", { decimal: '.', thousands: "'" }, 1000.5],
    ['1’000', { decimal: '.', thousands: "'" }, 1000],
    ['(1.250)', { decimal: ',', thousands: '.' }, -1250],
    ['7', { decimal: ',', thousands: ' ' }, 7],
  ])('%s by %j is %j', async (text, reading, value) => {
    expect(await read(text, reading)).toBe(value);
  });

  test('every plain number is read as JavaScript reads it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.double({ noNaN: true, min: -1e9, max: 1e9 }), async (value) => {
        expect(await read(String(value))).toBe(Number(String(value)));
      }),
      { seed: 4, numRuns: 100 },
    );
  });

  test('thousands or decimals: only groups of three digits after a point are in doubt', async () => {
    for (const text of ['1.250', '12.500', '-1.250.000'])
      expect(await evaluated(eitherNumberSql('text'), text)).toBe(true);
    for (const text of ['0.250', '1.25', '1250.000', '1250', '1.2500']) {
      expect(await evaluated(eitherNumberSql('text'), text)).toBe(false);
    }
  });

  test('advice names the readings that take every cell, and what they make of the first', async () => {
    const over = (texts: string[]) =>
      adviseNumbers(async (reading) => {
        const values = await Promise.all(texts.map((text) => read(text, reading)));
        return { every: values.every((value) => value !== null), first: (values[0] as number | null) ?? undefined };
      });
    expect(await over(['1,000', '2'])).toContain('{"decimal":","} reads it as 1, {"thousands":","} reads it as 1000');
    expect(await over(['1 000,5', '2'])).toContain('{"decimal":",","thousands":" "} reads it as 1000.5');
    expect(await over(['3 pcs'])).toBeUndefined();
  });
});

describe('dates', () => {
  const day = async (text: string | null, reading = {}) => {
    const value = await evaluated(`strftime(${dateSql('text', reading)}, '%Y-%m-%d')`, text);
    return value;
  };

  test.each([
    ['2026-03-05', '2026-03-05'],
    ['2026/3/5', '2026-03-05'],
    ['2026-03-05 10:00', '2026-03-05'],
    ['2026-03-05T23:59:59.5Z', '2026-03-05'],
    ['2026-03-05 10:00:00 UTC', '2026-03-05'],
    ['2026-03-05 10:00:00 PM', '2026-03-05'],
    ['2026-03-05 10:00 p.m. +02:00', '2026-03-05'],
    ['2026-02-30', null],
    ['05.03.2026', null],
    ['20260305', null],
    ['2026-03-05 later', null],
    ['2026-13-05', null],
    ['', null],
    [null, null],
  ])('%j is %j', async (text, expected) => {
    expect(await day(text)).toBe(expected);
  });

  test.each([
    ['DD.MM.YYYY', '05.03.2026', '2026-03-05'],
    ['DD.MM.YYYY', '5.3.2026 10:00', '2026-03-05'],
    ['MM/DD/YYYY', '03/05/2026', '2026-03-05'],
    ['YYYYMMDD', '20260305', '2026-03-05'],
    ['YYYYMMDD', '2026035', null],
    ['DD-MMM-YYYY', '05-Mar-2026', '2026-03-05'],
    ['YYYY年MM月DD日', '2026年03月05日', '2026-03-05'],
    ['GGGG-WWW-E', '2026-W10-4', '2026-03-05'],
    ['YYYY-DD-MM', '2026-05-03', '2026-03-05'],
    ['DD.MM.YY', '05.03.26', '2026-03-05'],
    ['DD.MM.YYYY', '2026-03-05', null],
    ['DD.MM.YYYY', '05x03x2026', null],
    ['DD.MM.YYYY', '31.02.2026', null],
  ])('%s reads %s as %j', async (format, text, expected) => {
    expect(dateFormatSchema.safeParse(format).success).toBe(true);
    expect(await day(text, { format })).toBe(expected);
  });

  test.each(['', 'YYYY', 'YYYY-MM', 'DD.MM', 'YYYY-MM-DD-DD', "DD'MM'YYYY", '%Y', 'GGGG-E'])(
    '%j is no format',
    (format) => {
      expect(dateFormatSchema.safeParse(format).success).toBe(false);
    },
  );

  test.each([
    ['2026-03-05T23:30:00Z', 'Europe/Berlin', '2026-03-06'],
    ['2026-07-05T22:30:00Z', 'Europe/Berlin', '2026-07-06'],
    ['2026-01-05 22:30:00+00', 'Europe/Berlin', '2026-01-05'],
    ['2026-01-05 10:30:00 PM UTC', 'Europe/Berlin', '2026-01-05'],
    ['2026-01-05 11:30:00 PM UTC', 'Europe/Berlin', '2026-01-06'],
    ['2026-01-05 12:30:00 AM UTC', 'America/New_York', '2026-01-04'],
    ['2026-01-05T16:00:00Z', 'Asia/Shanghai', '2026-01-06'],
    ['2026-01-05 10:00:00 +0800', 'UTC', '2026-01-05'],
    ['2026-01-05 07:00:00 +08:00', 'UTC', '2026-01-04'],
    ['2026-01-05 20:00:00-0430', 'UTC', '2026-01-06'],
    ['2026-01-05 23:30:00', 'Europe/Berlin', '2026-01-05'],
    ['2026-01-05', 'Asia/Shanghai', '2026-01-05'],
    ['1999-12-31T23:59:59Z', 'Pacific/Kiritimati', '2000-01-01'],
  ])('%s is in %s the day %s', async (text, timeZone, expected) => {
    expect(timeZoneSchema.safeParse(timeZone).success).toBe(true);
    expect(await day(text, { timeZone })).toBe(expected);
  });

  test.each(['', 'Berlin', "UTC'; DROP TABLE lines; --", 'Europe/Atlantis', 'CEST '])('%j is no time zone', (zone) => {
    expect(timeZoneSchema.safeParse(zone).success).toBe(false);
  });

  test('the day in a time zone is the one that Intl says', async () => {
    const zones = ['Europe/Lisbon', 'Asia/Kolkata', 'America/St_Johns', 'Australia/Lord_Howe', 'Africa/Cairo'];
    await fc.assert(
      fc.asyncProperty(
        fc.date({ min: new Date('1995-01-01'), max: new Date('2030-01-01'), noInvalidDate: true }),
        fc.constantFrom(...zones),
        async (instant, timeZone) => {
          const expected = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' }).format(instant);
          expect(await day(instant.toISOString(), { timeZone })).toBe(expected);
        },
      ),
      { seed: 5, numRuns: 100 },
    );
  });

  test.each([
    ['2026-01-01T16:00:00Z', true],
    ['2026-01-01 22:00:00+00', true],
    ['2026-01-01 22:00:00 UTC', true],
    ['2026-01-01 2:00 PM GMT', true],
    ['2026-01-01T04:00:00Z', false],
    ['2026-01-01T00:00:00Z', false],
    ['2026-01-01 16:00:00 +0800', false],
    ['2026-01-01 16:00:00', false],
    ['2026-01-01', false],
    [null, false],
  ])('%j may be another day elsewhere: %j', async (text, expected) => {
    expect(await evaluated(uncertainDaySql('text'), text)).toBe(expected);
  });

  test('midnight is no time of day', async () => {
    expect(await evaluated(hasTimeSql('text'), '2026-01-01 00:00:00')).toBe(false);
    expect(await evaluated(hasTimeSql('text'), '2026-01-01 00:00:01')).toBe(true);
    expect(await evaluated(hasTimeSql('text'), '2026-01-01')).toBe(false);
  });

  test('advice names the formats that read nearly all dates', async () => {
    const over = (texts: string[]) =>
      adviseDateFormat(async (format) => {
        const read = await Promise.all(texts.map((text) => day(text, { format })));
        return read.filter((value) => value !== null).length / texts.length;
      });
    expect(await over(['05.03.2026', '25.03.2026'])).toContain('"DD.MM.YYYY": set data.sources[].dateFormat to it');
    expect(await over(['05/03/2026', '06/03/2026'])).toContain('"DD/MM/YYYY" or "MM/DD/YYYY"');
    expect(await over(['spring 2026'])).toBeUndefined();
  });
});
