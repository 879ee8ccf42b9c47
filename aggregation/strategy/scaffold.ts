import type { StrategySettings } from '@hansa/shared/protocol';
import { assertTile, type Strategy } from './strategy.ts';

/**
 * Averaging with control variates: x ← x + ηΔ and c ← c + |S|/N · mean over S of (cᵢ⁺ − cᵢ), where S are the members in the sum and N all that have ever been
 * in one. Members add c − cᵢ to their gradients, which takes what sets their data apart out of their steps.
 *
 * c stays the mean of the N members' cᵢ, since a member begins with cᵢ = c. Source: Karimireddy et al. 2020, algorithm 1, where members begin with 0.
 */
export function scaffold({ serverLearningRate }: Extract<StrategySettings, { name: 'scaffold' }>): Strategy {
  return {
    name: 'scaffold',
    state: [],
    apply(tile) {
      assertTile(tile, 0);
      const { base, mean, out } = tile;
      for (let index = 0; index < base.length; index++) out[index] = base[index]! + serverLearningRate * mean[index]!;
    },
    applyControl(control, mean, memberShare) {
      if (control.length !== mean.length) throw new RangeError('The vectors of the tile differ in length');
      for (let index = 0; index < control.length; index++) control[index]! += memberShare * mean[index]!;
    },
  };
}
