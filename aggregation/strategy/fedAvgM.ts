import type { StrategySettings } from '@hansa/shared/protocol';
import { assertTile, type Strategy } from './strategy.ts';

/**
 * Federated averaging with server momentum: m ← βm + Δ, x ← x + ηm, with m = 0 before the first round.
 *
 * Updates that agree add up: of a constant Δ the model moves by up to ηΔ/(1 − β) a round. Source: Hsu et al. 2019, section 3.4.
 */
export function fedAvgM(settings: Extract<StrategySettings, { name: 'fedAvgM' }>): Strategy {
  const { serverLearningRate, momentum } = settings;
  return {
    name: 'fedAvgM',
    state: [{ name: 'momentum', initial: 0 }],
    apply(tile) {
      assertTile(tile, 1);
      const { base, mean, out } = tile;
      const velocity = tile.state[0]!;
      for (let index = 0; index < base.length; index++) {
        const next = momentum * velocity[index]! + mean[index]!;
        velocity[index] = next;
        out[index] = base[index]! + serverLearningRate * next;
      }
    },
  };
}
