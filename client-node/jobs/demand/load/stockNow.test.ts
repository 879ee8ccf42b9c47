import { describe, expect, it } from 'vitest';
import type { SeriesTable } from './series.ts';
import { stockNow } from './stockNow.ts';

const unknown = Number.NaN;
/** Two series, of which the second is the one that is asked about; it begins in period 100. */
function stockOf(stock: number[] | undefined, sold: number[], frequency: 'day' | 'week' = 'week'): number {
  const table = {
    offsets: Uint32Array.of(0, 3, 3 + sold.length),
    firstPeriods: Int32Array.of(90, 100),
    sold: Float32Array.of(7, 7, 7, ...sold),
    stock: stock && Float32Array.of(70, 70, 70, ...stock),
  } as Partial<SeriesTable> as SeriesTable;
  return stockNow(table, frequency, 1, 100 + sold.length);
}

describe('stockNow', () => {
  it('is what was stated last, less what was sold since', () => {
    expect(stockOf([9, 8], [1, 1])).toBe(8);
    expect(stockOf([9, unknown, unknown], [1, 2, 3])).toBe(4);
    expect(stockOf([3, unknown], [1, 5])).toBe(0);
  });

  it('is not known where none was stated, or too long ago, or for another item alone', () => {
    expect(stockOf(undefined, [1])).toBeNaN();
    expect(stockOf([unknown, unknown], [0, 0])).toBeNaN();
    expect(stockOf([9, unknown, unknown, unknown, unknown], [0, 0, 0, 0, 0])).toBeNaN();
    expect(stockOf([9, unknown, unknown, unknown, unknown], [0, 0, 0, 0, 0], 'day')).toBe(9);
    expect(stockOf([], [])).toBeNaN();
  });
});
