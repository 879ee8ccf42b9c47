import { describe, expect, it } from 'vitest';
import { nextControl } from './controlVariates.ts';

describe('nextControl', () => {
  it('keeps what it sends: a change beyond the clip is scaled down to it in both', () => {
    const own = Float32Array.of(1, 0, 0);
    const { next, difference } = nextControl(own, Float32Array.of(8, 6, 0), 2, 2.5);
    expect([...difference]).toEqual(
      [1.5 * Math.SQRT1_2, 1.5 * Math.SQRT1_2, 0].map((value) => expect.closeTo((value * 2.5) / 1.5, 6)),
    );
    expect([...next]).toEqual([...difference].map((value, at) => expect.closeTo(own[at]! + value, 6)));
    const same = nextControl(own, Float32Array.of(2, 0, 0), 2, 2.5);
    expect([...same.difference, ...same.next]).toEqual([0, 0, 0, 1, 0, 0]);
  });
});
