import type { OrderBatch, OrderSet } from './orders.ts';

type OrderColumns = Omit<OrderBatch, 'count'>;

/** The orders at `rows` of columns of `total` orders; a batch is copied out of them when it is asked for. */
export function orderSet(columns: OrderColumns, total: number, rows: Int32Array): OrderSet {
  return {
    count: rows.length,
    weights: new Float64Array(rows.length).fill(1),
    batch(indices) {
      const picked = Array.from(indices, (index) => {
        const row = rows[index];
        if (row === undefined) throw new RangeError(`no order ${index}: this set has ${rows.length}`);
        return row;
      });
      const pick = <Column extends Float32Array | Int32Array>(column: Column): Column => {
        const width = column.length / total;
        const out = new (column.constructor as new (length: number) => Column)(picked.length * width);
        picked.forEach((row, at) => {
          out.set(column.subarray(row * width, (row + 1) * width), at * width);
        });
        return out;
      };
      const batch = Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, pick(column)]));
      return { ...(batch as unknown as OrderColumns), count: picked.length };
    },
  };
}
