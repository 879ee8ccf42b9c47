import fc from 'fast-check';
import { expect, test } from 'vitest';
import { forecastScore, pinballLoss, SCORED_QUANTILES } from './scores.ts';

const targets = (target: number[], observed = target.map(() => 1), stockOut = target.map(() => 0), count = 1) => ({
  count,
  target: Float32Array.from(target),
  targetObserved: Float32Array.from(observed),
  stockOut: Float32Array.from(stockOut),
});
const flat = (values: readonly number[]) => values.flatMap((value) => SCORED_QUANTILES.map(() => value));

test('WQL, WAPE and coverage of a case worked by hand', () => {
  const score = forecastScore(1, new Float64Array(1).fill(1));
  // y = 10 and 2, every quantile 6 and 2: pinball of the first is level * 4, so that 2 Σ pinball / Σ|y| = 8 level / 12, whose mean is 1 / 3.
  score.add(targets([10, 2]), flat([6, 2]), () => 0);
  const { wql, wape, coverage, bias, mase, periods } = score.metrics();
  expect(bias).toBeCloseTo(-4 / 12, 12);
  expect(mase).toBeCloseTo(2, 12);
  expect(wql).toBeCloseTo(1 / 3, 12);
  expect(wape).toBeCloseTo(4 / 12, 12);
  expect(coverage).toBe(0.5);
  expect(periods).toBe(2);
});

test('a point forecast has the WQL of its WAPE (the mean of 2·level over the levels is 1)', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 99 }), fc.integer({ min: 0, max: 99 })), { minLength: 1 }),
      (pairs) => {
        const over = pairs.map(([y, extra]) => y + extra);
        const score = forecastScore(1, new Float64Array(1).fill(1));
        score.add(targets(pairs.map(([y]) => y)), flat(over), () => 0);
        const { wql, wape } = score.metrics();
        expect(wql).toBeCloseTo(wape as number, 9);
      },
    ),
    { seed: 5 },
  );
});

test('what is not observed or was sold out is not scored, and adding in parts is adding the whole', () => {
  const period = fc.record({ y: fc.nat(50), q: fc.nat(50), seen: fc.boolean(), out: fc.boolean(), series: fc.nat(3) });
  fc.assert(
    fc.property(fc.array(period, { minLength: 1, maxLength: 30 }), (periods) => {
      const whole = forecastScore(4, new Float64Array(4).fill(1));
      const parts = forecastScore(4, new Float64Array(4).fill(1));
      const kept = forecastScore(4, new Float64Array(4).fill(1));
      const of = (list: typeof periods) =>
        [
          targets(
            list.map((p) => p.y),
            list.map((p) => (p.seen ? 1 : 0)),
            list.map((p) => (p.out ? 1 : 0)),
            list.length,
          ),
          flat(list.map((p) => p.q)),
          (row: number) => (list[row] as (typeof list)[number]).series,
        ] as const;
      whole.add(...of(periods));
      for (const one of periods) parts.add(...of([one]));
      kept.add(...of(periods.filter((p) => p.seen && !p.out)));
      expect(parts.metrics()).toEqual(whole.metrics());
      expect(kept.metrics()).toEqual(whole.metrics());
      expect(whole.perSeries()).toEqual(kept.perSeries());
    }),
    { seed: 6 },
  );
});

test('MASE is the mean over series, without those whose season before was never off, is not known or has nothing scored', () => {
  const score = forecastScore(5, Float64Array.of(2, 4, 0, Number.NaN, 1));
  const errors = [2, 12, 50, 50];
  for (const [series, error] of errors.entries()) score.add(targets([100]), flat([100 - error]), () => series);
  expect(score.metrics().mase).toBeCloseTo((2 / 2 + 12 / 4) / 2, 12);
  const nothing = forecastScore(1, Float64Array.of(0));
  nothing.add(targets([100]), flat([50]), () => 0);
  expect(nothing.metrics().mase).toBeUndefined();
});

test('the pinball loss is least at the quantile', () => {
  const sample = Array.from({ length: 101 }, (_, index) => index);
  for (const level of SCORED_QUANTILES) {
    const loss = (q: number) => sample.reduce((sum, y) => sum + pinballLoss(y, q, level), 0);
    const best = sample.reduce((least, q) => (loss(q) < loss(least) ? q : least), 0);
    expect(Math.abs(best - 100 * level)).toBeLessThanOrEqual(1);
  }
});

test('no demand gives no ratio; wrong shapes and numbers are refused', () => {
  const score = forecastScore(1, new Float64Array(1).fill(1));
  expect(score.metrics()).toEqual({ wql: undefined, wape: undefined, coverage: undefined, periods: 0 });
  expect(() => score.add(targets([1]), [1, 2], () => 0)).toThrow(RangeError);
  expect(() => score.add(targets([1]), flat([Number.NaN]), () => 0)).toThrow('not a finite number');
  expect(() => score.add(targets([1]), flat([1]), () => 1)).toThrow('no series 1');
});
