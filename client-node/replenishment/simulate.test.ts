import { seededNumbers } from '@hansa/shared/random';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { forecastOf } from '../forecasting/fixtures.ts';
import { configOf, stockOf } from './fixtures.ts';
import { type Lots, orderQuantity } from './orderQuantity.ts';
import { propose } from './proposal.ts';
import { type Replay, type StockNow, simulate } from './simulate.ts';

/** Orders that raise on hand and on order to a level. */
const upTo =
  (level: number, lots: Lots = { packSize: 1, minimumOrder: 0 }) =>
  ({ onHand, onOrder }: StockNow) =>
    orderQuantity(level - onHand - onOrder, lots);
const replayOf = (change: Partial<Replay>): Replay => ({
  demand: [],
  initial: 0,
  reviewPeriods: 1,
  leadPeriods: () => 1,
  order: upTo(0),
  holdingCost: 1,
  shortageCost: 1,
  ...change,
});

describe('simulate', () => {
  it('is right on a week worked by hand', () => {
    // Up to 5 every second day, two days to arrive, 4 units at first.
    //  day        0  1  2  3  4  5
    //  arrives    -  -  1  -  4  -
    //  on hand    4  2  1  0  4  2
    //  orders     1  .  4  .  1  .
    //  demand     2  2  1  1  2  2
    //  sold       2  2  1  0  2  2
    //  left       2  0  0  0  2  0
    const seen: StockNow[] = [];
    const outcome = simulate(
      replayOf({
        demand: [2, 2, 1, 1, 2, 2],
        initial: 4,
        reviewPeriods: 2,
        leadPeriods: () => 2,
        order: (now) => {
          seen.push(now);
          return upTo(5)(now);
        },
        holdingCost: 0.5,
        shortageCost: 10,
      }),
    );
    expect(seen).toEqual([
      { period: 0, onHand: 4, onOrder: 0 },
      { period: 2, onHand: 1, onOrder: 0 },
      { period: 4, onHand: 4, onOrder: 0 },
    ]);
    expect(outcome).toEqual({
      fillRate: 0.9,
      stockOutPeriods: 1,
      demand: 10,
      sold: 9,
      lost: 1,
      ordered: 1 + 4 + 1,
      received: 1 + 4,
      meanOnHand: 4 / 6,
      endOnHand: 0,
      endOnOrder: 1,
      holdingCost: 2,
      shortageCost: 10,
      cost: 12,
    });
  });

  it('serves an order without lead time in the same period, and nothing where nothing is ordered', () => {
    const demand = [3, 1, 4];
    const all = simulate(replayOf({ demand, leadPeriods: () => 0, order: upTo(4) }));
    expect([all.fillRate, all.lost, all.stockOutPeriods, all.endOnOrder]).toEqual([1, 0, 0, 0]);
    const none = simulate(replayOf({ demand }));
    expect([none.fillRate, none.lost, none.stockOutPeriods, none.cost]).toEqual([0, 8, 3, 8]);
    expect(simulate(replayOf({ demand: [0, 0] })).fillRate).toBe(1);
  });

  it('refuses orders, demand and lead times that are none', () => {
    for (const wrong of [
      { order: () => -1 },
      { order: () => Number.NaN },
      { leadPeriods: () => -1 },
      { leadPeriods: () => 0.5 },
      { demand: [Number.NaN] },
      { demand: [-1] },
    ])
      expect(() => simulate(replayOf({ demand: [1], ...wrong }))).toThrow(RangeError);
  });

  const units = fc.integer({ min: 0, max: 30 });
  const anyReplay = fc.record({
    demand: fc.array(units, { maxLength: 60 }),
    initial: units,
    reviewPeriods: fc.integer({ min: 1, max: 5 }),
    leads: fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 5 }),
    level: fc.integer({ min: 0, max: 120 }),
    packSize: fc.integer({ min: 1, max: 12 }),
  });

  it('neither makes nor loses a unit, and never holds less than none', () => {
    fc.assert(
      fc.property(anyReplay, ({ leads, level, packSize, ...rest }) => {
        const policy = upTo(level, { packSize, minimumOrder: 0 });
        const outcome = simulate(
          replayOf({
            ...rest,
            leadPeriods: (period) => leads[period % leads.length]!,
            order(now) {
              expect(Math.min(now.onHand, now.onOrder)).toBeGreaterThanOrEqual(0);
              return policy(now);
            },
          }),
        );
        expect(rest.initial + outcome.received).toBe(outcome.sold + outcome.endOnHand);
        expect(outcome.ordered).toBe(outcome.received + outcome.endOnOrder);
        expect(outcome.demand).toBe(outcome.sold + outcome.lost);
        expect(Math.min(outcome.endOnHand, outcome.endOnOrder, outcome.lost)).toBeGreaterThanOrEqual(0);
        expect(outcome.meanOnHand * rest.demand.length).toBeCloseTo(outcome.holdingCost, 9);
      }),
      { seed: 1 },
    );
  });

  it('of a higher level holds and sells no less, whatever is asked for, where lead times do not vary', () => {
    fc.assert(
      fc.property(anyReplay, units, ({ leads, level, packSize: _, ...rest }, more) => {
        const of = (upper: number) => simulate(replayOf({ ...rest, leadPeriods: () => leads[0]!, order: upTo(upper) }));
        expect(of(level + more).sold).toBeGreaterThanOrEqual(of(level).sold);
      }),
      { seed: 2, numRuns: 1000 },
    );
  });
});

describe('the product’s proposals, replayed', () => {
  it('serve a larger share of the same demand the more service is asked for, and as much as that in the long run', () => {
    // Two weeks bring 5 to 9 units; each week's demand is drawn from the first row, 1 to 5.
    const fillRates = [0.5, 0.7, 0.9, 0.97].map((asked) => {
      let [sold, demand] = [0, 0];
      for (let seed = 0; seed < 20; seed++) {
        const numbers = seededNumbers(`replay ${seed}`);
        const outcome = simulate(
          replayOf({
            demand: Array.from({ length: 100 }, () => 1 + Math.floor(5 * numbers.uniform())),
            initial: 8,
            order: ({ onHand, onOrder }) =>
              propose(forecastOf(), stockOf({ onHand, onOrder }), configOf(), { asked }).order,
          }),
        );
        sold += outcome.sold;
        demand += outcome.demand;
      }
      return sold / demand;
    });
    for (const [at, rate] of fillRates.entries()) expect(rate).toBeGreaterThan(fillRates[at - 1] ?? 0.8);
    expect(fillRates.at(-1)).toBeGreaterThan(0.97);
  });
});
