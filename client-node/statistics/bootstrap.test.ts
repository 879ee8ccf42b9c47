import { expect, test } from 'vitest';
import { bootstrapDifference } from './bootstrap.ts';

const losses = (loss: number[]) => ({ loss: Float64Array.from(loss), demand: new Float64Array(loss.length).fill(1) });

test('a method that is a tenth better on every series has that interval', () => {
  const base = Array.from({ length: 30 }, (_, index) => 1 + index);
  const result = bootstrapDifference(losses(base.map((loss) => loss * 0.9)), losses(base), { seed: 1 });
  expect(result?.estimate).toBeCloseTo(-0.1, 12);
  expect(result?.low).toBeCloseTo(-0.1, 12);
  expect(result?.high).toBeCloseTo(-0.1, 12);
  expect(result).toMatchObject({ confidence: 0.95, series: 30 });
});

test('the same seed gives the same interval, another seed another', () => {
  const base = Array.from({ length: 20 }, (_, index) => 1 + (index % 5));
  const other = base.map((loss, index) => loss * (index % 3 === 0 ? 1.3 : 0.8));
  const of = (seed: number) => bootstrapDifference(losses(other), losses(base), { seed });
  expect(of(1)).toEqual(of(1));
  expect(of(1)).not.toEqual(of(2));
});

test('the interval holds the truth about as often as it says', () => {
  // Series whose true mean difference is 0: the interval should cover 0 in about 95 of 100 trials.
  let covered = 0;
  let state = 12345;
  const next = () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state / 2147483648;
  };
  for (let trial = 0; trial < 200; trial += 1) {
    const method = Array.from({ length: 40 }, () => 1 + next());
    const base = Array.from({ length: 40 }, () => 1 + next());
    const result = bootstrapDifference(losses(method), losses(base), { seed: trial, resamples: 300 });
    if (result !== undefined && result.low <= 0 && result.high >= 0) covered += 1;
  }
  expect(covered).toBeGreaterThan(176);
  expect(covered).toBeLessThan(200);
});

test('series that were not scored change nothing, and no loss gives no ratio', () => {
  const base = [1, 2, 3, 4];
  const method = [2, 1, 3, 5];
  const padded = (loss: number[]) => ({
    loss: Float64Array.from([...loss, 0, 0]),
    demand: Float64Array.from([...loss.map(() => 1), 0, 0]),
  });
  expect(bootstrapDifference(padded(method), padded(base), { seed: 3 })).toEqual(
    bootstrapDifference(losses(method), losses(base), { seed: 3 }),
  );
  expect(bootstrapDifference(losses([0]), losses([0]), { seed: 1 })).toBeUndefined();
  expect(() => bootstrapDifference(losses([1]), losses([1, 2]), { seed: 1 })).toThrow(RangeError);
});
