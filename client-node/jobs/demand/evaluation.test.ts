import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { scratch } from '../../data/scratch.ts';
import { simpleForecasts } from './baselines/index.ts';
import { demandEvaluation } from './evaluation.ts';
import { loadMerchantData } from './load/merchantData.ts';
import { dailyConfig, dailyLines } from './load/orderFixtures.ts';

let room: Awaited<ReturnType<typeof scratch>>;
beforeEach(async () => {
  room = await scratch();
});
afterEach(() => room.remove());

/** Items with the pattern of a week, and one that sells every fifth day. */
async function load(weeklyItems = 1) {
  const items = Array.from({ length: weeklyItems }, (_, item) => `a${item}`);
  const weekly = dailyLines(items, (day) => `${4 + (day % 7)}`);
  const rare = dailyLines(['b'], (day) => (day % 5 === 0 ? '6' : '0'));
  await room.write('orders.csv', ['date,item,qty', ...weekly, ...rare].join('\n'));
  return loadMerchantData(dailyConfig(), room.folder);
}

test.each(['validation', 'test'] as const)('every simple forecast is scored on %s, by every metric', async (split) => {
  const scores = await demandEvaluation.scoreBaselines(await load(), split, undefined);
  expect([...scores.keys()]).toEqual(simpleForecasts.map(({ name }) => name));
  expect(demandEvaluation.baselines.map(({ name }) => name)).toEqual([...scores.keys()]);
  for (const { values, loss } of scores.values()) {
    expect(loss).toBe(values.wql);
    for (const { name } of demandEvaluation.metrics) expect(values[name]).toEqual(expect.any(Number));
  }
  const of = (name: string) => scores.get(name)!.values;
  expect(of('zero')).toMatchObject({
    wql: expect.closeTo(1, 9),
    wape: expect.closeTo(1, 9),
    bias: expect.closeTo(-1, 9),
  });
  // The week repeats itself, and the items' days are read off its weekdays.
  for (const name of ['seasonalNaive', 'empirical13', 'ets']) expect(of(name).wql).toBeLessThan(of('tsb').wql!);
});

test('scoring gives way to other work, and ends where it is told to', async () => {
  const data = await load(60);
  expect(data.test.count).toBeGreaterThan(100);
  const stop = new AbortController();
  let turns = 0;
  const scoring = demandEvaluation.scoreBaselines(data, 'test', stop.signal);
  const other = (async () => {
    for (; turns < 2; turns += 1) await setImmediate();
    stop.abort();
  })();
  await expect(scoring).rejects.toMatchObject({ code: 'Interrupted' });
  await other;
  expect(turns).toBe(2);
});
