/**
 * Examples side by side: a number holds for all of them, an array has one row for each, all of equal length.
 *
 * What the columns mean is the job's; whoever draws, cuts or counts examples needs no more than this.
 */
export type Batch = { readonly count: number } & { readonly [column: string]: number | Column };
type Column = Float32Array | Int32Array;

/** The examples of one split, built on demand. */
export interface ExampleSet<B extends Batch = Batch> {
  readonly count: number;
  /** [count] sampling weights of training, positive. */
  readonly weights: Float64Array;
  /**
   * Builds the examples at `indices` (0 .. count - 1, repeats allowed).
   *
   * @throws RangeError (on an index outside)
   */
  batch(indices: ArrayLike<number>): B;
}

/** The examples `from` … `to` − 1 of a batch; copies, since a message would take a view's whole memory along. */
export function rowsOf<B extends Batch>(batch: B, from: number, to: number): B {
  const columns = Object.entries(batch).map(([name, column]) => {
    if (typeof column === 'number') return [name, column];
    const width = column.length / batch.count;
    return [name, column.slice(from * width, to * width)];
  });
  return { ...Object.fromEntries(columns), count: to - from };
}

/** The examples at `indices` of a batch (repeats allowed), copied. @throws RangeError (on an index outside) */
export function examplesAt<B extends Batch>(batch: B, indices: ArrayLike<number>): B {
  const picked = Array.from(indices);
  const outside = picked.find((index) => !(index >= 0 && index < batch.count));
  if (outside !== undefined) throw new RangeError(`no example ${outside}: there are ${batch.count}`);
  const columns = Object.entries(batch).map(([name, column]) => {
    if (typeof column === 'number') return [name, column];
    const width = column.length / batch.count;
    const rows = new (column.constructor as new (length: number) => Column)(picked.length * width);
    for (const [at, index] of picked.entries())
      rows.set(column.subarray(index * width, (index + 1) * width), at * width);
    return [name, rows];
  });
  return { ...Object.fromEntries(columns), count: picked.length };
}

/** At most `limit` indices below `count`, evenly spread, ascending. */
export function spread(count: number, limit: number): number[] {
  const taken = Math.min(count, limit);
  return Array.from({ length: taken }, (_, index) => Math.floor((index * count) / taken));
}

/** Pieces of at most `size`. */
export function* chunks(indices: readonly number[], size: number): Generator<readonly number[]> {
  for (let from = 0; from < indices.length; from += size) yield indices.slice(from, from + size);
}
