import { setImmediate } from 'node:timers/promises';
import { HansaError } from '@hansa/shared/errors';
import { bootstrapDifference, type SeriesLosses } from '../../statistics/bootstrap.ts';
import { chunks, spread } from '../examples.ts';
import type { Answer, JobEvaluation, Score, ScoreOptions } from '../job.ts';
import { simpleForecasts } from './baselines/index.ts';
import type { ForecastExample } from './forecastExample.ts';
import { forecastExample } from './forecastExample.ts';
import { scoredQuantiles } from './predict.ts';
import { type ForecastScore, forecastScore } from './scores.ts';
import type { MerchantData } from './windows.ts';

const BOOTSTRAP_SEED = 1;
/** Windows after which other work has its turn. */
const EVENT_LOOP_WINDOWS = 16;

interface DemandScore extends Score {
  readonly perSeries: SeriesLosses;
}

/** Forecasts are judged by WQL, against forecasts that need no model. */
export const demandEvaluation: JobEvaluation = {
  metrics: [
    {
      name: 'wql',
      label: 'WQL',
      better: 'lower',
      meaning: 'how far nine quantiles of the forecast are from what was sold, as a share of what was sold',
    },
    {
      name: 'wape',
      label: 'WAPE',
      better: 'lower',
      meaning: 'how far the middle of the forecast is from what was sold, as a share of what was sold',
    },
    {
      name: 'mase',
      label: 'MASE',
      better: 'lower',
      meaning: 'the same distance item by item, where 1 is what repeating the season before is off by in training',
    },
    {
      name: 'bias',
      label: 'bias',
      better: 'neither',
      meaning: 'by what share the middle of the forecast is too high (above 0) or too low in all; best at 0',
    },
    {
      name: 'coverage',
      label: 'coverage',
      better: 'neither',
      meaning: 'share of periods between the 10 % and the 90 % quantile; best at 0.8',
    },
  ],
  baselines: simpleForecasts.map(({ name, label }) => ({ name, label })),
  score: (data, split, answer, options) => scoreForecasts(data as MerchantData, split, answer, options),
  async scoreBaselines(data, split, signal) {
    const scores = await scoreSimpleForecasts(data as MerchantData, split, signal);
    if (split === 'test' && scores.get('zero')!.values.wql === undefined) {
      throw new HansaError(
        'InvalidData',
        'Nothing was sold from testFrom on, so there is nothing to compare forecasts with. Choose an earlier testFrom.',
      );
    }
    return scores;
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
  const score = forecastScore(data.cleaning.seriesRead, data.naiveErrors());
  for (const chunk of chunks(spread(windows.count, limit), examplesAtOnce)) {
    if (signal?.aborted) throw new HansaError('Interrupted', 'Evaluation was stopped.');
    const batch = windows.batch(chunk);
    const quantiles = scoredQuantiles(await answer(batch), batch);
    score.add(batch, quantiles, (row) => windows.describe(chunk[row]!).seriesIndex);
    await setImmediate();
  }
  return demandScore(score);
}

async function scoreSimpleForecasts(
  data: MerchantData,
  split: 'validation' | 'test',
  signal: AbortSignal | undefined,
): Promise<Map<string, DemandScore>> {
  const windows = data[split];
  const naiveErrors = data.naiveErrors();
  const scores = simpleForecasts.map(({ name, forecast }) => ({
    name,
    forecast,
    score: forecastScore(data.cleaning.seriesRead, naiveErrors),
  }));
  for (let index = 0; index < windows.count; index++) {
    if (signal?.aborted) throw new HansaError('Interrupted', 'Evaluation was stopped.');
    const targets = windows.targets(index);
    const history = data.history(split, index);
    const { seriesIndex } = windows.describe(index);
    for (const { forecast, score } of scores) {
      score.add(targets, forecast(history, data.frequency, targets.target.length), () => seriesIndex);
    }
    if (index % EVENT_LOOP_WINDOWS === 0) await setImmediate();
  }
  return new Map(scores.map(({ name, score }) => [name, demandScore(score)]));
}

function demandScore(score: ForecastScore): DemandScore {
  const { wql, wape, mase, bias, coverage } = score.metrics();
  const perSeries = score.perSeries();
  const { loss, demand } = perSeries;
  return {
    perSeries,
    values: { wql, wape, mase, bias, coverage },
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
