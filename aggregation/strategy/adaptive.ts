import type { StrategySettings } from '@hansa/shared/protocol';
import { assertTile, type Strategy } from './strategy.ts';

/** v of an adaptive strategy before its first round. */
export const firstAccumulator = (settings: {
  readonly tau: number;
  readonly initialAccumulator?: number | undefined;
}) => settings.initialAccumulator ?? settings.tau ** 2;

/**
 * What FedAdam and FedYogi share: m ← β₁m + (1 − β₁)Δ, x ← x + ηm/(√v + τ), with m = 0 before the first round and v ← `nextVariance`(v, Δ²).
 *
 * Source: Reddi et al. 2021, algorithm 2, which corrects neither m nor v for their start at 0. Kingma and Ba's correction would need the round's number and
 * is left out as in the paper: where v starts at τ², it is no running mean whose start could be divided away.
 */
export function momentStrategy(
  settings: Extract<StrategySettings, { name: 'fedAdam' | 'fedYogi' }>,
  nextVariance: (variance: number, square: number) => number,
): Strategy {
  const { name, serverLearningRate, beta1, tau } = settings;
  return {
    name,
    state: [
      { name: 'mean', initial: 0 },
      { name: 'variance', initial: firstAccumulator(settings) },
    ],
    apply(tile) {
      assertTile(tile, 2);
      const { base, mean, out } = tile;
      const [first, second] = tile.state as readonly [Float32Array, Float32Array];
      for (let index = 0; index < base.length; index++) {
        const delta = mean[index]!;
        const moment = beta1 * first[index]! + (1 - beta1) * delta;
        const variance = nextVariance(second[index]!, delta * delta);
        first[index] = moment;
        second[index] = variance;
        out[index] = base[index]! + (serverLearningRate * moment) / (Math.sqrt(variance) + tau);
      }
    },
  };
}
