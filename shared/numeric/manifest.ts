/** One tensor of a model and its place in the flat vector. */
export interface TensorEntry {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: 'F32';
  /** First element in the flat vector, counted in numbers (not bytes). */
  readonly offset: number;
}

/** A model's tensors in the order of the flat vector: offsets ascend from 0 without holes. */
export type Manifest = readonly TensorEntry[];

/** Number of elements of a tensor; 1 for a scalar (shape []). */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

/** Number of parameters that a manifest lays out. */
export function parameterCount(manifest: Manifest): number {
  const last = manifest.at(-1);
  return last === undefined ? 0 : last.offset + elementCount(last.shape);
}

/** Lays tensors out one after another in the order given. @throws RangeError (for a name that occurs twice) */
export function layOut(tensors: Iterable<{ readonly name: string; readonly shape: readonly number[] }>): Manifest {
  const names = new Set<string>();
  const manifest: TensorEntry[] = [];
  let offset = 0;
  for (const { name, shape } of tensors) {
    if (names.has(name)) throw new RangeError(`tensor ${name} occurs twice`);
    names.add(name);
    manifest.push({ name, shape: [...shape], dtype: 'F32', offset });
    offset += elementCount(shape);
  }
  return manifest;
}
