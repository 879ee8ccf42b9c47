import { type Architecture, DEMAND_COLUMNS, DEMAND_QUANTILES, DEMAND_ROWS, manifestFor } from '@hansa/shared/model';
import { elementCount, parameterCount, type TensorEntry } from '@hansa/shared/numeric';
import { seededNumbers } from '@hansa/shared/random';

/** Standard deviation of BERT's starting weights. */
const WEIGHT_STD_DEV = 0.02;

/** Spread that the head forecasts before training, relative to the level: of one period, and of a sum of periods, which varies less. */
const PERIOD_SPREAD = 0.5;
const SUM_SPREAD = 0.2;

/** Quantiles of the standard normal at DEMAND_QUANTILES above the median. */
const NORMAL_QUANTILES = [0, 0.2533, 0.5244, 0.8416, 1.2816, 1.6449, 2.3263];

/**
 * Starting weights as a flat vector in the manifest's order.
 *
 * Weights are normal with standard deviation 0.02 cut at two of them, LayerNorm gains 1, biases 0; the biases of the quantile head start at a
 * normal spread, so that the first steps are not spent on finding out that quantiles differ. Every tensor draws from a stream of its own name:
 * the same tensor starts the same in models with other heads.
 */
export function initialWeights(architecture: Architecture, seed: number): Float32Array {
  const manifest = manifestFor(architecture);
  const vector = new Float32Array(parameterCount(manifest));
  for (const entry of manifest) {
    const values = vector.subarray(entry.offset, entry.offset + elementCount(entry.shape));
    fill(values, entry, seed);
  }
  return vector;
}

/** One tensor of what initialWeights gives, for a model whose other tensors come from elsewhere. */
export function initialTensor(entry: TensorEntry, seed: number): Float32Array {
  const values = new Float32Array(elementCount(entry.shape));
  fill(values, entry, seed);
  return values;
}

function fill(values: Float32Array, { name }: TensorEntry, seed: number): void {
  if (name === 'demand.quantiles.bias') {
    values.set(quantileBias());
    return;
  }
  if (name.endsWith('LayerNorm.weight')) {
    values.fill(1);
    return;
  }
  if (name.endsWith('.bias')) return;
  const numbers = seededNumbers(`weights/${seed}/${name}`);
  for (let index = 0; index < values.length; index++) values[index] = WEIGHT_STD_DEV * numbers.truncatedNormal();
}

/** [DEMAND_ROWS, DEMAND_COLUMNS]: median 0, steps down and up to the quantiles of a normal, mean 0. */
function quantileBias(): Float32Array {
  const bias = new Float32Array(DEMAND_ROWS * DEMAND_COLUMNS);
  const stepsEachWay = (DEMAND_QUANTILES.length - 1) / 2;
  for (let row = 0; row < DEMAND_ROWS; row++) {
    const spread = row === DEMAND_ROWS - 1 ? SUM_SPREAD : PERIOD_SPREAD;
    for (let step = 1; step <= stepsEachWay; step++) {
      const raw = inverseSoftplus(spread * (NORMAL_QUANTILES[step]! - NORMAL_QUANTILES[step - 1]!));
      bias[row * DEMAND_COLUMNS + step] = raw;
      bias[row * DEMAND_COLUMNS + stepsEachWay + step] = raw;
    }
  }
  return bias;
}

function inverseSoftplus(value: number): number {
  return Math.log(Math.expm1(value));
}
