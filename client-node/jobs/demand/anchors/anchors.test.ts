import { DEMAND_ANCHORS, DEMAND_COLUMNS, DEMAND_QUANTILES } from '@hansa/shared/model/jobs/demand';
import { seededNumbers } from '@hansa/shared/random';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { effects } from './effects.ts';
import { anchorsOf, type KnownSeries } from './index.ts';

const QUANTILES = DEMAND_QUANTILES.length;
const MEDIAN = DEMAND_QUANTILES.indexOf(0.5);

function known(sold: readonly number[], change: Partial<KnownSeries> = {}): KnownSeries {
  return {
    frequency: 'week',
    sold: Float64Array.from(sold),
    horizon: 8,
    covariates: new Float32Array(0),
    width: 0,
    closed: undefined,
    firstWeekday: 0,
    merchantSeason: new Float64Array(400).fill(1),
    peers: () => new Float64Array(0),
    ...change,
  };
}

const units = fc.oneof(
  fc.constant(0),
  fc.constant(Number.NaN),
  fc.integer({ min: 0, max: 40 }),
  fc.double({ min: 0, max: 1e6, noNaN: true }),
);
const anySeries = fc
  .record({
    frequency: fc.constantFrom('day' as const, 'week' as const, 'month' as const),
    sold: fc.array(units, { maxLength: 160 }),
    horizon: fc.integer({ min: 1, max: 28 }),
    width: fc.integer({ min: 0, max: 3 }),
    firstWeekday: fc.integer({ min: 0, max: 6 }),
    closes: fc.boolean(),
    seed: fc.integer(),
  })
  .map(({ frequency, sold, horizon, width, firstWeekday, closes, seed }) => {
    const numbers = seededNumbers(`anchors ${seed}`);
    const periods = sold.length + horizon;
    const draw = () => (numbers.uniform() < 0.7 ? 0 : numbers.uniform());
    return known(sold, {
      frequency,
      horizon,
      width,
      firstWeekday,
      covariates: Float32Array.from({ length: periods * width }, draw),
      closed: closes ? Float32Array.from({ length: periods }, draw) : undefined,
      peers: () => Float64Array.of(0, 1, 3),
    });
  });

describe('every anchor', () => {
  it('is finite, at least 0, and its quantiles never cross, whatever the history', () => {
    fc.assert(
      fc.property(anySeries, (series) => {
        const { forecasts, ahead } = anchorsOf(series);
        expect(forecasts.length).toBe(DEMAND_ANCHORS);
        expect(ahead.length).toBe(series.horizon);
        for (const { single, toDate } of forecasts) {
          for (const rows of [single, toDate]) {
            expect(rows.length).toBe(series.horizon * DEMAND_COLUMNS);
            expect(rows.every((value) => Number.isFinite(value) && value >= 0)).toBe(true);
            for (let at = 0; at < rows.length; at++) {
              const column = at % DEMAND_COLUMNS;
              if (column === 0 || column === QUANTILES) continue;
              // The last bits of a product may differ between neighbours that are alike.
              expect(rows[at]!).toBeGreaterThanOrEqual(rows[at - 1]! * (1 - 1e-12));
            }
          }
        }
      }),
      { numRuns: 150, seed: 1 },
    );
  });

  it('is the same in another unit of measure', () => {
    fc.assert(
      fc.property(anySeries, fc.constantFrom(1e-3, 7, 1e4), (series, factor) => {
        const scaled = {
          ...series,
          sold: series.sold.map((value) => value * factor),
          peers: () => series.peers().map((value) => value * factor),
        };
        const [one, other] = [anchorsOf(series), anchorsOf(scaled)];
        for (const [kind, { single, toDate }] of one.forecasts.entries()) {
          for (const [at, value] of single.entries()) {
            const tolerance = 1e-6 * (1 + value) * factor;
            expect(Math.abs(other.forecasts[kind]!.single[at]! - value * factor)).toBeLessThan(tolerance);
          }
          for (const [at, value] of toDate.entries()) {
            expect(Math.abs(other.forecasts[kind]!.toDate[at]! - value * factor)).toBeLessThan(
              1e-6 * (1 + value) * factor,
            );
          }
        }
      }),
      { numRuns: 60, seed: 2 },
    );
  });
});

describe('anchorsOf', () => {
  const median = (rows: Float64Array, step: number) => rows[step * DEMAND_COLUMNS + MEDIAN]!;

  it('says of a constant demand that it stays, alone and in sums', () => {
    const { forecasts } = anchorsOf(known(new Array(120).fill(5)));
    for (const { single, toDate } of forecasts) {
      expect(median(single, 3)).toBeCloseTo(5, 0);
      expect(single[3 * DEMAND_COLUMNS + QUANTILES]).toBeCloseTo(5, 6);
      expect(toDate[7 * DEMAND_COLUMNS + QUANTILES]).toBeCloseTo(40, 6);
    }
  });

  it('knows that sums vary less than periods, and that quantiles of sums are not sums of quantiles', () => {
    const numbers = seededNumbers('sums');
    const { forecasts } = anchorsOf(known(Array.from({ length: 104 }, () => (numbers.uniform() < 0.25 ? 4 : 0))));
    const { single, toDate } = forecasts[2]!;
    expect(median(single, 0)).toBeLessThan(0.2);
    // The mean of eight periods is 8 · 0.25 · 4 = 8.
    expect(median(toDate, 7)).toBeGreaterThan(5);
    expect(median(toDate, 7)).toBeLessThan(11);
  });

  it('sees the season of the year before in the fifth anchor alone', () => {
    const seasonal = Array.from({ length: 130 }, (_, at) => (at % 52 < 4 ? 30 : 10));
    // Period 130 is the 26th of a year; 26 periods on, at 156, the busy ones begin.
    const { forecasts } = anchorsOf(known([...seasonal, ...new Array(25).fill(10)]));
    expect(median(forecasts[4]!.single, 2)).toBeGreaterThan(17);
    expect(median(forecasts[0]!.single, 2)).toBeLessThan(12);
  });

  it('follows the weekday, in the forecast of days', () => {
    const days = Array.from({ length: 200 }, (_, at) => (at % 7 === 3 ? 20 : 2));
    const { forecasts } = anchorsOf(known(days, { frequency: 'day', horizon: 28 }));
    for (const [kind, { single }] of forecasts.entries()) {
      if (kind === 4) continue;
      for (let step = 0; step < 28; step++)
        expect(Math.abs(median(single, step) - ((200 + step) % 7 === 3 ? 20 : 2))).toBeLessThan(3.5);
    }
  });

  it('forecasts a new item like one of the others, and nothing where there are none', () => {
    const fresh = anchorsOf(known([], { peers: () => Float64Array.of(1, 2, 30) }));
    expect(median(fresh.forecasts[0]!.single, 0)).toBeGreaterThan(1);
    // It is a slow or a quick one in all periods alike: the spread does not shrink in the sum.
    expect(median(fresh.forecasts[0]!.toDate, 7)).toBeCloseTo(8 * median(fresh.forecasts[0]!.single, 0), 6);
    expect(anchorsOf(known([])).forecasts[0]!.single.every((value) => value === 0)).toBe(true);
  });

  it('does not take sold-out periods for low demand', () => {
    const sold = Array.from({ length: 104 }, (_, at) => (at % 2 === 0 ? 10 : Number.NaN));
    const lows = sold.map((value) => (Number.isNaN(value) ? 0 : value));
    expect(median(anchorsOf(known(sold)).forecasts[1]!.single, 0)).toBeCloseTo(10, 0);
    expect(median(anchorsOf(known(lows)).forecasts[1]!.single, 0)).toBeLessThan(8);
  });
});

describe('effects', () => {
  const promoted = (periods: number) => Array.from({ length: periods }, (_, at) => (at % 9 === 6 ? 1 : 0));

  it('finds what a promotion does, and forecasts it where one is planned', () => {
    const numbers = seededNumbers('promotion');
    const plan = promoted(112);
    const sold = Array.from({ length: 104 }, (_, at) => (plan[at] ? 3 : 1) * (18 + 4 * numbers.uniform()));
    const series = known(sold, { width: 1, covariates: Float32Array.from(plan) });
    const factors = effects(series);
    const planned = plan.findIndex((is, at) => at >= 104 && is === 1);
    expect(factors[planned]! / factors[planned + 1]!).toBeGreaterThan(2.5);
    expect(factors[planned]! / factors[planned + 1]!).toBeLessThan(3.3);
    const { single } = anchorsOf(series).forecasts[1]!;
    const mean = (step: number) => single[step * DEMAND_COLUMNS + QUANTILES]!;
    expect(mean(planned - 104) / mean(planned - 103)).toBeGreaterThan(2.5);
    // Without effects the promotion is averaged over all periods.
    const { single: plain } = anchorsOf(series).forecasts[5]!;
    expect(plain[QUANTILES]).toBeCloseTo(plain[3 * DEMAND_COLUMNS + QUANTILES]!, 9);
  });

  it('believes little of what it has seen once', () => {
    const sold = Array.from({ length: 20 }, (_, at) => 5 + (at % 3));
    const covariates = new Float32Array(28);
    covariates[10] = 1;
    covariates[22] = 1;
    sold[10] = 40;
    const factors = effects(known(sold, { width: 1, covariates }));
    expect(factors[22]).toBeGreaterThan(1);
    expect(factors[22]).toBeLessThan(40 / 6);
  });

  it('forecasts nothing for a period in which the shop is closed', () => {
    const closed = new Float32Array(112);
    closed[106] = 1;
    const { forecasts } = anchorsOf(known(new Array(104).fill(7), { closed }));
    expect(forecasts[0]!.single.subarray(2 * DEMAND_COLUMNS, 3 * DEMAND_COLUMNS).every((value) => value === 0)).toBe(
      true,
    );
    expect(forecasts[0]!.single[3 * DEMAND_COLUMNS + MEDIAN]).toBeGreaterThan(6);
  });
});
