import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { HansaError } from '@hansa/shared/errors';
import { writeFileWhole } from '@hansa/shared/files';
import { createLogger } from '@hansa/shared/log';
import type { JobName } from '@hansa/shared/model';
import { type NodeConfig, readNodeConfig } from '../config/nodeConfig.ts';
import { forecastCsv } from '../forecasting/forecastCsv.ts';
import { forecastParquet } from '../forecasting/forecastParquet.ts';
import { forecastPage } from '../forecasting/page/forecastPage.ts';
import { readForecasts } from '../forecasting/readForecasts.ts';
import type { ModelFiles } from '../gradient/localModel.ts';
import { jobSource } from '../jobs/sources.ts';
import { nodeFolder } from '../ledger/nodeFolder.ts';
import { adapterOf } from '../session/modelStore.ts';
import { startTrainer } from '../trainer/index.ts';
import { chooseTask, noData } from './chooseTask.ts';
import type { CommandContext } from './context.ts';
import { count } from './output.ts';
import { refuseExisting } from './refuseExisting.ts';
import { reportLines } from './reportLines.ts';
import { writingOut } from './writingOut.ts';

const formats = ['.csv', '.parquet', '.json', '.html'] as const;
type Format = (typeof formats)[number];

/** Permission bits of a forecast: for the merchant's own people. */
const MODE = 0o640;

export interface ForecastOptions {
  readonly config: string;
  readonly task?: string;
  readonly model?: string;
  readonly periods?: number;
  readonly out: readonly string[];
  readonly overwrite?: boolean;
  readonly language: 'en' | 'zh';
}

/** `forecast`: what every item will sell, from the newest period of the data on. Makes no connection. */
export async function forecast(options: ForecastOptions, context: CommandContext): Promise<number> {
  const { output, clock, logLevel, signal } = context;
  const files = options.out.map((path) => ({ path, format: formatOf(path) }));
  if (!options.overwrite) for (const { path } of files) refuseExisting(path);
  const config = readNodeConfig(options.config);
  const model = modelFor(config, options, () => clock.now());
  if (!config.data.some(({ job }) => job === model.job)) throw noData(model.job);
  const scratchFolder = await mkdtemp(join(tmpdir(), 'hansa-forecast-'));
  try {
    const trainer = await startTrainer({
      engine: config.training.engine,
      data: config.data.filter(({ job }) => job === model.job),
      baseFolder: config.baseFolder,
      scratchFolder,
      log: createLogger('client-node', logLevel),
      signal,
      onProgress: ({ doing }) => doing !== undefined && output.note(doing),
    });
    try {
      const [data] = trainer.data;
      for (const line of [...data!.report.summary, ...reportLines(data!.report, { examples: false })])
        output.note(line);
      output.note(`engine ${trainer.engine.name}`);
      const forecasts = join(scratchFolder, 'forecasts.jsonl');
      const result = await trainer.forecast(
        { ...model, periods: options.periods, out: forecasts },
        ({ step, steps }) => output.progress('forecasting', step, steps),
        signal,
      );
      for (const { path, format } of files) {
        await writingOut(path, () => write(path, format, forecasts, scratchFolder, options.language));
        output.line(`${path}: ${count(result.series)} series, ${result.periods} periods each.`);
      }
      output.document({
        job: model.job,
        engine: trainer.engine.name,
        series: result.series,
        periods: result.periods,
        seconds: result.seconds,
        files: files.map(({ path }) => path),
      });
      return 0;
    } finally {
      await trainer.close();
    }
  } finally {
    await rm(scratchFolder, { recursive: true, force: true });
  }
}

function formatOf(path: string): Format {
  const format = formats.find((known) => known === extname(path).toLowerCase());
  if (format !== undefined) return format;
  throw new HansaError(
    'InvalidArgument',
    `--out ${path}: the name must end with ${formats.join(', ')}, which decides the format.`,
  );
}

/** The model that --model names; otherwise the newest one of the task. */
function modelFor(config: NodeConfig, { model, task }: ForecastOptions, now: () => number): ModelFiles {
  if (model !== undefined && task !== undefined)
    throw new HansaError('InvalidArgument', 'Name a model with --model or a task with --task, not both.');
  if (model !== undefined) return { modelFile: model, job: jobToForecast(config) };
  const { entry, federatedModelFile } = chooseTask(config, task, now);
  return {
    modelFile: federatedModelFile,
    job: entry.plan.job.kind,
    adapter: adapterOf(entry.plan, nodeFolder(config.folder)),
  };
}

/** The job that a model file is used for: the first of the data whose answers are forecasts. */
function jobToForecast({ data }: NodeConfig): JobName {
  const entry = data.find(({ job }) => jobSource(job).forecasts);
  if (entry !== undefined) return entry.job;
  throw new HansaError('InvalidConfig', 'The configuration has no entry under data for a job that makes forecasts.');
}

async function write(
  path: string,
  format: Format,
  forecasts: string,
  scratchFolder: string,
  language: ForecastOptions['language'],
): Promise<void> {
  if (format === '.csv') return writeFileWhole(path, forecastCsv(readForecasts(forecasts)), MODE);
  if (format === '.json') return writeFileWhole(path, jsonArray(readForecasts(forecasts)), MODE);
  if (format === '.html') return writeFileWhole(path, forecastPage(readForecasts(forecasts), language), MODE);
  const table = join(scratchFolder, 'forecasts.parquet');
  for await (const { levels } of readForecasts(forecasts)) {
    await forecastParquet(forecasts, table, levels, scratchFolder);
    break;
  }
  return writeFileWhole(path, createReadStream(table), MODE);
}

/** A JSON array of forecasts, in pieces. */
async function* jsonArray(forecasts: AsyncIterable<unknown>): AsyncGenerator<string> {
  let before = '[\n';
  for await (const forecast of forecasts) {
    yield `${before}${JSON.stringify(forecast)}`;
    before = ',\n';
  }
  yield before === '[\n' ? '[]\n' : '\n]\n';
}
