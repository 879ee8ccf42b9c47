import { HansaError } from '@hansa/shared/errors';
import type { EncodingConfig } from './fits.ts';

/** A node's tail numbers by name, in their own units; those of `config.tail`, each there. */
export type TailValues = Readonly<Record<string, number>>;

/**
 * The tail words of one node: its weight, then each number clipped to its range and told in its steps.
 *
 * @throws RangeError (for a weight outside 1..W, or other than W where weights are uniform, and for a missing number)
 * @throws HansaError TrainingFailed (for NaN)
 */
export function encodeTail(config: EncodingConfig, weight: number, values: TailValues): Uint32Array {
  if (!Number.isInteger(weight) || weight < 1 || weight > config.weightMax)
    throw new RangeError(`The weight must be a whole number from 1 to ${config.weightMax}`);
  if (config.weighting === 'uniform' && weight !== config.weightMax)
    throw new RangeError(`The task weighs all alike: the weight must be ${config.weightMax}`);
  const words = new Uint32Array(1 + config.tail.length);
  words[0] = weight;
  for (const [position, { name, low, high, steps }] of config.tail.entries()) {
    const value = values[name];
    if (value === undefined) throw new RangeError(`The tail lacks "${name}"`);
    if (Number.isNaN(value))
      throw new HansaError('TrainingFailed', `Training gave no number for "${name}"; nothing is sent.`);
    words[1 + position] = Math.round(((Math.min(Math.max(value, low), high) - low) / (high - low)) * steps);
  }
  return words;
}

/** What the tail words of a sum say. */
export interface TailSums {
  /** Σa. */
  readonly weightSum: number;
  /** The unweighted mean over the survivors of each number, in its own units. */
  readonly means: TailValues;
}

/** Reads the tail words of the sum of `survivors` nodes. @throws HansaError SumOutOfRange (when they cannot be such a sum) */
export function decodeTail(config: EncodingConfig, survivors: number, words: Uint32Array): TailSums {
  if (words.length !== 1 + config.tail.length) throw new RangeError('The tail has another length');
  const weightSum = words[0]!;
  const least = config.weighting === 'uniform' ? survivors * config.weightMax : survivors;
  if (weightSum < least || weightSum > survivors * config.weightMax) throw outOfRange('the weights');
  const means: Record<string, number> = {};
  for (const [position, { name, low, high, steps }] of config.tail.entries()) {
    const sum = words[1 + position]!;
    if (sum > survivors * steps) throw outOfRange(`"${name}"`);
    means[name] = low + (sum / (survivors * steps)) * (high - low);
  }
  return { weightSum, means };
}

/** The error for a sum that its parts cannot have. */
export function outOfRange(what: string): HansaError {
  return new HansaError(
    'SumOutOfRange',
    `The unmasked sum of ${what} is outside its range: a mask is wrong or a member sent garbage. Nothing of it is used.`,
  );
}
