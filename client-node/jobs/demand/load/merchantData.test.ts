import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { DuckDBInstance, quotedString } from '@duckdb/node-api';
import { PATCH_WIDTH, PERIOD_CHANNELS } from '@hansa/shared/model/jobs/demand';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { dayNumber, isoDate } from '../../../data/days.ts';
import { scratch } from '../../../data/scratch.ts';
import { type DataConfig, dataConfigSchema } from '../config.ts';
import { CHANNEL, type MerchantData, PAST_PERIODS, type WindowSet } from '../windows.ts';
import { loadMerchantData } from './merchantData.ts';
import { dailyConfig, dailyLines, FIRST_DAY, LAST_DAY } from './orderFixtures.ts';

let room: Awaited<ReturnType<typeof scratch>>;
beforeEach(async () => {
  room = await scratch();
});
afterEach(() => room.remove());

const load = async (lines: readonly string[], config: DataConfig = dailyConfig(), header = 'date,item,qty') => {
  await room.write('orders.csv', [header, ...lines].join('\n'));
  return loadMerchantData(config, room.folder);
};

const everyIndex = (set: WindowSet) => Array.from({ length: set.count }, (_, index) => index);

/** Equality of two batches' arrays; element-wise comparison by the test runner takes minutes here. */
function same(one: Float32Array | Int32Array | Float64Array, two: Float32Array | Int32Array | Float64Array): boolean {
  const bytes = (values: Float32Array | Int32Array | Float64Array) =>
    Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  return bytes(one).equals(bytes(two));
}

const batchArrays = [
  'past',
  'pastPresent',
  'future',
  'scale',
  'staticNumbers',
  'staticCategories',
  'anchors',
  'effects',
] as const;
const targetArrays = ['target', 'targetObserved', 'stockOut'] as const;

function windowsOf(set: WindowSet, pick: (originDay: number) => boolean = () => true) {
  const indices = everyIndex(set).filter((index) => pick(dayNumber(set.describe(index).originPeriod)));
  return { places: indices.map((index) => set.describe(index)), batch: set.batch(indices) };
}

/** Channel of the period `back` periods before the origin (1 = the last). */
function past(data: MerchantData, set: WindowSet, index: number, back: number, channel: number): number {
  expect(data.horizonPeriods).toBeGreaterThan(0);
  return set.batch([index]).past[(PAST_PERIODS - back) * PERIOD_CHANNELS + channel] as number;
}

function originAt(set: WindowSet, date: string, item = 'a'): number {
  const found = everyIndex(set).find((index) => {
    const place = set.describe(index);
    return place.originPeriod === date && place.series.startsWith(item);
  });
  expect(found, `${item} at ${date}`).toBeDefined();
  return found as number;
}

const pattern = (day: number, item: number) => 1 + ((day * 7 + item * 3) % 11);
const plain = () => dailyLines(['a', 'b', 'c'], (day, item) => `${pattern(day, item)}`);

test('splits: training ends before validFrom, validation lies before testFrom, test covers every day once', async () => {
  const data = await load(plain());
  const valid = dayNumber('2024-04-01');
  const testDay = dayNumber('2024-05-01');
  const reach = (set: WindowSet) =>
    everyIndex(set).map((index) => {
      const origin = dayNumber(set.describe(index).originPeriod);
      const { targetObserved } = set.batch([index]);
      return { origin, first: origin + targetObserved.indexOf(1), last: origin + targetObserved.lastIndexOf(1) };
    });
  for (const { origin, last } of reach(data.train)) {
    expect(origin).toBeGreaterThanOrEqual(FIRST_DAY + 7);
    expect(last).toBe(origin + 27);
    expect(last).toBeLessThan(valid);
  }
  expect(Math.max(...reach(data.train).map(({ last }) => last))).toBe(valid - 1);
  for (const { origin, first, last } of reach(data.validation)) {
    expect(first).toBe(origin);
    expect(origin).toBeGreaterThanOrEqual(valid);
    expect(last).toBeLessThan(testDay);
  }
  const scored = new Map<string, number>();
  for (const index of everyIndex(data.test)) {
    const { series, originPeriod } = data.test.describe(index);
    data.test.batch([index]).targetObserved.forEach((flag, step) => {
      const key = `${series}/${dayNumber(originPeriod) + step}`;
      if (flag === 1) scored.set(key, (scored.get(key) ?? 0) + 1);
    });
  }
  expect(scored.size).toBe(3 * (LAST_DAY - testDay + 1));
  expect([...scored.values()].every((times) => times === 1)).toBe(true);
  expect(data.train.count).toBe(3 * (valid - 28 - (FIRST_DAY + 7) + 1));
});

test('nothing from an origin on reaches a window that the origin must not see', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: FIRST_DAY + 20, max: LAST_DAY }),
      fc.integer({ min: 2, max: 500 }),
      async (day, factor) => {
        const config = dailyConfig({ returns: 'negative', columns: { price: 'price', stock: 'stock' } });
        const header = 'date,item,qty,price,stock';
        const lines = (changed: boolean) =>
          dailyLines(['a', 'b'], (at, item) => {
            const poison = changed && at >= day ? factor : 1;
            if ((at + item) % 9 === 0) return `${-poison},${3 * poison},${poison}`;
            return (at * 5 + item) % 4 === 0
              ? `0,${3 * poison},${poison - 1}`
              : `${pattern(at, item) * poison},${2 * poison},${poison}`;
          });
        const [before, after] = [await load(lines(false), config, header), await load(lines(true), config, header)];
        for (const split of ['train', 'validation', 'test'] as const) {
          // Outliers of training periods are cut with a limit from all training periods, so that a change inside training may move it.
          if (day < dayNumber(config.validFrom!) && split === 'train') continue;
          const sees = (origin: number) => origin <= day;
          const one = windowsOf(before[split], sees);
          const two = windowsOf(after[split], sees);
          expect(two.places).toEqual(one.places);
          for (const key of batchArrays) expect(same(two.batch[key], one.batch[key]), `${split} ${key}`).toBe(true);
        }
        const unchanged = (split: 'train' | 'validation') => {
          const [one, two] = [windowsOf(before[split]), windowsOf(after[split])];
          expect(two.places).toEqual(one.places);
          expect(same(before[split].weights, after[split].weights)).toBe(true);
          for (const key of [...batchArrays, ...targetArrays]) {
            expect(same(two.batch[key], one.batch[key]), `${split} ${key}`).toBe(true);
          }
        };
        if (day >= dayNumber(config.validFrom!)) unchanged('train');
        if (day >= dayNumber(config.testFrom!)) unchanged('validation');
      },
    ),
    { seed: 3, numRuns: 12 },
  );
});

test('windows hold what was sold, masks say what is known, and totals are the sums of the lines', async () => {
  const sale = fc.record({
    day: fc.integer({ min: FIRST_DAY, max: LAST_DAY }),
    item: fc.constantFrom('a', 'b;"x"', 'c,d'),
    location: fc.constantFrom('', 'Riga', 'Visby'),
    quantity: fc.integer({ min: 0, max: 40 }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(sale, { minLength: 100, maxLength: 300, selector: (line) => JSON.stringify(line) }),
      fc.constantFrom(',', ';', '\t'),
      fc.constantFrom('\n', '\r\n'),
      fc.constantFrom('csv', 'csv.gz', 'parquet'),
      async (sales, delimiter, end, kind) => {
        const quote = (text: string | number) => `"${String(text).replaceAll('"', '""')}"`;
        const rows = [
          // Something is sold on the first and last day, whatever the generator gives.
          { day: FIRST_DAY, item: 'a', location: '', quantity: 41 },
          { day: LAST_DAY, item: 'a', location: '', quantity: 41 },
          ...sales,
        ];
        const text = [
          ['date', 'item', 'qty', 'place'],
          ...rows.map((r) => [isoDate(r.day), r.item, r.quantity, r.location]),
        ]
          .map((cells) => cells.map(quote).join(delimiter))
          .join(end);
        await writeAs(kind, text, delimiter);
        const config = dailyConfig({
          sources: [
            { file: `orders.${kind}`, columns: { date: 'date', item: 'item', quantity: 'qty', location: 'place' } },
          ],
        });
        const data = await loadMerchantData(config, room.folder);
        expect(data.rows).toBe(rows.length);
        expect(data.cleaning.duplicatesRemoved).toBe(0);

        const name = (r: { item: string; location: string }) =>
          `${r.item}${r.location === '' ? '' : ` · ${r.location}`}`;
        const sold = new Map<string, number>();
        const first = new Map<string, number>();
        for (const r of rows) {
          const key = `${name(r)}/${r.day}`;
          sold.set(key, (sold.get(key) ?? 0) + r.quantity);
          first.set(name(r), Math.min(first.get(name(r)) ?? LAST_DAY, r.day));
        }
        for (const set of [data.train, data.validation, data.test]) {
          const { places, batch } = windowsOf(set);
          places.forEach(({ series, originPeriod }, row) => {
            const origin = dayNumber(originPeriod);
            const born = first.get(series) as number;
            let sum = 0;
            for (let back = PAST_PERIODS; back >= 1; back -= 1) {
              const at = row * 13 * PATCH_WIDTH + (PAST_PERIODS - back) * PERIOD_CHANNELS;
              const day = origin - back;
              const y = sold.get(`${series}/${day}`) ?? 0;
              const alive = day >= born;
              const shown = Math.sinh(batch.past[at + CHANNEL.value] as number) * (batch.scale[row] as number);
              const right =
                batch.past[at + CHANNEL.observed] === (alive ? 1 : 0) &&
                batch.past[at + CHANNEL.nonZero] === (y > 0 ? 1 : 0) &&
                Math.abs(shown - y) < 0.01 &&
                (!alive || batch.pastPresent[row * 13 + Math.floor((PAST_PERIODS - back) / 7)] === 1);
              if (!right) expect.fail(`${series} at ${originPeriod}, ${back} days back`);
              if (alive) sum += y;
            }
            const observed = Math.min(PAST_PERIODS, origin - born);
            expect(batch.scale[row]).toBeCloseTo(Math.max(0.1, sum / observed), 4);
            for (let step = 0; step < 28; step += 1) {
              const y = batch.targetObserved[row * 28 + step] === 1 ? (sold.get(`${series}/${origin + step}`) ?? 0) : 0;
              if (batch.target[row * 28 + step] !== y) expect.fail(`${series} at ${originPeriod}, ${step} days ahead`);
            }
          });
        }
        everyIndex(data.test).forEach((index) => {
          const { series, originPeriod } = data.test.describe(index);
          const origin = dayNumber(originPeriod);
          const total = [...sold].reduce(
            (sum, [key, y]) =>
              key.startsWith(`${series}/`) && Number(key.slice(series.length + 1)) < origin ? sum + y : sum,
            0,
          );
          expect(data.history('test', index).reduce((sum, y) => sum + y, 0)).toBe(total);
        });
      },
    ),
    { seed: 4, numRuns: 12 },
  );
});

async function writeAs(kind: string, text: string, delimiter: string): Promise<void> {
  if (kind === 'csv.gz') return void (await room.write('orders.csv.gz', gzipSync(text)));
  const path = await room.write('orders.csv', text);
  if (kind === 'csv') return;
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const columns = "columns = {'date': 'TIMESTAMP', 'item': 'VARCHAR', 'qty': 'INTEGER', 'place': 'VARCHAR'}";
  const from = `read_csv(${quotedString(path)}, auto_detect = false, header = true, quote = '"', delim = ${quotedString(delimiter)}, ${columns})`;
  await connection.run(`COPY (FROM ${from}) TO ${quotedString(join(room.folder, 'orders.parquet'))}`);
  connection.closeSync();
  instance.closeSync();
}

test('demand of next to nothing is scaled by the floor', async () => {
  const rare = dailyLines(['rare'], (day) => (day === FIRST_DAY + 1 ? '0.5' : '0'));
  const data = await load([...plain(), ...rare, ...dailyLines(['never'], () => '0')]);
  const index = originAt(data.train, isoDate(FIRST_DAY + 30), 'rare');
  expect(data.train.batch([index]).scale[0]).toBeCloseTo(0.1, 6);
  expect(data.train.weights[index]).toBeCloseTo(Math.sqrt(0.1), 6);
  // The hold-out keeps the origins of whatever has sold once, though its windows show no sale.
  expect(data.cleaning.zeroWindowsSkipped).toBeGreaterThan(0);
  const tested = Array.from({ length: data.test.count }, (_, at) => data.test.describe(at).series);
  expect(tested).not.toContain('never');
  expect(tested.filter((series) => series === 'rare')).toHaveLength(tested.filter((series) => series === 'a').length);
});

test('returns go to their own channel and never below zero demand', async () => {
  const config = dailyConfig({ returns: 'negative' });
  const data = await load([...plain(), '2024-02-10,a,-4', '2024-02-10,d,-2'], config);
  expect(data.cleaning).toMatchObject({
    returnLines: 2,
    returnedUnits: 6,
    seriesRead: 4,
    seriesAllZero: 1,
    seriesUsed: 3,
  });
  const index = originAt(data.train, '2024-02-11');
  const scale = data.train.batch([index]).scale[0] as number;
  const sold = pattern(dayNumber('2024-02-10'), 0);
  expect(past(data, data.train, index, 1, CHANNEL.value)).toBeCloseTo(Math.asinh(sold / scale), 5);
  expect(past(data, data.train, index, 1, CHANNEL.returns)).toBeCloseTo(Math.asinh(4 / scale), 5);
  expect(past(data, data.train, index, 2, CHANNEL.returns)).toBe(0);
});

test('a day sold out is a lower bound: unknown in the past, marked in the target, unknown to seasonal naive', async () => {
  const out = new Set(['2024-02-10', '2024-05-03'].map(dayNumber));
  const lines = dailyLines(['a'], (day) => (out.has(day) ? '0,0' : `${pattern(day, 0)},${day % 2 === 0 ? 9 : ''}`));
  const data = await load(lines, dailyConfig({ columns: { stock: 'stock' } }), 'date,item,qty,stock');
  expect(data.cleaning.stockOutPeriods).toBe(2);
  const index = originAt(data.train, '2024-02-11');
  expect([CHANNEL.observed, CHANNEL.stockOut, CHANNEL.value].map((c) => past(data, data.train, index, 1, c))).toEqual([
    0, 1, 0,
  ]);
  const before = data.test.batch([originAt(data.test, '2024-05-01')]);
  expect([...before.stockOut].flatMap((flag, step) => (flag === 1 ? [step] : []))).toEqual([2]);
  expect(before.targetObserved[2]).toBe(1);
  const history = data.history('test', originAt(data.test, '2024-05-29'));
  expect([...history].filter(Number.isNaN).length).toBe(2);
});

test('a promotion is known ahead only where nearly every day states it; the price ahead is the last one before', async () => {
  const config = dailyConfig({ columns: { promotion: 'promo', price: 'price' } });
  const header = 'date,item,qty,promo,price';
  const lines = [
    ...dailyLines(['a'], (day) => `${pattern(day, 0)},${day % 10 === 0 ? 'yes' : 'no'},${day % 10 === 0 ? 2 : 4}`),
    ...dailyLines(['b'], (day) => (day % 2 === 0 ? `${pattern(day, 0)},${day % 10 === 0},4` : undefined)),
  ];
  const data = await load(lines, config, header);
  const future = (index: number, step: number, channel: number) =>
    data.test.batch([index]).future[step * PERIOD_CHANNELS + channel] as number;
  const planned = originAt(data.test, '2024-05-01', 'a');
  const origin = dayNumber('2024-05-01');
  for (let step = 0; step < 28; step += 1) {
    expect(future(planned, step, CHANNEL.promotion)).toBe((origin + step) % 10 === 0 ? 1 : 0);
    expect(future(planned, step, CHANNEL.relativePrice)).toBe(future(planned, 0, CHANNEL.relativePrice));
    expect(future(originAt(data.test, '2024-05-01', 'b'), step, CHANNEL.promotion)).toBe(0);
  }
  expect(future(planned, 0, CHANNEL.relativePrice)).toBe(past(data, data.test, planned, 1, CHANNEL.relativePrice));
  expect(data.report.findings.map(({ sentence }) => sentence).join(' ')).toContain('write a line with quantity 0');
  const channels = new Set([
    CHANNEL.value,
    CHANNEL.observed,
    CHANNEL.nonZero,
    CHANNEL.stockOut,
    CHANNEL.inventory,
    CHANNEL.returns,
    CHANNEL.views,
  ]);
  const { future: numbers } = data.test.batch(everyIndex(data.test));
  expect(numbers.every((value, at) => !channels.has((at % PERIOD_CHANNELS) as never) || value === 0)).toBe(true);
});

test('outliers are cut in training only, and history keeps them', async () => {
  const spike = (date: string) => (day: number) => `${day === dayNumber(date) ? 5000 : pattern(day, 0)}`;
  const data = await load(dailyLines(['a'], spike('2024-02-10')));
  expect(data.cleaning.outliersCut).toBe(1);
  expect(Math.max(...data.train.batch(everyIndex(data.train)).target)).toBeLessThan(500);
  expect(Math.max(...data.history('test', 0))).toBe(5000);
  const later = await load(dailyLines(['a'], spike('2024-05-10')));
  expect(later.cleaning.outliersCut).toBe(0);
  expect(Math.max(...later.test.batch(everyIndex(later.test)).target)).toBe(5000);
});

test('duplicates: a ledger has one line a day and item, so that a second one like it is a copy', async () => {
  const lines = plain();
  const data = await load([...lines, ...lines.slice(10, 13)]);
  expect(data.cleaning).toMatchObject({
    rowsRead: lines.length + 3,
    rowsUsed: lines.length,
    duplicatesRemoved: 3,
    identicalKept: 0,
  });
});

test('duplicates: without anything that tells sales apart, identical lines are sales', async () => {
  const singles = dailyLines(['a', 'b', 'c'], () => '1');
  const units = await load([...singles, ...singles.slice(10, 40)]);
  expect(units.cleaning).toMatchObject({ duplicatesRemoved: 0, identicalKept: 30 });
  const mixed = [...plain(), ...dailyLines(['a', 'b', 'c'], (day, item) => `${2 + ((day + item) % 5)}`)];
  const orders = await load(mixed);
  expect(orders.cleaning.duplicatesRemoved).toBe(0);
  expect(orders.cleaning.identicalKept).toBeGreaterThan(0);
});

test('duplicates: an order number or a time of day tells sales apart', async () => {
  const lines = dailyLines(['a', 'b'], (day, item) => `1,o${day}-${item}`);
  const config = dailyConfig({ columns: { order: 'order' } });
  const numbered = await load([...lines, ...lines.slice(0, 5)], config, 'date,item,qty,order');
  expect(numbered.cleaning).toMatchObject({ duplicatesRemoved: 5, identicalKept: 0 });
  const timed = dailyLines(['a'], () => '1').map((line, index) => line.replace(',', ` 09:${10 + (index % 50)}:00,`));
  expect((await load([...timed, ...timed.slice(0, 7)])).cleaning.duplicatesRemoved).toBe(7);
});

test('duplicates: a day that was copied whole counts once', async () => {
  const items = Array.from({ length: 25 }, (_, index) => `item${index}`);
  const lines = [...dailyLines(items, () => '1'), ...dailyLines(items, () => '3')];
  const copied = lines.filter((line) => line.startsWith('2024-02-10'));
  const data = await load([...lines, ...copied]);
  expect(copied.length).toBe(50);
  expect(data.cleaning).toMatchObject({ duplicatesRemoved: 50, identicalKept: 0 });
});

test('files that overlap are cut, another merchant is left out, a missing day is filled with zero', async () => {
  const columns = { date: 'date', item: 'item', quantity: 'qty', merchant: 'who' };
  const lines = dailyLines(['a', 'b'], (day, item) => (day % 3 === 0 ? undefined : `${pattern(day, item)},us`));
  await room.write('old.csv', ['date,item,qty,who', ...lines, '2024-01-09,z,9,them'].join('\n'));
  await room.write('new.csv', ['date,item,qty,who', ...lines, '2024-06-09,z,x,them'].join('\n'));
  const config = dailyConfig({
    merchant: 'us',
    sources: [
      { file: 'old.csv', columns, before: '2024-03-01' },
      { file: 'new.csv', columns, from: '2024-03-01' },
    ],
  });
  const data = await loadMerchantData(config, room.folder);
  expect(data.rows).toBe(lines.length);
  const first = FIRST_DAY % 3 === 0 ? FIRST_DAY + 1 : FIRST_DAY;
  const last = LAST_DAY % 3 === 0 ? LAST_DAY - 1 : LAST_DAY;
  expect(data.cleaning.missingPeriodsFilled).toBe((last - first + 1) * 2 - lines.length);
  expect(data.firstPeriod).toBe(isoDate(first));
});

test('by week: sums from Monday on, an unfinished week is left out, a split date inside a week is told', async () => {
  const start = dayNumber('2022-01-03');
  const end = dayNumber('2024-06-26');
  const lines = Array.from({ length: end - start + 1 }, (_, index) => `${isoDate(start + index)},a,${1 + (index % 4)}`);
  const config = dataConfigSchema.parse({
    ...dailyConfig(),
    frequency: 'week',
    validFrom: '2023-12-01',
    testFrom: '2024-04-01',
  });
  const data = await load(lines, config);
  expect(data).toMatchObject({ firstPeriod: '2022-01-03', lastPeriod: '2024-06-17', horizonPeriods: 8, season: 52 });
  expect(data.cleaning.incompletePeriods).toBe(1);
  expect(data.report.findings.map(({ sentence }) => sentence).join(' ')).toContain(
    'validFrom (2023-12-01) lies inside a week',
  );
  expect(data.validation.describe(0).originPeriod).toBe('2023-12-04');
  const trainEnd = dayNumber(data.train.describe(data.train.count - 1).originPeriod) + 8 * 7;
  expect(isoDate(trainEnd)).toBe('2023-11-27');
  const history = data.history('test', 0);
  expect(history[0]).toBe(1 + 2 + 3 + 4 + 1 + 2 + 3);
  const { target, targetObserved } = data.test.batch([0]);
  expect(target.length).toBe(14);
  expect([...targetObserved]).toEqual([...Array(8).fill(1), ...Array(6).fill(0)]);

  const stamped = lines.filter((line) => new Date(line.slice(0, 10)).getUTCDay() === 1);
  expect((await load(stamped, config)).lastPeriod).toBe('2024-06-24');
});

test('by month: a horizon of six months in one patch', async () => {
  const months = Array.from({ length: 60 }, (_, index) =>
    new Date(Date.UTC(2019, index, 1)).toISOString().slice(0, 10),
  );
  const lines = months.flatMap((month, index) => [`${month},a,${5 + (index % 12)}`, `${month},b,${(index * 3) % 7}`]);
  const config = dataConfigSchema.parse({
    ...dailyConfig(),
    frequency: 'month',
    validFrom: '2022-07-01',
    testFrom: '2023-01-01',
  });
  const data = await load(lines, config);
  expect(data).toMatchObject({ firstPeriod: '2019-01-01', lastPeriod: '2023-12-01', horizonPeriods: 6, season: 12 });
  expect(data.test.count).toBe(4);
  expect([...data.test.batch([0]).targetObserved]).toEqual([1, 1, 1, 1, 1, 1, 0]);
  expect([...data.test.batch([0]).target.subarray(0, 6)]).toEqual([5, 6, 7, 8, 9, 10]);
});

test("an index outside a set is the caller's mistake", async () => {
  const data = await load(plain());
  expect(() => data.train.batch([data.train.count])).toThrow(RangeError);
  expect(() => data.test.describe(-1)).toThrow(RangeError);
  expect(() => data.history('test', data.test.count)).toThrow(RangeError);
});

test('equal data has an equal digest, other quantities, prices or split dates another', async () => {
  const priced = (price: (line: string) => string) => plain().map((line) => `${line},${price(line)}`);
  const config = dailyConfig({ columns: { price: 'price' } });
  const digestOf = async (lines: readonly string[], read = config) =>
    (await load(lines, read, 'date,item,qty,price')).digest;
  const lines = priced(() => '2');
  const digest = await digestOf(lines);
  expect(await digestOf(lines)).toBe(digest);
  const others = [
    await digestOf(lines.map((line) => line.replace('2024-03-05,a,', '2024-03-05,a,1'))),
    await digestOf(priced((line) => (line.startsWith('2024-03-05,a') ? '3' : '2'))),
    await digestOf(lines, dailyConfig({ columns: { price: 'price' }, validFrom: '2024-04-02' })),
    await digestOf(lines, dailyConfig()),
  ];
  expect(new Set([digest, ...others]).size).toBe(5);
});
