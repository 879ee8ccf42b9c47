import { describe, expect, it } from 'vitest';
import { strategySchema } from './strategy.ts';
import { taskFileSchema } from './task.ts';

describe('strategySchema', () => {
  it('takes what task files have said so far', () => {
    const { strategy } = taskFileSchema.shape;
    expect(strategy.parse(undefined)).toEqual({ name: 'fedAvg', serverLearningRate: 1 });
    expect(strategy.parse({ name: 'fedAvg', serverLearningRate: 0.5 })).toEqual({
      name: 'fedAvg',
      serverLearningRate: 0.5,
    });
  });

  it.each([
    { name: 'fedProx' },
    { name: 'fedAvg', momentum: 0.9 },
    { name: 'fedAvg', serverLearningRate: 0 },
    { name: 'fedAvgM', momentum: 1 },
    { name: 'fedAdam', beta2: -0.1 },
    { name: 'fedAdam', tau: 0 },
    { name: 'fedYogi', serverLearningRate: Number.NaN },
    { name: 'fedAdagrad', beta1: 0.9 },
    { name: 'fedAdagrad', initialAccumulator: Number.POSITIVE_INFINITY },
    { name: 'fedNova', serverLearningRate: 0 },
  ])('refuses %j', (settings) => {
    expect(strategySchema.safeParse(settings).success).toBe(false);
  });
});
