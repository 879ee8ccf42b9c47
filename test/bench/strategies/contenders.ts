import type { LocalTraining, StrategySettings } from '@hansa/shared/protocol';
import { strategySchema } from '@hansa/shared/protocol';

/** One way to set a contender: what a task file says under `strategy`, and what it changes of the members' training. */
export interface Candidate {
  readonly strategy: StrategySettings;
  readonly training?: Pick<LocalTraining, 'proximalMu'>;
}

/** A strategy with the three settings that its pilots choose from. */
export interface Contender {
  readonly name: string;
  readonly candidates: readonly Candidate[];
}

const rates = (name: StrategySettings['name'], serverLearningRates: readonly number[]): Contender => ({
  name,
  candidates: serverLearningRates.map((serverLearningRate) => ({
    strategy: strategySchema.parse({ name, serverLearningRate }),
  })),
});

/**
 * Each strategy has three settings of its one knob: the server's learning rate, a factor of about 3 apart around the value that its own paper leads to expect, or
 * μ of FedProx. All else is as task files have it where they say nothing.
 */
export const contenders: readonly Contender[] = [
  rates('fedAvg', [0.3, 1, 3]),
  {
    name: 'fedProx',
    candidates: [0.01, 0.1, 1].map((proximalMu) => ({
      strategy: strategySchema.parse({ name: 'fedAvg' }),
      training: { proximalMu },
    })),
  },
  rates('fedAvgM', [0.1, 0.3, 1]),
  rates('fedAdagrad', [0.003, 0.01, 0.03]),
  rates('fedAdam', [0.001, 0.003, 0.01]),
  rates('fedYogi', [0.001, 0.003, 0.01]),
  rates('fedNova', [0.3, 1, 3]),
  rates('scaffold', [0.3, 1, 3]),
];
