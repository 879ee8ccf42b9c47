import type { StrategySettings } from '@hansa/shared/protocol';
import { momentStrategy } from './adaptive.ts';
import type { Strategy } from './strategy.ts';

/**
 * Yogi on the server: v ← v − (1 − β₂)Δ²·sign(v − Δ²), so that v falls no faster than it can rise after a few small updates.
 *
 * Source: Reddi et al. 2021, algorithm 2, without bias correction.
 */
export function fedYogi(settings: Extract<StrategySettings, { name: 'fedYogi' }>): Strategy {
  const { beta2 } = settings;
  return momentStrategy(settings, (variance, square) => variance - (1 - beta2) * square * Math.sign(variance - square));
}
