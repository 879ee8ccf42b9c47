import type { StrategySettings } from '@hansa/shared/protocol';
import { firstAccumulator } from './adaptive.ts';
import { assertTile, type Strategy } from './strategy.ts';

/**
 * Adagrad on the server: v ← v + Δ², x ← x + ηΔ/(√v + τ); its steps become smaller the more a parameter has moved.
 *
 * Source: Reddi et al. 2021, algorithm 2 with β₁ = 0, as in its experiments with Adagrad.
 */
export function fedAdagrad(settings: Extract<StrategySettings, { name: 'fedAdagrad' }>): Strategy {
  const { serverLearningRate, tau } = settings;
  return {
    name: 'fedAdagrad',
    state: [{ name: 'accumulator', initial: firstAccumulator(settings) }],
    apply(tile) {
      assertTile(tile, 1);
      const { base, mean, out } = tile;
      const accumulator = tile.state[0]!;
      for (let index = 0; index < base.length; index++) {
        const delta = mean[index]!;
        const sum = accumulator[index]! + delta * delta;
        accumulator[index] = sum;
        out[index] = base[index]! + (serverLearningRate * delta) / (Math.sqrt(sum) + tau);
      }
    },
  };
}
