import { adaptedMatrices, adapterOfHeader, factorNames, frozenFactors, isLora, loraScale } from '@hansa/shared/model';
import { elementCount, type Manifest } from '@hansa/shared/numeric';
import { type Model, readBaseModel, readWeights } from './modelFile.ts';

/**
 * The model that an adapter makes of its base: what the adapter trained whole in its place, and alpha/rank · B·A added to every matrix it adapts.
 *
 * @throws HansaError NotFound, InvalidModelFile (naming the path: a file that is no adapter, or one of another base model)
 */
export async function mergeAdapter(baseModelFile: string, adapterFile: string): Promise<Model> {
  const base = await readBaseModel(baseModelFile);
  const { architecture, manifest, vector } = base;
  const adapter = await readWeights(adapterFile, (header) => adapterOfHeader(header, base));
  const { mode, seed } = adapter.content;
  for (const entry of adapter.manifest) {
    const place = manifest.find(({ name }) => name === entry.name);
    if (place !== undefined) vector.set(valuesOf(adapter.manifest, adapter.vector, entry.name)!, place.offset);
  }
  if (!isLora(mode)) return { architecture, manifest, vector };
  const frozen = new Map(frozenFactors(architecture, mode, seed).map(({ name, values }) => [name, values]));
  for (const matrix of adaptedMatrices(architecture, mode)) {
    const names = factorNames(matrix);
    const b = valuesOf(adapter.manifest, adapter.vector, names.b)!;
    const a = frozen.get(names.a) ?? valuesOf(adapter.manifest, adapter.vector, names.a)!;
    addProduct(valuesOf(manifest, vector, `${matrix}.weight`)!, b, a, mode.rank, loraScale(mode)!);
  }
  return { architecture, manifest, vector };
}

/** target [out, in] += scale · B [out, rank] · A [rank, in]. */
function addProduct(target: Float32Array, b: Float32Array, a: Float32Array, rank: number, scale: number): void {
  const inputs = a.length / rank;
  for (let index = 0; index < target.length; index++) {
    const [row, column] = [Math.floor(index / inputs), index % inputs];
    let sum = 0;
    for (let inner = 0; inner < rank; inner++) sum += b[row * rank + inner]! * a[inner * inputs + column]!;
    target[index]! += scale * sum;
  }
}

/** A tensor's numbers: a view. */
function valuesOf(manifest: Manifest, vector: Float32Array, name: string): Float32Array | undefined {
  const entry = manifest.find((one) => one.name === name);
  return entry && vector.subarray(entry.offset, entry.offset + elementCount(entry.shape));
}
