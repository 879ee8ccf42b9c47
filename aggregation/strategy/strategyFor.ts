import type { StrategySettings } from '@hansa/shared/protocol';
import { fedAdagrad } from './fedAdagrad.ts';
import { fedAdam } from './fedAdam.ts';
import { fedAvg } from './fedAvg.ts';
import { fedAvgM } from './fedAvgM.ts';
import { fedNova } from './fedNova.ts';
import { fedYogi } from './fedYogi.ts';
import { scaffold } from './scaffold.ts';
import type { Strategy } from './strategy.ts';

/** The strategy that a task's settings name. */
export function strategyFor(settings: StrategySettings): Strategy {
  switch (settings.name) {
    case 'fedAvg':
      return fedAvg(settings);
    case 'fedAvgM':
      return fedAvgM(settings);
    case 'fedAdagrad':
      return fedAdagrad(settings);
    case 'fedAdam':
      return fedAdam(settings);
    case 'fedYogi':
      return fedYogi(settings);
    case 'fedNova':
      return fedNova(settings);
    case 'scaffold':
      return scaffold(settings);
  }
}
