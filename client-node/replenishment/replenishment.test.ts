import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { forecastOf } from '../forecasting/fixtures.ts';
import { abcClasses, xyzClass } from './classes.ts';
import { demandToDate } from './demandToDate.ts';
import { mixtureOf } from './distribution.ts';
import { leadTimes } from './leadTimes.ts';
import { shareOut } from './limit.ts';
import { orderBelow, orderQuantity } from './orderQuantity.ts';

/** Rows of quantiles that ascend in level and in time, as a model gives them, with their means. */
const anyForecast = fc
  .record({
    steps: fc.array(fc.array(fc.double({ min: 0, max: 50, noNaN: true }), { minLength: 5, maxLength: 5 }), {
      minLength: 1,
      maxLength: 8,
    }),
    lean: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(({ steps, lean }) => {
    const toDate = new Array<number>(5).fill(0);
    const quantilesToDate = steps.map((step) => {
      step
        .sort((a, b) => a - b)
        .forEach((units, level) => {
          toDate[level]! += units;
        });
      return [...toDate];
    });
    return forecastOf({
      periods: steps.map((_, at) => `2026-01-${String(1 + at).padStart(2, '0')}`),
      frequency: 'day',
      quantilesToDate,
      meanToDate: quantilesToDate.map((row) => row[1]! + lean * (row[3]! - row[1]!)),
    });
  });
const ascending = (values: ArrayLike<number>) =>
  Array.from(values).every((value, at, all) => at === 0 || value >= all[at - 1]!);

describe('demandToDate', () => {
  const weeks = demandToDate(forecastOf());

  it('is the cumulative row at the end of a period, and in proportion to the last one beyond it', () => {
    expect(weeks.days).toBe(14);
    expect([weeks.mean(7), weeks.mean(14), weeks.mean(28)]).toEqual([3.2, 7.7, 15.4]);
    expect([...weeks.quantiles(7)]).toEqual([1, 2, 3, 4, 5]);
    expect([...weeks.quantiles(14)]).toEqual([5, 6, 7, 8, 9]);
    expect([...weeks.quantiles(21)]).toEqual([7.5, 9, 10.5, 12, 13.5]);
    expect([...weeks.quantiles(0)]).toEqual([0, 0, 0, 0, 0]);
  });

  it('between two rows has the mean of both, and the root of the mean square of the distances from it', () => {
    expect(weeks.mean(10.5)).toBeCloseTo(5.45, 12);
    // Half of 1.8² and 1.3².
    expect(weeks.quantiles(10.5)[4]).toBeCloseTo(5.45 + Math.sqrt(2.465), 12);
    // A quarter of the first week: half of the spread.
    expect(weeks.quantiles(1.75)[4]).toBeCloseTo(0.8 + 0.9, 12);
  });

  it.each([
    ['2026-01-01', 31],
    ['2026-02-01', 28],
    ['2028-02-01', 29],
    ['2026-12-01', 31],
  ])('knows how long the month from %s is', (period, days) => {
    const month = forecastOf({
      frequency: 'month',
      periods: [period],
      quantilesToDate: [[1, 2, 3, 4, 5]],
      meanToDate: [3],
    });
    expect(demandToDate(month).days).toBe(days);
  });

  it('ascends with the level and with time, and is never below 0', () => {
    const day = fc.double({ min: 0, max: 12, noNaN: true });
    fc.assert(
      fc.property(anyForecast, day, day, (forecast, one, other) => {
        const toDate = demandToDate(forecast);
        const [early, late] = [toDate.quantiles(Math.min(one, other)), toDate.quantiles(Math.max(one, other))];
        expect(ascending(early) && early[0]! >= 0).toBe(true);
        early.forEach((units, level) => {
          expect(units).toBeLessThanOrEqual(late[level]! + 1e-9);
        });
      }),
      { seed: 1 },
    );
  });
});

describe('mixtureOf', () => {
  const levels = [0.1, 0.5, 0.9];

  it('has the quantiles it is given, and an exponential tail beyond them', () => {
    const demand = mixtureOf(levels, [[2, 10, 20]]);
    expect(levels.map(demand.quantile)).toEqual([2, 10, 20].map((units) => expect.closeTo(units, 9)));
    expect([demand.cdf(-1), demand.cdf(0), demand.cdf(1), demand.cdf(15)]).toEqual([0, 0, 0.05, 0.7]);
    // From .5 to .9 what is left falls to a fifth over 10 units; from .9 to .98 it does so again.
    expect(demand.quantile(0.98)).toBeCloseTo(30, 9);
  });

  it('keeps what is certain certain: units that most often are none, and demand that never varies', () => {
    const rare = mixtureOf(levels, [[0, 0, 4]]);
    expect([rare.quantile(0.5), rare.cdf(0)]).toEqual([0, 0.5]);
    const fixed = mixtureOf(levels, [[3, 3, 3]]);
    expect([fixed.quantile(0.2), fixed.quantile(0.99), fixed.cdf(3), fixed.shortage(1)]).toEqual([
      3,
      expect.closeTo(3, 9),
      1,
      // From 1 to 3 the curve falls from 1 - .1/3 to .9.
      expect.closeTo(2 * (1 - (0.1 / 3 + 0.1) / 2), 9),
    ]);
  });

  it('expects as much above a stock as the area over its curve says, and mixes in equal shares', () => {
    const row = fc
      .array(fc.double({ min: 0, max: 100, noNaN: true }), { minLength: 3, maxLength: 3 })
      .map((units) => units.sort((a, b) => a - b));
    fc.assert(
      fc.property(
        fc.array(row, { minLength: 1, maxLength: 4 }),
        fc.double({ min: 0, max: 120, noNaN: true }),
        (rows, stock) => {
          const demand = mixtureOf(levels, rows);
          const end = 100 + 30 * 100;
          const steps = 40_000;
          const width = (end - stock) / steps;
          let area = 0;
          for (let at = 0; at < steps; at++) area += (1 - demand.cdf(stock + (at + 0.5) * width)) * width;
          expect(demand.shortage(stock)).toBeCloseTo(area, 0);
          const each = rows.map((one) => mixtureOf(levels, [one]).cdf(stock));
          expect(demand.cdf(stock)).toBeCloseTo(each.reduce((sum, share) => sum + share, 0) / rows.length, 9);
          for (const level of [0.5, 0.8, 0.95])
            expect(demand.cdf(demand.quantile(level))).toBeGreaterThanOrEqual(level - 1e-9);
        },
      ),
      { seed: 2, numRuns: 30 },
    );
  });
});

describe('leadTimes', () => {
  it('has the mean exactly and the spread nearly, and is one where nothing varies', () => {
    const days = leadTimes(10, 3);
    const mean = days.reduce((sum, value) => sum + value, 0) / days.length;
    const variance = days.reduce((sum, value) => sum + (value - mean) ** 2, 0) / days.length;
    expect(mean).toBeCloseTo(10, 9);
    expect(Math.sqrt(variance)).toBeGreaterThan(2.8);
    expect(Math.sqrt(variance)).toBeLessThan(3.1);
    expect(Math.min(...days)).toBeGreaterThan(0);
    expect([leadTimes(10, 0), leadTimes(0, 0)]).toEqual([[10], [0]]);
  });
});

describe('orderQuantity', () => {
  it.each([
    [0, 1, 0, 0],
    [-3, 1, 0, 0],
    [5, 1, 0, 5],
    [5.01, 1, 0, 6],
    [5.0000000001, 1, 0, 5],
    [5, 12, 0, 12],
    [13, 12, 0, 24],
    [5, 12, 30, 36],
    [0.3, 0.1, 0, 0.3],
    [0, 12, 30, 0],
  ])('of %d in packs of %d, at least %d, is %d', (need, packSize, minimumOrder, order) => {
    expect(orderQuantity(need, { packSize, minimumOrder })).toBe(order);
  });

  it.each([
    [23, 12, 0, 12],
    [24, 12, 0, 24],
    [11, 12, 0, 0],
    [23, 12, 20, 0],
    [0.3, 0.1, 0, 0.3],
  ])('the largest order below %d in packs of %d, at least %d, is %d', (need, packSize, minimumOrder, order) => {
    expect(orderBelow(need, { packSize, minimumOrder })).toBe(order);
  });

  it('is of whole packs, enough, and no pack too much', () => {
    const pack = fc.integer({ min: 1, max: 50 });
    const units = fc.integer({ min: 0, max: 1000 });
    fc.assert(
      fc.property(units, pack, units, (need, packSize, minimumOrder) => {
        const order = orderQuantity(need, { packSize, minimumOrder });
        expect(order % packSize).toBe(0);
        if (need === 0) expect(order).toBe(0);
        else {
          expect(order).toBeGreaterThanOrEqual(Math.max(need, minimumOrder));
          expect(order - packSize).toBeLessThan(Math.max(need, minimumOrder));
        }
      }),
      { seed: 3 },
    );
  });
});

describe('shareOut', () => {
  const order = (each: number, ...gains: number[]) => ({ each, steps: gains.map((gain) => ({ units: 10, gain })) });

  it('gives the limit to what saves most for it, part by part', () => {
    // For each unit of money: 1.0, 0.2 and 0.5, 0.4.
    const orders = [order(1, 10, 2), order(2, 10, 8)];
    expect(shareOut(orders, 1000)).toEqual([20, 20]);
    expect(shareOut(orders, 30)).toEqual([10, 10]);
    expect(shareOut(orders, 29)).toEqual([20, 0]);
    expect(shareOut(orders, 50)).toEqual([10, 20]);
    expect(shareOut(orders, 0)).toEqual([0, 0]);
  });

  it('takes no part before the one it follows, and those that save nothing last', () => {
    expect(shareOut([order(1, 1, 100), order(1, 5)], 10)).toEqual([0, 10]);
    expect(shareOut([order(1, 5, -1), order(1, 2)], 20)).toEqual([10, 10]);
    // A limit that is large enough cuts nothing.
    expect(shareOut([order(1, 5, -1), order(1, 2)], 30)).toEqual([20, 10]);
  });

  it('never spends more than there is', () => {
    const orders = fc.array(
      fc.record({
        each: fc.integer({ min: 1, max: 9 }),
        steps: fc.array(fc.record({ units: fc.integer({ min: 1, max: 9 }), gain: fc.integer({ min: -5, max: 50 }) }), {
          maxLength: 5,
        }),
      }),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(orders, fc.integer({ min: 0, max: 300 }), (all, amount) => {
        const units = shareOut(all, amount);
        expect(units.reduce((sum, count, at) => sum + count * all[at]!.each, 0)).toBeLessThanOrEqual(amount);
      }),
      { seed: 4 },
    );
  });
});

describe('classes', () => {
  it('A is what brings the first 80 %, B the next 15 %; what is never sold is C', () => {
    expect(abcClasses([10, 70, 0, 15, 4, 1])).toEqual(['B', 'A', 'C', 'A', 'C', 'C']);
    expect(abcClasses([0, 0])).toEqual(['C', 'C']);
    expect(abcClasses([5])).toEqual(['A']);
  });

  it('X is steady, Y less so, Z hardly; what is not known does not count', () => {
    expect(xyzClass([10, 11, 9, 10, null, 10, 11, 9, 10])).toBe('X');
    expect(xyzClass([1, 10, 3, 9, 2, 12, 4, 5])).toBe('Y');
    expect(xyzClass([0, 0, 0, 0, 9, 0, 0, 0])).toBe('Z');
    expect([xyzClass([]), xyzClass([10, 10]), xyzClass([0, 0, 0, 0, 0, 0, 0, 0])]).toEqual(['Z', 'Z', 'Z']);
  });
});
