import { setImmediate } from 'node:timers/promises';
import { HansaError } from '@hansa/shared/errors';
import { scatter } from '@hansa/shared/model';
import type { MerchantData, WindowSet } from '../data/index.ts';
import { type LocalModel, openLocalModel } from '../gradient/localModel.ts';
import { scoredForecast, scoreModel } from '../jobs/demand/predict.ts';
import { type ForecastScore, forecastScore, SCORED_QUANTILES, type SeriesLosses } from '../jobs/demand/scores.ts';
import { seasonalNaive } from '../jobs/demand/seasonalNaive.ts';
import { bootstrapDifference } from '../statistics/bootstrap.ts';
import type {
  CompareRequest,
  CompareResult,
  Comparison,
  ForecastExample,
  Interval,
  Method,
  Progress,
} from '../trainer/requests.ts';
import { type LocalPlan, type StepReport, trainLocally } from '../training/localTraining.ts';
import { windowsWithin } from '../training/memory.ts';

/** Validation windows that a learning rate is chosen on. */
const VALIDATION_WINDOWS = 256;

/** Periods before the origin that an example shows: a window's past. */
const EXAMPLE_PERIODS = 91;

const BOOTSTRAP_SEED = 1;

/** Pairs worth an interval: what the league gives over going alone, over no model at all, and what tuning adds. */
const pairs: readonly (readonly [method: Method, against: Method])[] = [
  ['fineTuned', 'localOnly'],
  ['fineTuned', 'seasonalNaive'],
  ['fineTuned', 'federated'],
  ['federated', 'localOnly'],
  ['federated', 'seasonalNaive'],
  ['localOnly', 'seasonalNaive'],
];

/** Vectors of the whole file that are held while one is trained: the federated one, the round before, the best of each search. */
const VECTORS_BESIDE = 4;

interface Context {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (progress: Progress) => void;
}

/**
 * Compares the four methods on the merchant's hold-out; see CompareRequest for their steps.
 *
 * Local-only takes the steps a member takes, in the same rounds (a fresh optimiser and a warm-up at the start of each) and with the same batch size;
 * only the averaging is missing. The last fineTuneSteps let the learning rate fall to 0, for local-only and fine-tuned alike.
 *
 * @param heldBytes resident memory of the process before it held a model
 * @throws HansaError InvalidData (when nothing was sold in the hold-out), Interrupted (when the signal aborts)
 */
export async function compareMethods(
  data: MerchantData,
  request: CompareRequest,
  heldBytes: number,
  context: Context = {},
): Promise<CompareResult> {
  const calendar = { season: data.season, horizonPeriods: data.horizonPeriods };
  const model = await openLocalModel(
    { modelFile: request.initialModelFile, job: request.job, adapter: request.adapter },
    calendar,
  );
  try {
    return await compare(model, await model.read(request.federatedModelFile), data, request, heldBytes, context);
  } finally {
    model.dispose();
  }
}

async function compare(
  model: LocalModel,
  federated: Float32Array,
  data: MerchantData,
  request: CompareRequest,
  heldBytes: number,
  { signal, onProgress }: Context,
): Promise<CompareResult> {
  const started = performance.now();
  const { rounds, localSteps, fineTuneSteps, learningRates, maxMemoryBytes } = request;
  const windowsAtOnce = await windowsWithin(model, data.train, 1, {
    maxMemoryBytes,
    heldBytes: heldBytes + VECTORS_BESIDE * model.vector.byteLength,
  });
  const alone = rounds * localSteps + fineTuneSteps;
  const total = learningRates.length * (alone + fineTuneSteps);
  let done = 0;
  const onStep = (doing: string) => (report: StepReport) => {
    done += 1;
    onProgress?.({ step: done, steps: total, loss: report.loss, doing });
  };

  /** Trains the part of `start` that round `round` trains, and returns the whole. */
  const train = async (
    start: Float32Array,
    round: number,
    learningRate: number,
    plan: Pick<LocalPlan, 'steps' | 'decay' | 'seed' | 'earlyStop'>,
    doing: string,
  ) => {
    const { shape, weights: before, segments, dispose } = model.part(start, round);
    try {
      const { weights } = await trainLocally(
        shape,
        before,
        data.train,
        {
          ...plan,
          batchSize: request.batchSize,
          learningRate,
          warmupSteps: request.warmupSteps,
          optimizer: request.optimizer,
          fullBatch: false,
          // It holds members of a league together; alone there is nobody to stay close to.
          proximalMu: 0,
        },
        { signal, onStep: onStep(doing), validation: data.validation, windowsAtOnce },
      );
      const trained = start.slice();
      scatter(weights, segments, trained);
      return trained;
    } finally {
      dispose();
    }
  };
  const tune = (start: Float32Array, learningRate: number, doing: string) => {
    const plan = { steps: fineTuneSteps, decay: 'cosine', seed: `${request.seed}/tune` } as const;
    return train(start, rounds + 1, learningRate, plan, doing);
  };
  const trainAlone = async (learningRate: number) => {
    const doing = `local-only at learning rate ${learningRate}`;
    const { earlyStop } = request;
    let weights = model.vector;
    for (let round = 1; round <= rounds; round++) {
      const plan = { steps: localSteps, decay: 'none', seed: `${request.seed}/${round}`, earlyStop } as const;
      weights = await train(weights, round, learningRate, plan, doing);
    }
    return tune(weights, learningRate, doing);
  };
  const score = async (vector: Float32Array, windows: WindowSet, limit?: number) => {
    const { shape, weights, dispose } = model.part(vector, 1);
    try {
      return await scoreModel(shape, weights, windows, data.cleaning.seriesRead, {
        signal,
        windowsAtOnce,
        ...(limit !== undefined && { limit }),
      });
    } finally {
      dispose();
    }
  };
  const best = async (train: (learningRate: number) => Promise<Float32Array>) => {
    let chosen: { learningRate: number; weights: Float32Array; wql: number } | undefined;
    for (const learningRate of learningRates) {
      const weights = await train(learningRate);
      const validation = await score(weights, data.validation, VALIDATION_WINDOWS);
      const wql = validation.metrics().wql ?? Number.POSITIVE_INFINITY;
      if (chosen === undefined || wql < chosen.wql) chosen = { learningRate, weights, wql };
    }
    if (chosen === undefined) throw new RangeError('a comparison needs at least one learning rate');
    return chosen;
  };

  const fineTuned = await best((rate) => tune(federated, rate, `fine-tuning at learning rate ${rate}`));
  const localOnly = await best(trainAlone);
  const scores: Record<Method, ForecastScore> = {
    seasonalNaive: await scoreSeasonalNaive(data, signal),
    localOnly: await score(localOnly.weights, data.test),
    federated: await score(federated, data.test),
    fineTuned: await score(fineTuned.weights, data.test),
  };
  return {
    windows: data.test.count,
    steps: { seasonalNaive: 0, localOnly: alone, federated: rounds * localSteps, fineTuned: alone },
    wql: eachMethod((method) => known(scores[method].metrics().wql)),
    wape: eachMethod((method) => known(scores[method].metrics().wape)),
    wqlIntervals: eachMethod((method) => wqlInterval(scores[method].perSeries())),
    comparisons: pairs.flatMap(([method, against]) => difference(scores, method, against)),
    learningRates: { localOnly: localOnly.learningRate, fineTuned: fineTuned.learningRate },
    example: await example(data, scores.fineTuned.perSeries(), model, fineTuned.weights),
    seconds: (performance.now() - started) / 1000,
  };
}

async function scoreSeasonalNaive(data: MerchantData, signal: AbortSignal | undefined): Promise<ForecastScore> {
  const score = forecastScore(data.cleaning.seriesRead);
  for (let index = 0; index < data.test.count; index++) {
    if (signal?.aborted) throw new HansaError('Interrupted', 'Evaluation was stopped.');
    const batch = data.test.batch([index]);
    score.add(
      batch,
      seasonalNaive(data.history(index), data.season, batch.target.length),
      () => data.test.describe(index).seriesIndex,
    );
    await setImmediate();
  }
  return score;
}

function eachMethod<Value>(of: (method: Method) => Value): Record<Method, Value> {
  return {
    seasonalNaive: of('seasonalNaive'),
    localOnly: of('localOnly'),
    federated: of('federated'),
    fineTuned: of('fineTuned'),
  };
}

function known(ratio: number | undefined): number {
  if (ratio === undefined) {
    throw new HansaError(
      'InvalidData',
      'Nothing was sold from testFrom on, so there is nothing to compare forecasts with. Choose an earlier testFrom.',
    );
  }
  return ratio;
}

// WQL is the ratio of two sums over series, so the bootstrap of a ratio serves it too.
function wqlInterval({ loss, demand }: SeriesLosses): Interval | undefined {
  const ratio = bootstrapDifference({ loss, demand }, { loss: demand, demand }, { seed: BOOTSTRAP_SEED });
  return ratio && [ratio.low + 1, ratio.high + 1];
}

function difference(scores: Record<Method, ForecastScore>, method: Method, against: Method): Comparison[] {
  const found = bootstrapDifference(scores[method].perSeries(), scores[against].perSeries(), {
    seed: BOOTSTRAP_SEED,
  });
  if (found === undefined) return [];
  return [{ method, against, change: found.estimate, interval: [found.low, found.high] }];
}

/** The last window of the series with the median WQL among the better-selling half: a picture that is neither the best nor the worst. */
async function example(
  data: MerchantData,
  { loss, demand }: SeriesLosses,
  model: LocalModel,
  vector: Float32Array,
): Promise<ForecastExample | undefined> {
  const bySales = [...demand.keys()].filter((series) => demand[series]! > 0).sort((a, b) => demand[b]! - demand[a]!);
  const better = bySales.slice(0, Math.ceil(bySales.length / 2));
  better.sort((a, b) => loss[a]! / demand[a]! - loss[b]! / demand[b]!);
  const series = better[Math.floor(better.length / 2)];
  const windows = Array.from({ length: data.test.count }, (_, index) => index);
  const index = windows.findLast((window) => data.test.describe(window).seriesIndex === series);
  if (index === undefined) return undefined;
  const batch = data.test.batch([index]);
  const { horizonPeriods } = data;
  const levels = SCORED_QUANTILES.length;
  const { shape, weights, dispose } = model.part(vector, 1);
  const forecast = await scoredForecast(shape, weights, batch);
  dispose();
  const naive = seasonalNaive(data.history(index), data.season, horizonPeriods);
  const column = (of: Float64Array, level: number) =>
    Array.from({ length: horizonPeriods }, (_, period) => of[period * levels + level]!);
  const description = data.test.describe(index);
  return {
    frequency: data.frequency,
    series: description.series,
    origin: description.originPeriod,
    history: [...data.history(index).slice(-EXAMPLE_PERIODS)].map((value) => (Number.isNaN(value) ? null : value)),
    actual: Array.from({ length: horizonPeriods }, (_, period) =>
      batch.targetObserved[period] === 1 && batch.stockOut[period] === 0 ? batch.target[period]! : null,
    ),
    levels: [...SCORED_QUANTILES],
    quantiles: SCORED_QUANTILES.map((_, level) => column(forecast, level)),
    seasonalNaive: column(naive, SCORED_QUANTILES.indexOf(0.5)),
  };
}
