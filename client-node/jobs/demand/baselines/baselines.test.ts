import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SCORED_QUANTILES } from '../scores.ts';
import { empiricalQuantiles } from './empiricalQuantiles.ts';
import { exponentialSmoothing } from './exponentialSmoothing.ts';
import { simpleForecasts } from './index.ts';
import { croston, intermittentQuantiles, sba, tsb } from './intermittent.ts';

const levels = SCORED_QUANTILES.length;
const median = (forecast: Float64Array, step: number) => forecast[step * levels + SCORED_QUANTILES.indexOf(0.5)]!;

const histories = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.constant(0) },
    { weight: 5, arbitrary: fc.integer({ min: 1, max: 500 }) },
    { weight: 1, arbitrary: fc.constant(Number.NaN) },
  ),
  { maxLength: 130 },
);

describe.each(simpleForecasts)('$name', ({ name, forecast }) => {
  test('has ascending quantiles of at least 0 for any history', () => {
    fc.assert(
      fc.property(
        histories,
        fc.constantFrom('day', 'week', 'month'),
        fc.integer({ min: 1, max: 28 }),
        (history, frequency, periods) => {
          const found = forecast(Float64Array.from(history), frequency, periods);
          expect(found.length).toBe(periods * levels);
          for (let at = 0; at < found.length; at += 1) {
            expect(Number.isFinite(found[at])).toBe(true);
            expect(found[at]).toBeGreaterThanOrEqual(0);
            if (at % levels > 0) expect(found[at]).toBeGreaterThanOrEqual(found[at - 1]!);
          }
        },
      ),
      { seed: 7, numRuns: 60 },
    );
  });

  test('grows with its history', () => {
    fc.assert(
      fc.property(histories, fc.constantFrom(0.125, 8), (history, factor) => {
        const once = forecast(Float64Array.from(history), 'week', 8);
        const more = forecast(
          Float64Array.from(history, (value) => value * factor),
          'week',
          8,
        );
        for (const [at, value] of once.entries()) expect(more[at]! / factor).toBeCloseTo(value, 6);
      }),
      { seed: 8, numRuns: 40 },
    );
  });

  test.each([
    ['empty', []],
    ['a single period', [6]],
    ['nothing but unknown periods', new Array(60).fill(Number.NaN)],
    ['a single known period', [...new Array(60).fill(Number.NaN), 6]],
    ['nothing but zeros', new Array(60).fill(0)],
  ])('takes a history that is %s', (_, history) => {
    for (const frequency of ['day', 'week', 'month'] as const) {
      const found = forecast(Float64Array.from(history), frequency, 28);
      const most = name === 'zero' || !history.includes(6) ? 0 : 6;
      expect(found.length).toBe(28 * levels);
      for (const value of found) {
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeLessThanOrEqual(most);
      }
    }
  });

  test('forecasts what never changes', () => {
    const found = forecast(new Float64Array(120).fill(7), 'week', 8);
    for (const value of found) expect(value).toBeCloseTo(name === 'zero' ? 0 : name === 'sba' ? 7 * 0.95 : 7, 6);
  });
});

describe('empirical quantiles', () => {
  test('are those of the newest periods', () => {
    const history = Float64Array.from([...new Array(50).fill(1000), ...Array.from({ length: 13 }, (_, at) => at)]);
    const found = empiricalQuantiles(history, 13, 1, 2);
    expect([...found.slice(0, levels)]).toEqual(SCORED_QUANTILES.map((level) => expect.closeTo(12 * level, 9)));
    expect(found.slice(levels)).toEqual(found.slice(0, levels));
  });

  test('are those of the same weekday where days have one', () => {
    const history = Float64Array.from({ length: 7 * 20 }, (_, at) => at % 7);
    const found = empiricalQuantiles(history, 13, 7, 28);
    for (let step = 0; step < 28; step += 1) expect(median(found, step)).toBe(step % 7);
  });
});

describe('exponential smoothing', () => {
  test('carries on a season of twelve months', () => {
    const history = Float64Array.from(
      { length: 60 },
      (_, at) => 100 + 40 * Math.sin((2 * Math.PI * at) / 12) + (at % 5),
    );
    const found = exponentialSmoothing(history, 12, 12);
    for (let step = 0; step < 12; step += 1) {
      const expected = 102 + 40 * Math.sin((2 * Math.PI * (60 + step)) / 12);
      expect(Math.abs(median(found, step) - expected)).toBeLessThan(6);
    }
  });

  test('follows a level that has moved, and grows less certain the further ahead', () => {
    const history = Float64Array.from({ length: 80 }, (_, at) => (at < 50 ? 10 : 30) + (at % 3));
    const found = exponentialSmoothing(history, 52, 8);
    expect(median(found, 0)).toBeGreaterThan(28);
    const width = (step: number) => found[step * levels + 8]! - found[step * levels]!;
    expect(width(7)).toBeGreaterThan(width(0));
  });
});

describe('intermittent demand', () => {
  // The means are those of statsforecast 2.1.1: CrostonClassic, CrostonSBA and TSB(0.1, 0.1).
  test.each([
    [[0, 0, 4, 0, 2, 0, 0, 0, 6], 1.3355481727574752, 1.2687707641196013, 0.8793914820000002],
    [[0, 0, 4, 0, 2, 0, 0, 0, 6, 0, 0, 3, 1, 0, 0, 0, 0], 1.2913357786403616, 1.2267689897083436, 0.7935049088091202],
    [[...new Array(40).fill(5), ...new Array(10).fill(0)], 5, 4.75, 1.7433922005000007],
  ])('has the means of the reference', (history, ...means) => {
    const found = [croston, sba, tsb].map((method) => {
      const { probability, size } = method(Float64Array.from(history));
      return probability * size;
    });
    expect(found).toEqual(means.map((mean) => expect.closeTo(mean, 9)));
  });

  test('a period that is not known is none', () => {
    const gaps = Float64Array.of(0, Number.NaN, 0, 4, Number.NaN, 0, 2, Number.NaN);
    const known = Float64Array.of(0, 0, 4, 0, 2);
    for (const method of [croston, sba, tsb]) expect(method(gaps)).toEqual(method(known));
  });

  test('quantiles are 0 as often as there is no demand, then past sizes around the mean size', () => {
    // Half of the periods have none: levels .6 to .9 are the quantiles .2, .4, .6 and .8 of 2, 4, 6, twice as large.
    const found = intermittentQuantiles(Float64Array.of(0, 2, 0, 4, 0, 6), { probability: 0.5, size: 8 }, 2);
    expect([...found.subarray(0, levels)]).toEqual(
      [0, 0, 0, 0, 0, 5.6, 7.2, 8.8, 10.4].map((q) => expect.closeTo(q, 9)),
    );
    expect(found.subarray(levels)).toEqual(found.subarray(0, levels));
  });

  test('TSB forgets an item that is no longer sold, Croston does not', () => {
    const ended = Float64Array.from([...new Array(40).fill(5), ...new Array(40).fill(0)]);
    expect(median(intermittentQuantiles(ended, tsb(ended), 1), 0)).toBe(0);
    expect(median(intermittentQuantiles(ended, croston(ended), 1), 0)).toBe(5);
  });
});
