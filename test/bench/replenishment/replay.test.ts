import { describe, expect, it } from 'vitest';
import type { WeeklySeries } from './demandSets.ts';
import { heldAt, replayAt } from './replay.ts';
import { seasonalNaiveToDate, smoothingToDate } from './simpleForecasts.ts';

const point = (fillRate: number, weeksHeld: number) => ({ level: 0.5, fillRate, weeksHeld, stockOutShare: 0 });

describe('heldAt', () => {
  it('lies on the line between the points around it, and nowhere else', () => {
    const points = [point(0.9, 2), point(0.8, 1), point(0.95, 4)];
    expect([heldAt(points, 0.85), heldAt(points, 0.9), heldAt(points, 0.925)]).toEqual([
      expect.closeTo(1.5, 9),
      2,
      expect.closeTo(3, 9),
    ]);
    expect([heldAt(points, 0.79), heldAt(points, 0.96), heldAt([], 0.9)]).toEqual([undefined, undefined, undefined]);
  });
});

describe('simple forecasts', () => {
  it('of a year that repeats itself are right and certain, summed to date', () => {
    const history = Float64Array.from({ length: 120 }, (_, week) => week % 52);
    const { quantilesToDate, meanToDate } = seasonalNaiveToDate(history, 3);
    expect(meanToDate).toEqual([16, 33, 51]);
    for (const [at, row] of quantilesToDate.entries()) expect(new Set(row)).toEqual(new Set([meanToDate[at]]));
    expect(() => seasonalNaiveToDate(history.slice(0, 55), 3)).toThrow(RangeError);
  });

  it('of a year that rises by 2 have that error in every quantile', () => {
    const history = Float64Array.from({ length: 120 }, (_, week) => 10 + 2 * Math.floor(week / 52));
    expect(seasonalNaiveToDate(history, 2).quantilesToDate.map((row) => [row[0], row.at(-1)])).toEqual([
      [14, 14],
      [28, 28],
    ]);
  });

  it('by smoothing follow the level', () => {
    const { meanToDate, quantilesToDate } = smoothingToDate(new Float64Array(80).fill(6), 3);
    expect(meanToDate).toEqual([6, 12, 18]);
    expect(quantilesToDate.every((row) => row[0]! <= 18 && row.length === 13)).toBe(true);
  });
});

describe('replayAt', () => {
  const series: WeeklySeries = {
    item: 'tea',
    location: 'north',
    units: Float64Array.from({ length: 100 }, (_, week) => week % 5),
    testStart: 60,
  };

  it('loses nothing and holds little where the forecast knows what comes', () => {
    const knowing = (one: WeeklySeries, week: number) => {
      const sums = [1, 2, 3].map((weeks) =>
        one.units.slice(one.testStart + week, one.testStart + week + weeks).reduce((sum, units) => sum + units, 0),
      );
      return { quantilesToDate: sums.map((sum) => new Array<number>(13).fill(sum)), meanToDate: sums };
    };
    const known = replayAt(0.9, [series], 2, knowing);
    expect(known.fillRate).toBeGreaterThan(0.999);
    expect(known.stockOutShare).toBe(0);
    // Where the forecast knows but the mean of the past, the same service costs more stock.
    const blind = () => {
      const sums = [2, 4, 6];
      return { quantilesToDate: sums.map((sum) => new Array<number>(13).fill(sum)), meanToDate: sums };
    };
    const without = replayAt(0.9, [series], 2, blind);
    expect(without.fillRate).toBeLessThan(known.fillRate);
    expect(without.level).toBe(0.9);
  });
});
