import { examplesAt } from '../examples.ts';
import type { OrderBatch, OrderSet } from './orders.ts';

/** The orders at `rows` of all orders; a batch is copied out of them when it is asked for. */
export function orderSet(orders: OrderBatch, rows: Int32Array): OrderSet {
  return {
    count: rows.length,
    weights: new Float64Array(rows.length).fill(1),
    batch: (indices) =>
      examplesAt(
        orders,
        Array.from(indices, (index) => {
          const row = rows[index];
          if (row === undefined) throw new RangeError(`no order ${index}: this set has ${rows.length}`);
          return row;
        }),
      ),
  };
}
