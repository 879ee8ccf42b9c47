import { setImmediate } from 'node:timers/promises';
import { HansaError } from '@hansa/shared/errors';
import { bootstrapDifference, type SeriesLosses } from '../../statistics/bootstrap.ts';
import { chunks, spread } from '../examples.ts';
import type { Answer, JobEvaluation, Score, ScoreOptions } from '../job.ts';
import type { ForecastExample } from './forecastExample.ts';
import { forecastExample } from './forecastExample.ts';
import { scoredQuantiles } from './predict.ts';
import { type ForecastScore, forecastScore } from './scores.ts';
import { seasonalNaive } from './seasonalNaive.ts';
import type { MerchantData, WindowBatch } from './windows.ts';

const BOOTSTRAP_SEED = 1;

interface DemandScore extends Score {
  readonly perSeries: SeriesLosses;
}

/** Forecasts are judged by WQL, against seasonal naive. */
export const demandEvaluation: JobEvaluation = {
  metrics: [
    { name: 'wql', label: 'WQL', better: 'lower' },
    { name: 'wape', label: 'WAPE', better: 'lower' },
  ],
  baselines: [{ name: 'seasonalNaive', label: 'seasonal naive' }],
  score: (data, split, answer, options) => scoreForecasts(data as MerchantData, split, answer, options),
  async scoreBaseline(data, _name, signal) {
    const score = demandScore(await scoreSeasonalNaive(data as MerchantData, signal));
    if (score.values.wql === undefined) {
      throw new HansaError(
        'InvalidData',
        'Nothing was sold from testFrom on, so there is nothing to compare forecasts with. Choose an earlier testFrom.',
      );
    }
    return score;
  },
  picture: (data, score, answer): Promise<ForecastExample | undefined> =>
    forecastExample(data as MerchantData, (score as DemandScore).perSeries, answer),
};

async function scoreForecasts(
  data: MerchantData,
  split: 'validation' | 'test',
  answer: Answer,
  { limit = Number.POSITIVE_INFINITY, examplesAtOnce, signal }: ScoreOptions,
): Promise<DemandScore> {
  const windows = data[split];
  const score = forecastScore(data.cleaning.seriesRead);
  for (const chunk of chunks(spread(windows.count, limit), examplesAtOnce)) {
    if (signal?.aborted) throw new HansaError('Interrupted', 'Evaluation was stopped.');
    const batch = windows.batch(chunk);
    const quantiles = scoredQuantiles(await answer(batch), batch);
    score.add(batch, quantiles, (row) => windows.describe(chunk[row]!).seriesIndex);
    await setImmediate();
  }
  return demandScore(score);
}

async function scoreSeasonalNaive(data: MerchantData, signal: AbortSignal | undefined): Promise<ForecastScore> {
  const score = forecastScore(data.cleaning.seriesRead);
  for (let index = 0; index < data.test.count; index++) {
    if (signal?.aborted) throw new HansaError('Interrupted', 'Evaluation was stopped.');
    const batch: WindowBatch = data.test.batch([index]);
    score.add(
      batch,
      seasonalNaive(data.history(index), data.season, batch.target.length),
      () => data.test.describe(index).seriesIndex,
    );
    await setImmediate();
  }
  return score;
}

function demandScore(score: ForecastScore): DemandScore {
  const { wql, wape } = score.metrics();
  const perSeries = score.perSeries();
  const { loss, demand } = perSeries;
  return {
    perSeries,
    values: { wql, wape },
    loss: wql ?? Number.POSITIVE_INFINITY,
    interval() {
      // WQL is the ratio of two sums over series, so the bootstrap of a ratio serves it too.
      const ratio = bootstrapDifference({ loss, demand }, { loss: demand, demand }, { seed: BOOTSTRAP_SEED });
      return ratio && [ratio.low + 1, ratio.high + 1];
    },
    changeFrom(other) {
      const found = bootstrapDifference(perSeries, (other as DemandScore).perSeries, { seed: BOOTSTRAP_SEED });
      return found && { change: found.estimate, interval: [found.low, found.high] };
    },
  };
}
