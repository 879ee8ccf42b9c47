import { HansaError } from '@hansa/shared/errors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dayNumber, isoDate } from '../../../data/days.ts';
import { scratch } from '../../../data/scratch.ts';
import { allOf } from '../baselines/allOf.ts';
import { riskConfigSchema } from '../config.ts';
import type { OrderBatch } from '../orders.ts';
import { source } from '../source.ts';
import { loadOrders } from './loadOrders.ts';
import { FIRST_DAY, HEADER, lateOrders, riskConfig } from './orderFixtures.ts';

let room: Awaited<ReturnType<typeof scratch>>;
beforeEach(async () => {
  room = await scratch();
});
afterEach(() => room.remove());

const orders = lateOrders('load');
const write = (lines: readonly string[], header = HEADER) => room.write('orders.csv', [header, ...lines].join('\n'));
const cells = (line: string) => line.split(',');
const load = (config = riskConfig()) => loadOrders(config, room.folder);

async function refusal(config = riskConfig()): Promise<string> {
  const error = await load(config).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(HansaError);
  expect(error).toMatchObject({ code: 'InvalidData', exitStatus: 2 });
  return (error as HansaError).message;
}

describe('loadOrders', () => {
  it('splits by promised day and knows who was late', async () => {
    await write(orders);
    const data = await load();
    const promised = orders.map((line) => cells(line)[2]!);
    const late = orders.map((line) => (cells(line)[3]! > cells(line)[2]! ? 1 : 0));
    const share = (from: string, before: string) =>
      promised.flatMap((day, order) => (day >= from && day < before ? [late[order]!] : []));
    const expected = {
      train: share('', '2024-06-01'),
      validation: share('2024-06-01', '2024-07-01'),
      test: share('2024-07-01', '9'),
    };
    for (const split of ['train', 'validation', 'test'] as const) {
      const found = allOf(data[split]).late;
      expect(found.length).toBe(expected[split].length);
      expect(found.reduce((sum, is) => sum + is, 0)).toBe(expected[split].reduce((sum, is) => sum + is, 0));
    }
    expect(data.rows).toBe(600);
    expect(data.report.summary[1]).toContain(`${expected.train.length} to train`);
    const base = expected.train.reduce((sum, is) => sum + is, 1) / (expected.train.length + 10);
    expect(allOf(data.test).base[0]).toBeCloseTo(Math.log(base / (1 - base)), 5);
  });

  it("gives each order the past late rates of a plain count over orders known before the order's day", async () => {
    await write(orders);
    const data = await load(riskConfig({ testFrom: '2024-06-02', validFrom: '2024-01-10' }));
    const table = orders.map((line) => {
      const [, ordered, promised, delivered, vendor] = cells(line).map((cell, at) =>
        at > 0 && at < 4 ? dayNumber(cell) : cell,
      ) as [string, number, number, number, string];
      return { ordered, promised, known: Math.min(delivered, promised + 1), late: delivered > promised, vendor };
    });
    const expected = table
      .filter(({ promised }) => promised >= dayNumber('2024-06-02'))
      .map(({ ordered, vendor }) => {
        const before = table.filter(({ known }) => known < ordered);
        const same = before.filter((other) => other.vendor === vendor);
        const share = (before.filter(({ late }) => late).length + 2) / (before.length + 20);
        const own = (same.filter(({ late }) => late).length + 10 * share) / (same.length + 10);
        const logit = (of: number) => Math.log(of / (1 - of));
        return [logit(share), logit(own) - logit(share), Math.log1p(same.length) / 5];
      });
    const { running, pastRates, pastCounts, count } = allOf(data.test);
    // Categories in the order of their names: mode, vendor.
    const found = Array.from({ length: count }, (_, at) => [
      running[at]!,
      pastRates[2 * at + 1]!,
      pastCounts[2 * at + 1]!,
    ]);
    const sorted = (rows: number[][]) => rows.map((row) => row.map((value) => value.toFixed(4)).join()).sort();
    expect(sorted(found)).toEqual(sorted(expected));
  });

  it("keeps an order's outcome out of its own features where the file has it promised and delivered before its day, and warns", async () => {
    const alone = Array.from({ length: 40 }, (_, at) => {
      const [ordered, promised] = [FIRST_DAY + 160 + at, FIRST_DAY + 156 + at];
      const delivered = at % 2 === 0 ? promised - 1 : promised + 1;
      return [`e${at}`, ...[ordered, promised, delivered].map(isoDate), `Only ${at}`, 'Air', 5, 'Item'].join(',');
    });
    await write([...orders, ...alone]);
    const data = await load(riskConfig());
    const { pastRates, pastCounts, count } = allOf(data.validation);
    const vendors = Array.from({ length: count }, (_, at) => [pastRates[2 * at + 1]!, pastCounts[2 * at + 1]!]);
    // No other order has the vendor of one of these.
    expect(vendors.filter(([rate, known]) => rate === 0 && known === 0).length).toBeGreaterThan(20);
    expect(data.report.findings.map(({ sentence }) => sentence).join()).toContain(
      '40 orders were promised for, or delivered on, a day before',
    );
  });

  it('shows nothing of an outcome before the day on which it is known', async () => {
    const day = FIRST_DAY + 120;
    const later = orders.map((line) => {
      const [id, ordered, promised, delivered, ...rest] = cells(line) as [string, string, string, string, ...string[]];
      const known = Math.min(dayNumber(delivered), dayNumber(promised) + 1);
      // Whatever was not known before the day turns out otherwise; in time is possible only where the promised day has not gone by.
      const inTime = dayNumber(promised) >= day ? promised : delivered;
      const other = delivered > promised ? inTime : isoDate(dayNumber(promised) + 3);
      return [id, ordered, promised, known < day ? delivered : other, ...rest].join(',');
    });
    const splits = riskConfig({ validFrom: isoDate(day - 60), testFrom: isoDate(day - 59) });
    const seen = async (lines: string[]) => {
      await write(lines);
      const data = await load(splits);
      const batch = allOf(data.test);
      const width = (column: Float32Array) => column.length / batch.count;
      const placed = [...lines]
        .filter((line) => dayNumber(cells(line)[2]!) >= day - 59)
        .sort(
          (a, b) =>
            cells(a)[2]!.localeCompare(cells(b)[2]!) ||
            cells(a)[1]!.localeCompare(cells(b)[1]!) ||
            (cells(a)[0]! < cells(b)[0]! ? -1 : 1),
        );
      return placed.flatMap((line, at) => {
        const { running, pastRates, pastCounts, numbers } = batch;
        const row = (column: Float32Array) => [...column.subarray(at * width(column), (at + 1) * width(column))];
        return dayNumber(cells(line)[1]!) <= day ? [[running, pastRates, pastCounts, numbers].flatMap(row)] : [];
      });
    };
    const before = await seen(orders);
    expect(before.length).toBeGreaterThan(100);
    expect(await seen(later)).toEqual(before);
  });

  it('takes whether an order was late from a column of its own, as known from the day after the promised one', async () => {
    const header = 'id,ordered,promised,late,vendor,mode,kilos,item';
    const labelled = orders.map((line) => {
      const row = cells(line);
      return [...row.slice(0, 3), row[3]! > row[2]! ? 'Yes' : 'no', ...row.slice(4)].join(',');
    });
    await write(labelled, header);
    const byLabel = allOf((await load(riskConfig({ columns: { delivered: undefined, late: 'late' } }))).test);
    const onPromise = orders.map((line) => {
      const row = cells(line);
      // Delivered on the next day, or known then: the same day tells.
      const delivered = row[3]! > row[2]! ? isoDate(dayNumber(row[2]!) + 1) : row[2]!;
      return [...row.slice(0, 3), delivered, ...row.slice(4)].join(',');
    });
    await write(onPromise);
    const byDay = allOf((await load()).test);
    expect(byLabel.late).toEqual(byDay.late);
    expect(byLabel.base).toEqual(byDay.base);
  });

  it('leaves out orders without an outcome and repeated lines, counts words in a number column as missing, and says so', async () => {
    const open = orders.map((line, at) => {
      const row = cells(line);
      if (at % 10 === 0) row[3] = '';
      if (at % 10 === 1) row[6] = 'See other line';
      if (at % 10 === 2) row[6] = '';
      return row.join(',');
    });
    await write([...open, ...open.slice(1, 4)]);
    const data = await load();
    expect(data.report.cleaning).toEqual([
      '603 lines read, 540 orders used',
      'duplicates: 3 lines that repeat another one removed',
      'without an outcome: 60 orders left out',
      'weight: missing in 120 orders (60 cells are empty, 60 hold no number)',
    ]);
    const { numbers, present, count } = allOf(data.train);
    expect(present.filter((is) => is === 0).length / count).toBeCloseTo(120 / 540, 1);
    numbers.forEach((value, at) => {
      if (present[at] === 0) expect(value).toBe(0);
      expect(Math.abs(value)).toBeLessThanOrEqual(4);
    });
  });

  it('holds out the last 30 % of the orders where no days are given', async () => {
    await write(orders);
    const { train, validation, test } = await load(riskConfig({ validFrom: undefined, testFrom: undefined }));
    expect(train.count / 600).toBeCloseTo(0.7, 1);
    expect(validation.count / 600).toBeCloseTo(0.15, 1);
    expect(test.count / 600).toBeCloseTo(0.15, 1);
  });

  it('reads one merchant of a shared file, and Parquet-like gaps in categories and texts as values of their own', async () => {
    const shared = orders.map((line, at) => `${line.replace(/,Air,/, ',,')},${at % 2 === 0 ? 'North' : 'South'}`);
    await write(shared, `${HEADER},shop`);
    const data = await load(riskConfig({ columns: { merchant: 'shop' }, merchant: 'South' }));
    expect(data.rows).toBe(300);
    expect(new Set([...allOf(data.train).categories].filter((_, at) => at % 2 === 0)).size).toBe(2);
    expect(await refusal(riskConfig({ columns: { merchant: 'shop' }, merchant: 'West' }))).toContain(
      'No order of this merchant (data.merchant) lies within',
    );
  });

  it('means the same by equal values at every merchant, and draws training orders in an order that only the data tells', async () => {
    await write(orders);
    const first = await load();
    await write(lateOrders('other'));
    const second = await load();
    const values = (batch: OrderBatch) => [...new Set(batch.categories)].sort();
    expect(values(allOf(first.train))).toEqual(values(allOf(second.train)));
    expect(second.digest).not.toBe(first.digest);
    await write(orders.toReversed());
    const again = await load();
    expect(again.digest).toBe(first.digest);
    expect(allOf(again.train)).toEqual(allOf(first.train));
    // Not by promised day: the leads of the first orders are not the least ones.
    expect([...allOf(first.train).running]).not.toEqual([...allOf(first.train).running].sort());
  });

  it.each([
    ['no order number', [0, ''], 'row 12, column "id": an empty cell is no order number'],
    ['a day of the order that is none', [1, '31/12/2024'], 'row 12, column "ordered": "31/12/2024" is no date'],
    ['a promised day that is none', [2, '2024-02-30'], 'row 12, column "promised": "2024-02-30" is no date'],
    ['no promised day', [2, ''], 'row 12, column "promised": an empty cell is no date'],
    ['a day of delivery in words', [3, 'soon'], 'row 12, column "delivered": "soon" is no date'],
  ] as const)('refuses %s, with row, column and value', async (_, [column, value], message) => {
    const wrong = orders.map((line, at) => (at === 10 ? cells(line).with(column, value).join(',') : line));
    await write(wrong);
    expect(await refusal()).toContain(`orders.csv, ${message}`);
  });

  it('refuses columns that do not say what they should', async () => {
    await write(orders);
    expect(await refusal(riskConfig({ columns: { numbers: { weight: 'item' } } }))).toContain(
      'orders.csv, column "item": no cell holds a number',
    );
    expect(await refusal(riskConfig({ columns: { delivered: undefined, late: 'mode' } }))).toContain(
      'is neither true nor false, and so in 599 more rows',
    );
    expect(await refusal(riskConfig({ columns: { weight: 'mode' } }))).toContain('is no number above 0');
    expect(await refusal(riskConfig({ columns: { categories: { vendor: 'Vendor' } } }))).toContain(
      'orders.csv has no column "Vendor" (categories.vendor)',
    );
  });

  it('refuses orders that leave nothing to learn from', async () => {
    await write(orders);
    expect(await refusal(riskConfig({ validFrom: '2023-01-01', testFrom: '2024-07-01' }))).toContain(
      'No order with a known outcome was promised before validFrom (2023-01-01); the first was promised for 2024-01-',
    );
    await write(orders.map((line) => cells(line).with(3, '').join(',')));
    expect(await refusal()).toContain('No order has a known outcome');
  });

  it('stops when it is asked to', async () => {
    await write(orders);
    await expect(loadOrders(riskConfig(), room.folder, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'Interrupted',
    });
  });
});

describe('the configuration of risk', () => {
  const good = { job: 'risk', sources: riskConfig().sources };
  const columns = good.sources[0]!.columns;
  const refusedFor = (value: object) => riskConfigSchema.safeParse(value).error?.issues.map(({ message }) => message);

  it('is refused with what is wrong with it', () => {
    const withColumns = (changes: object) => ({
      ...good,
      sources: [{ file: 'orders.csv', columns: { ...columns, ...changes } }],
    });
    expect(refusedFor(good)).toBeUndefined();
    expect(refusedFor(withColumns({ late: 'late' }))).toEqual([expect.stringContaining('must name either')]);
    expect(refusedFor(withColumns({ delivered: undefined }))).toEqual([expect.stringContaining('must name either')]);
    expect(refusedFor({ ...good, validFrom: '2024-01-01' })).toEqual(['goes with validFrom: give both or neither']);
    expect(refusedFor({ ...good, validFrom: '2024-02-01', testFrom: '2024-01-01' })).toEqual([
      'must be later than validFrom',
    ]);
    expect(refusedFor({ ...good, merchant: 'North' })).toEqual([expect.stringContaining('every source must name')]);
    expect(refusedFor({ ...good, carrier: 'ship' })).toEqual([expect.stringContaining('one of the names under')]);
    expect(refusedFor(withColumns({ numbers: {}, categories: {} }))).toEqual([
      expect.stringContaining('there is nothing to forecast from'),
    ]);
    expect(
      refusedFor({ ...good, sources: [good.sources[0], { file: 'b.csv', columns: { ...columns, texts: {} } }] }),
    ).toEqual([expect.stringContaining('must all name the same')]);
    expect(refusedFor(withColumns({ numbers: { Weight: 'kilos' } }))).toBeDefined();
  });

  it("serves the tasks whose columns it names, in whatever order, and says what is not one of a task's", async () => {
    await write(orders);
    const { report } = await load();
    const task = { kind: 'risk' as const, numbers: ['weight'], categories: ['vendor', 'mode'], texts: ['item'] };
    expect(source.refusal(task, report)).toBeUndefined();
    expect(source.refusal({ ...task, categories: ['vendor'] }, report)).toContain(
      "the task's orders have the categories vendor, and this node's configuration names mode, vendor",
    );
    expect(source.refusal({ ...task, texts: [] }, report)).toContain('have the texts none');
  });
});
