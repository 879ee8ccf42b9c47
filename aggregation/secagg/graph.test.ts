import { seededRandom } from '@hansa/shared/random';
import { describe, expect, it } from 'vitest';
import { areHolders, drawHolders, edgesOf } from './graph.ts';

const order = [2, 3, 5, 7, 11, 13, 17, 19];

describe('holders of the k-out graph', () => {
  it('are as many others as asked for, ascending, and others with every draw', () => {
    const random = seededRandom('holders');
    const drawn = Array.from({ length: 100 }, () => drawHolders('kOut', order, 7, 3, random));
    for (const holders of drawn) expect(areHolders('kOut', order, 7, 3, holders)).toBe(true);
    // 35 sets of three can be drawn from seven others; each is, about three times in a hundred draws.
    expect(new Set(drawn.map(String)).size).toBeGreaterThan(25);
    for (const other of order.filter((member) => member !== 7))
      expect(drawn.filter((holders) => holders.includes(other)).length).toBeGreaterThan(20);
  });

  it('cannot be more than there are others', () => {
    expect(() => drawHolders('kOut', order, 7, 8, seededRandom(1))).toThrow(RangeError);
  });

  it.each([
    ['too few', [2, 3]],
    ['too many', [2, 3, 5, 11]],
    ['the dealer itself', [2, 3, 7]],
    ['a stranger', [2, 3, 4]],
    ['one twice', [2, 3, 3]],
    ['not ascending', [3, 2, 5]],
  ])('are not %s', (_, holders) => {
    expect(areHolders('kOut', order, 7, 3, holders)).toBe(false);
  });
});

describe('holders of the complete graph', () => {
  it('are all, the dealer too, and nothing less', () => {
    expect(drawHolders('complete', order, 7, order.length, seededRandom(1))).toEqual(order);
    expect(areHolders('complete', order, 7, order.length, order)).toBe(true);
    expect(areHolders('complete', order, 7, order.length, order.slice(1))).toBe(false);
    expect(areHolders('complete', order, 7, order.length, order.toReversed())).toBe(false);
  });
});

describe('edges', () => {
  it('run to holders and dealers among those who share, never to oneself', () => {
    expect(edgesOf([2, 3, 5, 7], 5, new Set([3, 5, 11]), new Set([5, 7, 13]))).toEqual([3, 7]);
  });
});
