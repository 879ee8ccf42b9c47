import type { StrategySettings } from '@hansa/shared/protocol';
import { assertTile, type Strategy } from './strategy.ts';

/**
 * Federated averaging: x ← x + ηΔ.
 *
 * Source: McMahan et al. 2017, algorithm 1, written for updates.
 */
export function fedAvg({ serverLearningRate }: Extract<StrategySettings, { name: 'fedAvg' }>): Strategy {
  return {
    name: 'fedAvg',
    state: [],
    apply(tile) {
      assertTile(tile, 0);
      const { base, mean, out } = tile;
      for (let index = 0; index < base.length; index++) out[index] = base[index]! + serverLearningRate * mean[index]!;
    },
  };
}
