import { type Architecture, manifestFor, type TensorShape, tensorsOf } from '@hansa/shared/model';
import { elementCount, parameterCount } from '@hansa/shared/numeric';
import { seededNumbers } from '@hansa/shared/random';

/** Standard deviation of BERT's starting weights. */
const WEIGHT_STD_DEV = 0.02;

/**
 * Starting weights as a flat vector in the manifest's order.
 *
 * Where a job does not say what its tensor starts with, weights are normal with standard deviation 0.02 cut at two of them, LayerNorm gains 1, biases 0.
 * Every tensor draws from a stream of its own name: the same tensor starts the same in models with other heads.
 */
export function initialWeights(architecture: Architecture, seed: number): Float32Array {
  const vector = new Float32Array(parameterCount(manifestFor(architecture)));
  let offset = 0;
  for (const tensor of tensorsOf(architecture)) {
    const values = initialTensor(tensor, seed);
    vector.set(values, offset);
    offset += values.length;
  }
  return vector;
}

/** One tensor of what initialWeights gives, for a model whose other tensors come from elsewhere. */
export function initialTensor({ name, shape, start }: TensorShape, seed: number): Float32Array {
  if (start !== undefined) return start();
  const values = new Float32Array(elementCount(shape));
  if (name.endsWith('LayerNorm.weight')) return values.fill(1);
  if (name.endsWith('.bias')) return values;
  const numbers = seededNumbers(`weights/${seed}/${name}`);
  return values.map(() => WEIGHT_STD_DEV * numbers.truncatedNormal());
}
