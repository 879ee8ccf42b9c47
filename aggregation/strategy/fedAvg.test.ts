import { describe, expect, it } from 'vitest';
import { fedAvg } from './fedAvg.ts';

describe('fedAvg', () => {
  it('adds the mean update times the server rate, rounded once', () => {
    const out = new Float32Array(3);
    fedAvg({ serverLearningRate: 0.5 }).apply(Float32Array.of(1, -2, 0), Float64Array.of(0.1, 4, 1e-9), out, 0);
    expect([...out]).toEqual([Math.fround(1.05), 0, Math.fround(5e-10)]);
  });

  it('refuses unequal tiles and senseless rates', () => {
    expect(() =>
      fedAvg({ serverLearningRate: 1 }).apply(new Float32Array(2), new Float64Array(3), new Float32Array(2), 0),
    ).toThrow(RangeError);
    for (const serverLearningRate of [0, -1, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => fedAvg({ serverLearningRate })).toThrow(RangeError);
  });
});
