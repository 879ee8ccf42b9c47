import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { scratch } from '../data/scratch.ts';
import { forecastOf, streamOf } from '../forecasting/fixtures.ts';
import { configOf, stockOf } from './fixtures.ts';
import { makePlan } from './makePlan.ts';
import { planPage } from './page/planPage.ts';
import { planCsv, planJson } from './planFiles.ts';
import { exceptionKinds, type PlanRow } from './planRow.ts';
import { readPrevious } from './readPrevious.ts';
import { type StockLine, stockKey } from './stockLine.ts';
import { reasonOf } from './words.ts';

async function planOf(changes: readonly Partial<StockLine>[]) {
  const lines = changes.map((change) => stockOf(change));
  const forecasts = lines.map(({ item }) => forecastOf({ item, name: item }));
  return makePlan(streamOf(...forecasts), new Map(lines.map((line) => [stockKey(line), line])), { config: configOf() });
}
const textOf = (pieces: Iterable<string>) => [...pieces].join('');

describe('reasons', () => {
  it('say what is there, what will be sold, and what follows', async () => {
    const { rows } = await planOf([{ onHand: 3, onOrder: 2, backorders: 1 }]);
    expect(reasonOf(rows[0]!, 'en')).toBe(
      '4 at disposal: 3 on hand, 2 on order, less 1 that customers wait for. Before an order placed at the next chance arrives, 14 days from now, ' +
        '7.7 are expected to sell; 9 are enough in 90 of 100 cases. Order 5. In 30 of 100 cases it sells out before an order of today arrives.',
    );
    expect(reasonOf(rows[0]!, 'zh')).toContain('订购 5。');
  });

  it('say why nothing is ordered, and every exception has words in both languages', async () => {
    const { rows } = await planOf([{ onHand: 12 }]);
    expect(reasonOf(rows[0]!, 'en')).toContain('No order is needed.');
    const { rows: dear } = await planOf([{ packSize: 40, holdingCost: 36.5, shortageCost: 0.7 }]);
    expect(reasonOf(dear[0]!, 'en')).toContain('would cost more than it saves');
    for (const kind of exceptionKinds)
      for (const language of ['en', 'zh'] as const) {
        const row: PlanRow = { ...rows[0]!, exceptions: [kind] };
        expect(reasonOf(row, language), kind).not.toBe(reasonOf(rows[0]!, language));
      }
    expect(reasonOf({ ...rows[0]!, kept: true }, 'en')).toContain('The order of the plan before stays');
  });
});

describe('files of a plan', () => {
  let room: Awaited<ReturnType<typeof scratch>>;
  beforeEach(async () => {
    room = await scratch();
  });
  afterEach(() => room.remove());

  it('are read again as the plan before, whatever an item is called', async () => {
    const names = ['tea', '=1+1', "'quoted", 'a, "b"\nc', '-5', '茶'];
    const plan = await planOf(names.map((item, at) => ({ item, onHand: at })));
    const expected = new Map(plan.rows.map((row) => [stockKey(row), { order: row.order, onOrder: row.onOrder }]));
    const json = await readPrevious(await room.write('plan.json', textOf(planJson(plan, 'zh'))));
    expect(json).toEqual(expected);
    const csv = await readPrevious(await room.write('plan.csv', textOf(planCsv(plan, 'en'))));
    // A line break in a name is a space to whoever reads a table.
    expect([...csv.keys()].map((key) => key.split('\0')[0]).sort()).toEqual(
      ['tea', '=1+1', "'quoted", 'a, "b" c', '-5', '茶'].sort(),
    );
    expect([...csv.values()]).toEqual([...expected.values()]);
  });

  it('have a reason in every row, and no cell that a spreadsheet would compute', async () => {
    const text = textOf(planCsv(await planOf([{ item: '=cmd()' }]), 'en'));
    expect(text.startsWith('item,location,order,orderBy,exceptions,state,reason,')).toBe(true);
    expect(text.split('\r\n')[1]!.startsWith("'=cmd(),,5,2026-01-05,runsOut,low,")).toBe(true);
  });

  it.each([
    ['other.json', '{"rows": 3}'],
    ['broken.json', '{"rows": ['],
    ['list.json', '[]'],
    ['negative.csv', 'item,location,order,onOrder\ntea,,-3,0\n'],
    ['words.csv', 'item,location,order,onOrder\ntea,,many,0\n'],
  ])('%s is no plan, and told so', async (name, text) => {
    await expect(readPrevious(await room.write(name, text))).rejects.toMatchObject({
      code: 'InvalidArgument',
      message: expect.stringContaining('hansa-client plan has written'),
    });
  });

  it('of another kind are refused by their columns', async () => {
    await expect(readPrevious(await room.write('stock.csv', 'item,onHand\ntea,3\n'))).rejects.toThrow(/no column/);
  });
});

describe('planPage', () => {
  it.each([
    ['en', 'Order plan', 'Sold out', 'Order 9'],
    ['zh', '订货计划', '已售罄', '订购 9'],
  ] as const)(
    'speaks %s, has a section for what needs a person, and loads nothing',
    async (language, title, section, order) => {
      const plan = await planOf([
        { item: 'gone', onHand: 0 },
        { item: 'fine', onHand: 12 },
        { item: 'low', onHand: 6 },
      ]);
      const page = textOf(planPage(plan, language));
      for (const text of [`<h1>${title}</h1>`, `<h2>${section}</h2>`, order]) expect(page).toContain(text);
      expect(page.match(/<article>/g)).toHaveLength(3);
      expect(page.match(/<section>/g)).toHaveLength(3);
      expect(page.match(/class="chart"/g)).toHaveLength(3);
      expect(page).toContain("default-src 'none'");
      expect(page).not.toMatch(/(?:src|href)=|NaN|undefined|Infinity/);
    },
  );

  it('escapes what it was told, and says so where there are more items than it shows', async () => {
    const item = '<img src=x onerror="alert(1)">';
    const page = textOf(planPage(await planOf([{ item }]), 'en'));
    expect(page).not.toContain('<img');
    expect(page).toContain('&lt;img');
    const many = await planOf(Array.from({ length: 250 }, (_, at) => ({ item: `${at}` })));
    const long = textOf(planPage(many, 'en'));
    expect(long.match(/<article>/g)).toHaveLength(200);
    expect(long).toContain('The page shows 200 of 250');
  });

  it('draws no bar where stock or forecast is not known, and none that leaves its frame', async () => {
    const { rows, ...rest } = await planOf([{ onHand: 1e6 }, { item: 'debt', onHand: -50 }]);
    const page = textOf(planPage({ ...rest, rows: [...rows, { ...rows[0]!, position: null }] }, 'en'));
    expect(page.match(/class="chart"/g)).toHaveLength(2);
    for (const [, x, width] of page.matchAll(/<rect class="(?:stock|more)" x="([-\d.]+)" y="12" width="([-\d.]+)"/g)) {
      expect(Number(width)).toBeGreaterThanOrEqual(0);
      expect(Number(x) + Number(width)).toBeLessThanOrEqual(336.1);
    }
  });
});
