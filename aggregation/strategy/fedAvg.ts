import type { Strategy } from './strategy.ts';

/**
 * Federated averaging: new = base + serverLearningRate · mean update, rounded to float32 once.
 *
 * Source: McMahan et al. 2017, algorithm 1, written for updates.
 *
 * @throws RangeError (unless the rate is positive)
 */
export function fedAvg(options: { readonly serverLearningRate: number }): Strategy {
  const rate = options.serverLearningRate;
  if (!(rate > 0) || !Number.isFinite(rate)) throw new RangeError('serverLearningRate must be positive');
  return {
    name: 'fedAvg',
    apply(base, mean, out) {
      if (base.length !== mean.length || base.length !== out.length) throw new RangeError('Tiles differ in length');
      for (let index = 0; index < base.length; index++) out[index] = base[index]! + rate * mean[index]!;
    },
  };
}
