import type { StrategySettings } from '@hansa/shared/protocol';
import { momentStrategy } from './adaptive.ts';
import type { Strategy } from './strategy.ts';

/** Adam on the server, without bias correction: v ← β₂v + (1 − β₂)Δ². Source: Reddi et al. 2021, algorithm 2. */
export function fedAdam(settings: Extract<StrategySettings, { name: 'fedAdam' }>): Strategy {
  const { beta2 } = settings;
  return momentStrategy(settings, (variance, square) => beta2 * variance + (1 - beta2) * square);
}
