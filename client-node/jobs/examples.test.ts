import { describe, expect, it } from 'vitest';
import { examplesAt, rowsOf } from './examples.ts';

const batch = {
  count: 3,
  season: 7,
  wide: Float32Array.of(0, 1, 10, 11, 20, 21),
  hashes: Int32Array.of(5, 6, 7),
  absent: new Float32Array(0),
};

describe('examplesAt', () => {
  it('copies the rows asked for, in their order and as often as asked, and keeps what holds for all', () => {
    const picked = examplesAt(batch, [2, 0, 2]);
    expect(picked).toEqual({
      count: 3,
      season: 7,
      wide: Float32Array.of(20, 21, 0, 1, 20, 21),
      hashes: Int32Array.of(7, 5, 7),
      absent: new Float32Array(0),
    });
    picked.wide.fill(9);
    expect(batch.wide[0]).toBe(0);
    expect(examplesAt(batch, Int32Array.of(0, 1))).toEqual(rowsOf(batch, 0, 2));
    expect(examplesAt(batch, [])).toEqual(rowsOf(batch, 0, 0));
    expect(examplesAt(rowsOf(batch, 0, 0), []).wide).toHaveLength(0);
  });

  it.each([-1, 3, Number.NaN])('refuses the index %d', (index) => {
    expect(() => examplesAt(batch, [0, index])).toThrow(RangeError);
  });
});
