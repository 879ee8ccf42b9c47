import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { HansaError } from '@hansa/shared/errors';
import { answersOf } from '../gradient/gradient.ts';
import { type ModelFiles, openLocalModel } from '../gradient/localModel.ts';
import { chunks, spread } from '../jobs/examples.ts';
import type { JobData } from '../jobs/job.ts';
import { jobModel } from '../jobs/models.ts';
import { explainWriteError } from '../ledger/files.ts';

/** Series that go through the engine at once. */
const SERIES_AT_ONCE = 128;

/** Forecasts of all series from the newest period on. */
export interface ForecastRequest extends ModelFiles {
  /** Periods ahead; at most those that the model forecasts. Undefined for all of these. */
  readonly periods: number | undefined;
  /** Where they are written: a series' forecast a line, as JSON. */
  readonly out: string;
}

export interface ForecastResult {
  readonly series: number;
  readonly periods: number;
  readonly seconds: number;
}

interface Context {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (progress: { readonly step: number; readonly steps: number; readonly loss: undefined }) => void;
}

/**
 * Forecasts every series with a model and writes the forecasts to a file, some at a time: memory does not grow with the number of series.
 *
 * @throws HansaError InvalidArgument (when the job makes no forecasts, or more periods are asked for than the model forecasts), Interrupted (when the signal aborts)
 * @throws as {@link openLocalModel}
 * @throws as {@link explainWriteError}
 */
export async function writeForecasts(
  data: JobData,
  request: ForecastRequest,
  { signal, onProgress }: Context = {},
): Promise<ForecastResult> {
  const started = performance.now();
  const { job, out } = request;
  const forecaster = jobModel(job).forecaster;
  const { now } = data;
  if (forecaster === undefined || now === undefined)
    throw new HansaError('InvalidArgument', `The job ${job} makes no forecasts.`);
  const most = forecaster.mostPeriods(data);
  const periods = request.periods ?? most;
  if (periods > most)
    throw new HansaError(
      'InvalidArgument',
      `--periods ${periods} is more than the model forecasts for this data, ${most}.`,
    );
  const model = await openLocalModel(request, data);
  const part = model.part(model.vector, 1);
  const file = createWriteStream(out);
  const failed = once(file, 'error').then(([error]) => {
    throw explainWriteError(error, out);
  });
  failed.catch(() => undefined);
  try {
    let done = 0;
    for (const chunk of chunks(spread(now.count, now.count), SERIES_AT_ONCE)) {
      if (signal?.aborted) throw new HansaError('Interrupted', 'Forecasting was stopped.');
      const batch = now.batch(chunk);
      const answers = await answersOf(part.shape, part.weights, batch);
      const lines = forecaster
        .read(data, chunk, batch, answers, periods)
        .map((series) => `${JSON.stringify(series)}\n`);
      if (!file.write(lines.join(''))) await Promise.race([once(file, 'drain'), failed]);
      done += chunk.length;
      onProgress?.({ step: done, steps: now.count, loss: undefined });
      await setImmediate();
    }
    file.end();
    await Promise.race([once(file, 'finish'), failed]);
    return { series: now.count, periods, seconds: (performance.now() - started) / 1000 };
  } finally {
    file.destroy();
    part.dispose();
    model.dispose();
  }
}
