import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fitsWithoutWrap, scaleLog2For, wordLimit } from './fixedPoint.ts';

describe('the scale', () => {
  it('is the largest power of two that cannot wrap, for any clip and cohort', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1e-6, max: 1e5, noNaN: true }),
        fc.integer({ min: 1, max: 100_000 }),
        (clipNorm, maxCohort) => {
          const scaleLog2 = scaleLog2For({ clipNorm, maxCohort });
          const bounds = { clipNorm, maxCohort };
          expect(fitsWithoutWrap(bounds, scaleLog2)).toBe(true);
          expect(fitsWithoutWrap(bounds, scaleLog2 + 1)).toBe(false);
          expect(maxCohort * Math.round(2 ** scaleLog2 * clipNorm)).toBeLessThanOrEqual(wordLimit);
        },
      ),
      { numRuns: 500, seed: 3 },
    );
  });

  it('is what the formula gives by hand', () => {
    // ⌊(2^31−1)/5⌋−1 = 429496728 lies between 2^28 and 2^29.
    expect(scaleLog2For({ clipNorm: 1, maxCohort: 5 })).toBe(28);
    expect(scaleLog2For({ clipNorm: 10, maxCohort: 128 })).toBe(20);
    for (const clipNorm of [0, -1, Number.MIN_VALUE, Number.MAX_VALUE, Number.NaN])
      expect(() => scaleLog2For({ clipNorm, maxCohort: 5 })).toThrow(RangeError);
    expect(() => scaleLog2For({ clipNorm: 1, maxCohort: 0 })).toThrow(RangeError);
  });
});
