import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SCORED_QUANTILES } from '../scores.ts';
import { empiricalQuantiles } from './empiricalQuantiles.ts';
import { exponentialSmoothing } from './exponentialSmoothing.ts';
import { simpleForecasts } from './index.ts';
import { croston, tsb } from './intermittent.ts';

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

  test('forecasts what never changes', () => {
    const found = forecast(new Float64Array(120).fill(7), 'week', 8);
    for (const value of found) expect(value).toBeCloseTo(name === 'zero' ? 0 : name === 'croston' ? 7 * 0.95 : 7, 6);
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

  // R's forecast::ses(c(3, 5, 9, 20, 12), alpha = 0.5, initial = "simple") starts at the first value; here the start is the mean of the first ten.
  test('is the recursion of simple smoothing', () => {
    const values = Array.from({ length: 9 }, (_, at) => [3, 5, 9, 20, 12, 4, 8, 15, 7][at]!);
    const found = exponentialSmoothing(Float64Array.from(values), 52, 1);
    const candidates = [0.01, 0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8].map((weight) => {
      let level = values.reduce((sum, value) => sum + value, 0) / values.length;
      const errors = values.map((value) => {
        const error = value - level;
        level += weight * error;
        return error;
      });
      return { level, errors, squares: errors.reduce((sum, error) => sum + error * error, 0) };
    });
    const best = candidates.reduce((one, other) => (other.squares < one.squares ? other : one));
    const middle = [...best.errors].sort((a, b) => a - b)[4]!;
    expect(median(found, 0)).toBeCloseTo(Math.max(0, best.level + middle), 9);
  });
});

describe('intermittent demand', () => {
  // Sizes 4, 2, 6 with intervals 3, 2, 4: smoothed by hand with α = 0.1.
  const history = Float64Array.of(0, 0, 4, 0, 2, 0, 0, 0, 6);
  const size = 4 + 0.1 * (2 - 4) + 0.1 * (6 - (4 + 0.1 * (2 - 4)));
  const interval = 3 + 0.1 * (2 - 3) + 0.1 * (4 - (3 + 0.1 * (2 - 3)));
  const mean = (forecast: (levels: number) => number) => {
    let sum = 0;
    for (let at = 0; at < 10_000; at += 1) sum += forecast((at + 0.5) / 10_000);
    return sum / 10_000;
  };

  test('Croston with the correction', () => {
    const found = croston(history, 3);
    const top = found[levels - 1]!;
    // The 90 % quantile is the size at (0.9 − (1 − p)) / p of 2, 4, 6, scaled to the smoothed mean.
    const p = 1 / interval;
    const place = ((0.9 - (1 - p)) / p) * 2;
    expect(top).toBeCloseTo(((2 + 2 * place) * size * 0.95) / 4, 9);
    expect(median(found, 0)).toBe(0);
    expect(mean((level) => (level <= 1 - p ? 0 : ((2 + 4 * ((level - (1 - p)) / p)) * size * 0.95) / 4))).toBeCloseTo(
      (0.95 * size) / interval,
      3,
    );
  });

  test('TSB forgets an item that is no longer sold, Croston does not', () => {
    const ended = Float64Array.from([...new Array(40).fill(5), ...new Array(40).fill(0)]);
    expect(median(tsb(ended, 1), 0)).toBe(0);
    expect(median(croston(ended, 1), 0)).toBeCloseTo(4.75, 9);
  });
});
