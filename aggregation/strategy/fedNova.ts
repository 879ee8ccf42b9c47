import type { StrategySettings } from '@hansa/shared/protocol';
import { assertTile, type Strategy } from './strategy.ts';

/**
 * Averaging normalised by local steps: x ← x + η · τ/E · Δ, where Δ is the mean of updates that each member has scaled by E/τᵢ ({@link updateScale}), so that a
 * member who took more steps does not pull the model towards its own optimum.
 *
 * Source: Wang et al. 2020, equation 8 with ‖aᵢ‖ = τᵢ, as for plain SGD; whatever the members' optimiser, it is their steps that count.
 */
export function fedNova({ serverLearningRate }: Extract<StrategySettings, { name: 'fedNova' }>): Strategy {
  return {
    name: 'fedNova',
    state: [],
    apply(tile, { stepShare }) {
      assertTile(tile, 0);
      const { base, mean, out } = tile;
      const rate = serverLearningRate * stepShare;
      for (let index = 0; index < base.length; index++) out[index] = base[index]! + rate * mean[index]!;
    },
  };
}
