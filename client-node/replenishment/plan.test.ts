import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { forecastOf, streamOf } from '../forecasting/fixtures.ts';
import { replenishmentSchema } from './config.ts';
import { configOf, stockOf } from './fixtures.ts';
import { makePlan, type PlanOptions } from './makePlan.ts';
import { propose } from './proposal.ts';
import { type StockLine, stockKey } from './stockLine.ts';

const config = configOf();
const order = (line: StockLine, more: Parameters<typeof propose>[3] = {}) =>
  propose(forecastOf(), line, config, more).order;

describe('propose', () => {
  it('raises the position to the quantile of demand over lead time and review period, as worked by hand', () => {
    // Two weeks sell at most 9 in nine of ten cases; 4 are here, so 5 are missing: three packs of 2.
    const { orderUpTo, order, position, expectedDemand, state, orderBy, coverDays } = propose(
      forecastOf(),
      stockOf({ packSize: 2 }),
      config,
    );
    expect(orderUpTo).toBeCloseTo(9, 9);
    expect({ order, position, expectedDemand, state, orderBy, coverDays }).toEqual({
      order: 6,
      position: 4,
      expectedDemand: 7.7,
      state: 'low',
      orderBy: '2026-01-05',
      coverDays: 14,
    });
  });

  it('counts what is on order, and what customers wait for', () => {
    expect([order(stockOf()), order(stockOf({ onOrder: 3 })), order(stockOf({ backorders: 2 }))]).toEqual([5, 2, 7]);
    expect([order(stockOf({ onHand: -1 })), order(stockOf({ onHand: 9 }))]).toEqual([10, 0]);
  });

  it('says until when an order is in time', () => {
    // 6 units last for 8 days in nine of ten cases (5.58), not for 9 (6.16): a week's lead leaves one day.
    const by = (onHand: number) => propose(forecastOf(), stockOf({ onHand }), config).orderBy;
    expect([by(0), by(6), by(9), by(100)]).toEqual(['2026-01-05', '2026-01-06', '2026-01-12', undefined]);
  });

  it('takes a service level from the command, else from the line, else from costs, else from the configuration', () => {
    const levelOf = (change: Partial<StockLine>, asked?: number) => {
      const { target } = propose(forecastOf(), stockOf(change), config, { asked });
      return [target.level, target.from];
    };
    // Holding costs 7/365 of 36.5 in a week, 0.7; missing a unit costs 2.1: 2.1 / 2.8.
    const costs = { holdingCost: 36.5, shortageCost: 2.1 };
    expect(levelOf({ ...costs, serviceLevel: 0.8 }, 0.7)).toEqual([0.7, 'serviceLevel']);
    expect(levelOf({ ...costs, serviceLevel: 0.8 })).toEqual([0.8, 'serviceLevel']);
    expect(levelOf(costs)).toEqual([expect.closeTo(0.75, 12), 'costs']);
    // A quarter of what a unit costs to buy stands in for what holding it costs.
    expect(levelOf({ unitCost: 146, shortageCost: 2.1 })).toEqual([expect.closeTo(0.75, 12), 'costs']);
    expect(levelOf({ shortageCost: 2.1 })).toEqual([0.9, 'serviceLevel']);
    expect(levelOf({ ...costs, shortageCost: 1e6 })).toEqual([0.99, 'costs']);
    expect(levelOf({ ...costs, shortageCost: 0.01 })).toEqual([0.5, 'costs']);
  });

  it('where costs decide rounds to the pack that is expected to cost less', () => {
    const line = (packSize: number) => stockOf({ holdingCost: 36.5, shortageCost: 0.7, packSize });
    // At a level of one half 7 are wanted, 3 more than are here.
    expect([order(line(1)), order(line(2.5)), order(line(40))]).toEqual([3, 2.5, 0]);
    expect(order(stockOf({ packSize: 40 }))).toBe(40);
  });

  it('holds more where lead times vary', () => {
    const upTo = (leadSpreadDays: number) => propose(forecastOf(), stockOf({ leadSpreadDays }), config).orderUpTo;
    expect(upTo(3)).toBeGreaterThan(upTo(0) + 0.1);
    expect(upTo(6)).toBeGreaterThan(upTo(3) + 0.1);
  });

  it('asks for no less where more service is wanted, lead times are longer, or less is here', () => {
    const days = fc.integer({ min: 0, max: 20 });
    const level = fc.double({ min: 0.5, max: 0.99, noNaN: true });
    const some = fc.tuple(days, days, level, level, fc.integer({ min: -5, max: 30 }), fc.integer({ min: 1, max: 7 }));
    fc.assert(
      fc.property(some, ([short, long, low, high, onHand, packSize]) => {
        const at = (leadDays: number, asked: number, stock: number) =>
          order(stockOf({ leadDays, packSize, onHand: stock }), { asked });
        const base = at(Math.min(short, long), Math.min(low, high), onHand);
        expect(at(Math.min(short, long), Math.max(low, high), onHand)).toBeGreaterThanOrEqual(base);
        expect(at(Math.max(short, long), Math.min(low, high), onHand)).toBeGreaterThanOrEqual(base);
        expect(at(Math.min(short, long), Math.min(low, high), onHand - 1)).toBeGreaterThanOrEqual(base);
      }),
      { seed: 5 },
    );
  });

  it('keeps the order of the plan before while it costs little more, and only until it is placed', () => {
    const previous = { order: 5, onOrder: 0 };
    const now = (onHand: number, change: Partial<StockLine> = {}) => {
      const { order, kept } = propose(forecastOf(), stockOf({ onHand, ...change }), configOf({ calm: 0.2 }), {
        previous,
      });
      return [order, kept];
    };
    expect(now(4)).toEqual([5, false]);
    // Three and a half units would call for 6; 5 cost hardly more.
    expect(now(3.5)).toEqual([5, true]);
    expect(now(0)).toEqual([9, false]);
    expect(now(12)).toEqual([0, false]);
    expect(now(4, { onOrder: 5 })).toEqual([0, false]);
    expect(now(3.5, { packSize: 6 })).toEqual([6, false]);
    // Nothing was wanted before; a large pack is no reason to go without.
    const none = { order: 0, onOrder: 0 };
    const later = (onHand: number) => order(stockOf({ onHand, packSize: 40 }), { previous: none });
    expect([later(8.9), later(6)]).toEqual([0, 40]);
  });
});

const stock = (...lines: readonly StockLine[]) => new Map(lines.map((line) => [stockKey(line), line]));
const plan = (lines: readonly StockLine[], items: readonly string[], more: Partial<PlanOptions> = {}) =>
  makePlan(streamOf(...items.map((item) => forecastOf({ item, name: item }))), stock(...lines), { config, ...more });

describe('makePlan', () => {
  it('puts what needs a person first, and names why', async () => {
    const { rows, summary, firstDay } = await plan(
      [
        stockOf({ item: 'fine', onHand: 10 }),
        stockOf({ item: 'gone', onHand: 0 }),
        stockOf({ item: 'low', onHand: 5 }),
        stockOf({ item: 'much', onHand: 1000 }),
        stockOf({ item: 'short', onHand: 3 }),
        stockOf({ item: 'old' }),
        stockOf({ item: 'lots', packSize: 100, onHand: 6 }),
        stockOf({ item: 'far', leadDays: 70, onHand: 30 }),
      ],
      ['fine', 'gone', 'low', 'much', 'short', 'new', 'lots', 'far'],
    );
    expect(firstDay).toBe('2026-01-05');
    expect(rows.map(({ item, exceptions }) => [item, ...exceptions])).toEqual([
      ['gone', 'soldOut', 'runsOut'],
      ['short', 'runsOut'],
      ['far', 'runsOut', 'beyondForecast'],
      ['new', 'noStock'],
      ['old', 'noForecast'],
      ['lots', 'largeLot'],
      ['much', 'overstock'],
      ['low'],
      ['fine'],
    ]);
    expect(summary).toMatchObject({ series: 9, orders: 5, states: { low: 5, ok: 1, high: 1 }, orderCost: null });
    expect(summary.exceptions).toMatchObject({ soldOut: 1, runsOut: 3, noStock: 1, overstock: 1 });
    expect(rows.find(({ item }) => item === 'old')).toMatchObject({ order: 0, onHand: 4, state: null });
    expect(rows.find(({ item }) => item === 'much')!.excess).toBeCloseTo(1000 - 9 - 28 * 0.55, 9);
  });

  it('shares a budget out by what each unit of money saves, and says what was cut', async () => {
    const lines = [
      stockOf({ item: 'dear', unitCost: 100, onHand: 4 }),
      stockOf({ item: 'cheap', unitCost: 1, shortageCost: 5, onHand: 0 }),
    ];
    const free = await plan(lines, ['dear', 'cheap']);
    expect(free.summary.orderCost).toBe(500 + free.rows.find(({ item }) => item === 'cheap')!.order);
    const limited = await plan(lines, ['dear', 'cheap'], { limit: { kind: 'budget', amount: 250 } });
    const [cheap, dear] = ['cheap', 'dear'].map((name) => limited.rows.find(({ item }) => item === name)!);
    expect(cheap).toMatchObject({ rank: 1, exceptions: ['soldOut', 'runsOut'] });
    expect(dear).toMatchObject({ rank: 2, order: 2, wanted: 5, exceptions: ['runsOut', 'cut'] });
    expect(cheap!.order).toBe(cheap!.wanted);
    expect(limited.summary.orderCost).toBeLessThanOrEqual(250);
    expect(cheap!.gainPerMoney).toBeGreaterThan(dear!.gainPerMoney!);
    const room = await plan(lines, ['dear', 'cheap'], { limit: { kind: 'capacity', amount: 3 } });
    expect(room.rows.reduce((sum, row) => sum + row.order, 0)).toBe(3);
  });

  it('refuses a budget without unit costs, and stock that fits no forecast', async () => {
    const lines = [stockOf({ item: 'dear', unitCost: 100 }), stockOf({ item: 'unknown' })];
    await expect(plan(lines, ['dear', 'unknown'], { limit: { kind: 'budget', amount: 9 } })).rejects.toThrow(
      /1 of 2 orders have no unit cost/,
    );
    await expect(plan([stockOf({ item: 'other' })], ['tea'])).rejects.toThrow(/No line of the stock file/);
  });

  it('goes by the stock that the order files tell where no file is given', async () => {
    const told = [forecastOf({ stock: 4 }), forecastOf({ item: 'new', name: 'new' })];
    const { rows } = await makePlan(streamOf(...told), undefined, { config });
    expect(rows.map(({ item, order, onHand, exceptions }) => [item, order, onHand, exceptions[0]])).toEqual([
      ['tea', 5, 4, 'runsOut'],
      ['new', 0, null, 'noStock'],
    ]);
    await expect(makePlan(streamOf(forecastOf()), undefined, { config })).rejects.toThrow(/tell no stock/);
  });

  it('keeps orders of the plan before, and counts them', async () => {
    const previous = new Map([[stockKey(stockOf()), { order: 5, onOrder: 0 }]]);
    const { rows, summary } = await plan([stockOf({ onHand: 3.5 })], ['tea'], {
      previous,
      config: configOf({ calm: 0.2 }),
    });
    expect([rows[0]!.order, rows[0]!.kept, summary.kept]).toEqual([5, true, 1]);
  });
});

describe('the configuration', () => {
  it('has a default for everything, and refuses what cannot be', () => {
    expect(replenishmentSchema.parse({})).toMatchObject({ leadDays: 7, reviewDays: 7, serviceLevel: 0.95 });
    for (const wrong of [
      { serviceLevel: 0.999 },
      { serviceLevel: 95 },
      { leadDays: 0, leadSpreadDays: 2 },
      { packSize: 0 },
      { reviewdays: 3 },
    ])
      expect(replenishmentSchema.safeParse(wrong).success, JSON.stringify(wrong)).toBe(false);
  });
});
