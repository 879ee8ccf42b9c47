import { expect, test } from 'vitest';
import { fitSmoothing } from './fitSmoothing.ts';
import { smooth, smoothAhead } from './smoothingModel.ts';

// The references are those of statsmodels 0.15.0, ETSModel: `smooth` and `get_prediction` where states and weights are given, `fit` where not. The series are
// those of Hyndman and Athanasopoulos, Forecasting: principles and practice, chapter 7.
const tourists = Float64Array.of(
  ...[42.20566, 24.64917, 32.66734, 37.25735, 45.24246, 29.35048, 36.34421, 41.78208],
  ...[49.2766, 31.2754, 37.85063, 38.83704, 51.2369, 31.83855, 41.32342, 42.799],
);
const oil = Float64Array.of(
  ...[445.3641, 453.195, 454.4096, 422.3789, 456.0371, 440.3866],
  ...[425.1944, 486.2052, 500.4291, 521.2759, 508.9476, 488.8889],
);
const passengers = Float64Array.of(
  ...[
    17.5534, 21.8601, 23.8866, 26.9293, 26.8885, 28.8314, 30.0751, 30.9535, 30.1857, 31.5797, 32.577569, 33.477398,
    39.021581,
  ],
  ...[
    41.386432, 41.596552, 44.657324, 46.951775, 48.728837, 51.48843, 50.026967, 60.640912, 63.36031, 66.355274,
    68.197955,
  ],
  ...[68.123229, 69.78026, 72.5977],
);
/** What Akaike's information has beside ours: the constant of the normal distribution. */
const constant = (count: number) => count * (1 + Math.log(2 * Math.PI));
const close = (values: readonly number[]) => values.map((value) => expect.closeTo(value, 4));

test('states, errors, forecasts and their variance are those of the reference', () => {
  const weights = { level: 0.3, trend: 0.03, season: 0.15, damping: 0.95 };
  const errors: number[] = [];
  const { end, squares } = smooth(
    tourists,
    weights,
    { level: 35, trend: 0, seasons: Float64Array.of(7, -6, 0, -1) },
    errors,
  );
  expect(errors).toEqual(
    close([
      ...[0.20566, -4.418389, -0.954347, 5.063504, 3.488864, 0.135042, 0.461454, 5.74322],
      ...[3.447198, -1.749003, -1.507439, -0.996087, 4.060008, -1.878668, 1.335029, 1.381934],
    ]),
  );
  expect(squares).toBeCloseTo(133.4140844607232, 6);
  const { points, widths } = smoothAhead(end, weights, 6);
  expect([...points]).toEqual(close([50.32339, 34.725403, 42.06774, 43.089126, 51.32107, 35.6732]));
  expect([...widths].map((width) => width ** 2)).toEqual(close([1, 1.107912, 1.234346, 1.379733, 1.68857, 1.872564]));
});

test('a period that is not known moves the trend on and nothing else', () => {
  const weights = { level: 0.5, trend: 0.1, season: 0, damping: 0.9 };
  const start = { level: 10, trend: 2, seasons: new Float64Array(1) };
  const { end, squares } = smooth(Float64Array.of(Number.NaN, Number.NaN), weights, start);
  expect(squares).toBe(0);
  expect(end.level).toBeCloseTo(10 + 1.8 + 1.62, 12);
  expect(end.trend).toBeCloseTo(1.62, 12);
});

test('a level alone is fitted as by the reference', () => {
  const { weights, start, information } = fitSmoothing(oil, { hasTrend: false, season: 1 })!;
  expect(weights.level).toBeCloseTo(0.79554, 1);
  expect(start.level).toBeCloseTo(446.795, -1);
  expect(smooth(oil, weights, start).squares).toBeLessThan(7370.92 * 1.001);
  expect(information + constant(oil.length)).toBeCloseTo(120.0992, 1);
});

test('a damped trend is fitted at least as well as by the reference', () => {
  const { weights, start, information } = fitSmoothing(passengers, { hasTrend: true, season: 1 })!;
  expect(smooth(passengers, weights, start).squares).toBeLessThan(137.4918 * 1.001);
  expect(information + constant(passengers.length)).toBeLessThan(136.7713 + 0.1);
});

test('too few values for a form give no fit, and the simplest form takes a single one', () => {
  expect(fitSmoothing(oil.subarray(0, 6), { hasTrend: true, season: 1 })).toBeUndefined();
  expect(fitSmoothing(tourists.subarray(0, 8), { hasTrend: false, season: 4 })).toBeUndefined();
  expect(fitSmoothing(Float64Array.of(Number.NaN), { hasTrend: false, season: 1 })).toBeUndefined();
  const { weights, start } = fitSmoothing(Float64Array.of(5), { hasTrend: false, season: 1 })!;
  expect(smoothAhead(smooth(Float64Array.of(5), weights, start).end, weights, 2).points).toEqual(Float64Array.of(5, 5));
});
