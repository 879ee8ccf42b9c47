import { PERIOD_CHANNELS } from '@hansa/shared/model/jobs/demand';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { dayNumber } from '../../../data/days.ts';
import { scratch } from '../../../data/scratch.ts';
import { type DataConfig, dataConfigSchema } from '../config.ts';
import { CHANNEL, type MerchantData } from '../windows.ts';
import { periodOf } from './calendar.ts';
import { publicHolidays } from './holidays.ts';
import { loadMerchantData } from './merchantData.ts';
import { dailyConfig, dailyLines } from './orderFixtures.ts';

let room: Awaited<ReturnType<typeof scratch>>;
beforeEach(async () => {
  room = await scratch();
});
afterEach(() => room.remove());

const NOW = Date.parse('2024-07-01T12:00:00Z');
// The file ends on 2024-06-30; promotions have tripled sales on every tenth day.
const isPromoted = (day: number) => day % 10 === 0;
const good = dailyLines(['a', 'b'], (day, item) => `${(isPromoted(day) ? 3 : 1) * (4 + ((day * 3 + item) % 3))}`);
const dayOf = (date: string) => dayNumber(date);

async function load(
  plan: readonly string[],
  columns: Record<string, string> = {},
  changes: object = {},
): Promise<MerchantData> {
  await room.write('orders.csv', ['date,item,qty', ...good].join('\n'));
  await room.write('plan.csv', plan.join('\n'));
  const config = dataConfigSchema.parse({
    ...dailyConfig(),
    plan: { file: 'plan.csv', columns: { date: 'date', ...columns } },
    ...changes,
  });
  return loadMerchantData(config as DataConfig, room.folder, { now: NOW });
}

const history = dailyLines(['a'], (day) => (isPromoted(day) ? '1' : '0')).map((line) => {
  const [date, , promoted] = line.split(',');
  return `${date},,${promoted}`;
});
const ahead = (data: MerchantData, series: number, step: number, channel: number) =>
  data.now.batch([series]).future[step * PERIOD_CHANNELS + channel] as number;

describe('a plan', () => {
  test('tells promotions ahead, for all items or for one, and what they have done before raises the forecast', async () => {
    const plan = ['date,item,promo', ...history, '2024-07-04,,yes', '2024-07-06,a,1', '2024-07-06,,0'];
    const data = await load(plan, { item: 'item', promotion: 'promo' });
    expect(ahead(data, 0, 3, CHANNEL.promotion)).toBe(1);
    expect(ahead(data, 1, 3, CHANNEL.promotion)).toBe(1);
    expect(ahead(data, 0, 5, CHANNEL.promotion)).toBe(1);
    expect(ahead(data, 1, 5, CHANNEL.promotion)).toBe(0);
    const { effects } = data.now.batch([0]);
    expect(effects[3]! - effects[2]!).toBeGreaterThan(0.5);
    expect(effects[5]! - effects[2]!).toBeGreaterThan(0.5);
  });

  test('tells prices ahead, in place of the last one', async () => {
    const prices = history.map((line) => `${line.slice(0, 10)},,${isPromoted(dayOf(line.slice(0, 10))) ? '2' : '4'}`);
    const data = await load(['date,item,eur', ...prices, '2024-07-03,,2'], { item: 'item', price: 'eur' });
    expect(ahead(data, 0, 2, CHANNEL.relativePrice)).toBeLessThan(-0.4);
    expect(Math.abs(ahead(data, 0, 1, CHANNEL.relativePrice) - ahead(data, 0, 3, CHANNEL.relativePrice))).toBe(0);
    const { effects } = data.now.batch([0]);
    expect(effects[2]! - effects[1]!).toBeGreaterThan(0.3);
  });

  test('tells closed days, on which nothing is forecast', async () => {
    const data = await load(['date,closed', '2024-07-02,true', '2024-07-05,0.5'], { closed: 'closed' });
    expect([1, 4].map((step) => ahead(data, 0, step, CHANNEL.closed))).toEqual([1, 0.5]);
    const { anchors, scale } = data.now.batch([0]);
    expect(scale[0]).toBeGreaterThan(1);
    // Each period's first anchor: 14 numbers, six anchors, 14 rows a patch.
    const median = (step: number) => anchors[step * 6 * 14 + 6]!;
    expect(median(1)).toBe(0);
    expect(median(0)).toBeGreaterThan(0);
  });

  test('is not seen before the day on which it was known', async () => {
    const lines = [
      'date,item,promo,known',
      '2024-05-10,,1,2024-05-20',
      '2024-05-12,,1,2024-04-30',
      '2024-05-14,,1,2024-05-01',
      '2024-05-16,,1,',
    ];
    const data = await load(lines, { item: 'item', promotion: 'promo', known: 'known' });
    const { future } = data.test.batch([0]);
    expect(data.test.describe(0).originPeriod).toBe('2024-05-01');
    const seen = [9, 11, 13, 15].map((step) => future[step * PERIOD_CHANNELS + CHANNEL.promotion]);
    // Known on the day of the origin itself is too late: the day may have been over.
    expect(seen).toEqual([0, 1, 0, 1]);
  });

  test('is cut to the days that its source keeps', async () => {
    await load(['date,promo', '2024-07-02,1', '2024-07-03,1', '2024-07-04,1'], { promotion: 'promo' });
    const config = dataConfigSchema.parse({
      ...dailyConfig(),
      plan: {
        file: 'plan.csv',
        columns: { date: 'date', promotion: 'promo' },
        from: '2024-07-03',
        before: '2024-07-04',
      },
    });
    const data = await loadMerchantData(config, room.folder, { now: NOW });
    expect([1, 2, 3].map((step) => ahead(data, 0, step, CHANNEL.promotion))).toEqual([0, 1, 0]);
  });

  test('changes nothing where it says nothing, and another plan has another digest', async () => {
    const far = await load(['date,closed', '2030-01-01,1'], { closed: 'closed' });
    const without = await loadMerchantData(dailyConfig(), room.folder, { now: NOW });
    for (const key of ['past', 'future', 'anchors', 'effects'] as const) {
      expect(far.test.batch([0])[key]).toEqual(without.test.batch([0])[key]);
    }
    const near = await load(['date,closed', '2024-07-02,1'], { closed: 'closed' });
    expect(new Set([without.digest, far.digest, near.digest]).size).toBe(3);
  });

  test.each([
    ['date', '2024-13-01,a,1,2', '"2024-13-01" is no date'],
    ['promo', '2024-07-01,a,maybe,2', '"maybe" is neither true or false'],
    ['price', '2024-07-01,a,1,-2', '"-2" is no price above 0'],
  ])('with a fault in %s is refused with file, row and column', async (column, line, message) => {
    const refused = load(['date,item,promo,price', '2024-07-01,a,1,2', line], {
      item: 'item',
      promotion: 'promo',
      price: 'price',
    });
    await expect(refused).rejects.toThrow(`plan.csv, row 3, column "${column}": ${message}`);
  });

  test('that plans nothing is refused by the configuration', () => {
    const parsed = dataConfigSchema.safeParse({
      ...dailyConfig(),
      plan: { file: 'plan.csv', columns: { date: 'date' } },
    });
    expect(parsed.error?.issues[0]?.message).toContain('must name a column that is planned');
  });
});

describe('public holidays', () => {
  const share = async (country: string, date: string, region?: string) =>
    (await publicHolidays({ country, ...(region !== undefined && { region }) }, 'day'))(dayOf(date));

  test.each([
    ['DE', '2024-10-03', undefined, 1],
    ['DE', '2024-11-01', undefined, 0],
    ['DE', '2024-11-01', 'BY', 1],
    ['BR', '2024-09-07', undefined, 1],
    ['CN', '2024-10-02', undefined, 1],
    ['US', '2024-07-04', undefined, 1],
    ['US', '2024-07-05', undefined, 0],
  ])('%s on %s in %s', async (country, date, region, expected) => {
    expect(await share(country, date, region)).toBe(expected);
  });

  test('of a week are a share of its days', async () => {
    const of = await publicHolidays({ country: 'DE' }, 'week');
    expect(of(periodOf('week', dayOf('2024-12-25')))).toBeCloseTo(2 / 7, 9);
  });

  test('stand in every window, and what they did before is learned', async () => {
    const data = await load(['date,closed', '2030-01-01,1'], { closed: 'closed' }, { holidays: { country: 'DE' } });
    const christmas = data.test.batch([0]).future;
    expect(christmas[8 * PERIOD_CHANNELS + CHANNEL.holiday]).toBe(1); // 2024-05-09, Ascension Day
    expect(christmas[9 * PERIOD_CHANNELS + CHANNEL.holiday]).toBe(0);
  });

  test.each([
    [{ country: 'XX' }, 'data.holidays.country is "XX"'],
    [{ country: 'DE', region: 'ZZ' }, 'data.holidays.region is "ZZ", of which no holidays are known; known are BB'],
  ])('of %j are refused', async (holidays, message) => {
    await expect(publicHolidays(holidays, 'day')).rejects.toThrow(message);
  });
});
