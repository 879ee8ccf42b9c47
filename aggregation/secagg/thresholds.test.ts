import { describe, expect, it } from 'vitest';
import { thresholdsFor } from './thresholds.ts';

const rates = { rule: 'complete-two-thirds' as const, gammaPermille: 0, deltaPermille: 340, minSurvivors: 2 };

describe('thresholds', () => {
  it.each([
    [5, 4, 1],
    [6, 5, 1],
    [10, 7, 3],
    [100, 67, 33],
  ])('of a cohort of %i: %i shares, %i may drop out', (size, threshold, tolerated) => {
    const found = thresholdsFor(rates, size)!;
    expect(found).toMatchObject({ holders: size, threshold });
    expect(size - found.minSurvivors).toBe(tolerated);
  });

  it('keep two disjoint quorums, and two openings of one secret, out of reach of the corrupt part', () => {
    for (let size = 2; size <= 128; size++)
      for (const gammaPermille of [0, 10, 100, 200, 300, 333]) {
        const corrupt = Math.ceil((gammaPermille * size) / 1000);
        const found = thresholdsFor({ ...rates, gammaPermille }, size);
        if (found === undefined) {
          expect(2 * (Math.floor((2 * size) / 3) + 1)).toBeLessThanOrEqual(size + corrupt);
          continue;
        }
        // Two quorums of q among n share more than the corrupt members, so at least one honest one.
        expect(2 * found.quorum - size).toBeGreaterThan(corrupt);
        expect(2 * found.threshold).toBeGreaterThan(found.holders + corrupt);
        expect(found.quorum).toBeGreaterThanOrEqual(found.threshold);
        expect(found.minSurvivors).toBeGreaterThanOrEqual(found.quorum);
      }
  });

  it('ask for as many survivors as the drop-out rate leaves, or as the task asks for', () => {
    expect(thresholdsFor({ ...rates, deltaPermille: 100 }, 20)).toMatchObject({ threshold: 14, minSurvivors: 18 });
    expect(thresholdsFor({ ...rates, minSurvivors: 17 }, 20)).toMatchObject({ threshold: 14, minSurvivors: 17 });
  });

  it('ask for a majority that the corrupt part cannot make on the k-out graph', () => {
    const sparse = { rule: 'k-out-40-20', gammaPermille: 50, deltaPermille: 50, minSurvivors: 2 } as const;
    expect(thresholdsFor(sparse, 100)).toEqual({ holders: 16, threshold: 11, quorum: 53, minSurvivors: 95 });
  });

  it('are none where the corrupt part is too large for the cohort', () => {
    expect(thresholdsFor({ ...rates, gammaPermille: 333 }, 3)).toBeDefined();
    expect(thresholdsFor({ ...rates, gammaPermille: 600 }, 5)).toBeUndefined();
  });
});
