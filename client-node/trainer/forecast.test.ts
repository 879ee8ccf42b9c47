import { HansaError } from '@hansa/shared/errors';
import { type ModelSize, modelSizes } from '@hansa/shared/model';
import { describe, expect, it } from 'vitest';
import { forecastTraining, type StepCost } from './forecast.ts';

/** A machine on which each larger size takes thrice the time and the memory, where it runs. */
function machine(fails: Partial<Record<ModelSize, HansaError>> = {}) {
  const tried: ModelSize[] = [];
  const measure = async (_engine: string, _job: string, size: ModelSize): Promise<StepCost> => {
    tried.push(size);
    const fault = fails[size];
    if (fault !== undefined) throw fault;
    const times = 3 ** modelSizes.indexOf(size);
    return { stepMs: 10 * times, peakMemoryBytes: 200e6 * times };
  };
  return { tried, measure, signal: new AbortController().signal, freeBytes: 100e9 };
}

const obstacles = (forecasts: readonly { doesNotFit?: string }[]) => forecasts.map(({ doesNotFit }) => doesNotFit);

describe('forecastTraining', () => {
  it('measures what is quick enough and estimates the rest', async () => {
    const { tried, ...options } = machine();
    const forecasts = await forecastTraining('wasm', 'demand', options);
    expect(tried).toEqual(modelSizes);
    expect(forecasts.map(({ roundSeconds }) => roundSeconds)).toEqual([0.4, 1.2, 3.6, 10.8]);
    expect(obstacles(forecasts)).toEqual([undefined, undefined, undefined, undefined]);
    const slow = machine();
    const measure = async (...asked: Parameters<typeof slow.measure>) => {
      const { stepMs, peakMemoryBytes } = await slow.measure(...asked);
      return { stepMs: 20 * stepMs, peakMemoryBytes };
    };
    const estimated = await forecastTraining('wasm', 'demand', { ...slow, measure });
    expect(estimated.map(({ measured }) => measured)).toEqual([true, true, false, false]);
  });

  it('keeps the others where the process of one size dies, and tries nothing larger', async () => {
    const { tried, ...options } = machine({ small: new HansaError('EngineUnusable', 'it was ended by SIGKILL') });
    const forecasts = await forecastTraining('wasm', 'demand', options);
    expect(tried).toEqual(['nano', 'tiny', 'small']);
    expect(forecasts.map(({ measured }) => measured)).toEqual([true, true, false, false]);
    expect(obstacles(forecasts)).toEqual([undefined, undefined, 'it was ended by SIGKILL', 'the small model does not']);
    expect(forecasts[2]!.peakMemoryBytes).toBeGreaterThan(forecasts[1]!.peakMemoryBytes);
  });

  it('tries no size that needs more memory than is free or allowed', async () => {
    const { tried, ...options } = machine();
    const forecasts = await forecastTraining('wasm', 'demand', { ...options, freeBytes: 1e9 });
    expect(tried).toEqual(['nano', 'tiny']);
    expect(obstacles(forecasts)).toEqual([
      undefined,
      undefined,
      expect.stringMatching(/^16 examples at once take about [\d.]+ GB of memory, and 1\.0 GB are free$/),
      expect.stringMatching(/are free$/),
    ]);
    const held = await forecastTraining('wasm', 'demand', { ...options, maxMemoryBytes: 300e6 });
    expect(obstacles(held)[0]).toBeUndefined();
    expect(obstacles(held)[1]).toContain('training.maxMemoryBytes allows 0.3 GB');
  });

  it('passes on what stops it: the smallest size that fails, and an interruption', async () => {
    for (const [size, code] of [
      ['nano', 'EngineUnusable'],
      ['tiny', 'Interrupted'],
    ] as const) {
      const fault = new HansaError(code, 'a reason');
      await expect(forecastTraining('wasm', 'demand', machine({ [size]: fault }))).rejects.toBe(fault);
    }
  });
});
