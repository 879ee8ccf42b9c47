import fc from 'fast-check';
import { expect, test } from 'vitest';
import { quantileOfSorted } from '../../../statistics/quantile.ts';
import { SCORED_QUANTILES } from '../scores.ts';
import { seasonalNaive } from './seasonalNaive.ts';

const levels = SCORED_QUANTILES.length;
const column = (forecast: Float64Array, level: number) => [...forecast].filter((_, at) => at % levels === level);

test('a series that repeats is forecast as it was, over more than one season', () => {
  const week = [5, 6, 7, 8, 9, 1, 0];
  const history = Float64Array.from({ length: 70 }, (_, day) => week[day % 7] as number);
  const forecast = seasonalNaive(history, 7, 28);
  for (let level = 0; level < levels; level += 1)
    expect(column(forecast, level)).toEqual([...week, ...week, ...week, ...week]);
});

test('quantiles are the point plus the quantiles of the seasonal errors, at the lag that is used', () => {
  // Season 2: y = 0, 10, 1, 12, 3, 15; errors at lag 2 are 1, 2, 2, 3, at lag 4 they are 3, 5.
  const forecast = seasonalNaive(Float64Array.of(0, 10, 1, 12, 3, 15), 2, 3);
  const errors = Float64Array.of(1, 2, 2, 3);
  const far = Float64Array.of(3, 5);
  SCORED_QUANTILES.forEach((level, at) => {
    expect(forecast[at]).toBeCloseTo(3 + quantileOfSorted(errors, level), 12);
    expect(forecast[levels + at]).toBeCloseTo(15 + quantileOfSorted(errors, level), 12);
    expect(forecast[2 * levels + at]).toBeCloseTo(3 + quantileOfSorted(far, level), 12);
  });
});

test('whatever the history: finite, at least 0, ascending, and right in length', () => {
  const value = fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: 0, max: 1000 }) },
    { weight: 1, arbitrary: fc.constant(Number.NaN) },
  );
  fc.assert(
    fc.property(
      fc.array(value, { maxLength: 130 }),
      fc.constantFrom(7, 12, 52),
      fc.constantFrom(1, 6, 8, 28),
      (history, season, periods) => {
        const forecast = seasonalNaive(Float64Array.from(history), season, periods);
        expect(forecast.length).toBe(periods * levels);
        forecast.forEach((quantile, at) => {
          if (!Number.isFinite(quantile) || quantile < 0) expect.fail(`${quantile}`);
          if (at % levels > 0 && quantile < (forecast[at - 1] as number)) expect.fail('crossing');
        });
      },
    ),
    { seed: 7 },
  );
});

test('a history shorter than a season is forecast by its mean', () => {
  expect(column(seasonalNaive(Float64Array.of(2, 4, 6), 52, 2), 4)).toEqual([4, 4]);
  expect([...seasonalNaive(new Float64Array(0), 7, 1)]).toEqual(Array(levels).fill(0));
});

test('a day sold out is replaced by the season before', () => {
  const history = Float64Array.from({ length: 28 }, (_, day) => (day === 21 ? Number.NaN : day % 7));
  expect(column(seasonalNaive(history, 7, 7), 4)).toEqual([0, 1, 2, 3, 4, 5, 6]);
});
