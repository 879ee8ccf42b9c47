import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { HansaError } from '@hansa/shared/errors';
import { createLogger } from '@hansa/shared/log';
import type { JobName } from '@hansa/shared/model';
import type { NodeConfig } from '../config/nodeConfig.ts';
import { selectedModel } from '../evaluation/selectedModel.ts';
import type { ModelFiles } from '../gradient/localModel.ts';
import { jobSource } from '../jobs/sources.ts';
import { nodeFolder } from '../ledger/nodeFolder.ts';
import { adapterOf } from '../session/modelStore.ts';
import { sha256OfFile } from '../session/transport/download.ts';
import { startTrainer } from '../trainer/index.ts';
import { chooseTask, holdModels, noData } from './chooseTask.ts';
import type { CommandContext } from './context.ts';
import { reportLines } from './reportLines.ts';

/** Which model forecasts, and how far. */
export interface ForecastChoice {
  readonly task?: string;
  readonly model?: string;
  readonly periods?: number;
}

/** Forecasts in a file that readForecasts reads; it is deleted afterwards. */
export interface MadeForecasts {
  readonly path: string;
  /** Where further temporary files may go. */
  readonly scratchFolder: string;
  readonly job: JobName;
  readonly engine: string;
  readonly series: number;
  readonly periods: number;
  readonly seconds: number;
}

/** Forecasts every series of the configuration's data and hands the forecasts to `use`. Makes no connection. */
export async function withForecasts<Result>(
  config: NodeConfig,
  choice: ForecastChoice,
  { output, clock, logLevel, signal }: CommandContext,
  use: (made: MadeForecasts) => Promise<Result>,
): Promise<Result> {
  const scratchFolder = await mkdtemp(join(tmpdir(), 'hansa-forecast-'));
  try {
    const { told, ...model } = await modelFor(config, choice, scratchFolder, () => clock.now());
    if (!config.data.some(({ job }) => job === model.job)) throw noData(model.job);
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
      output.note(told);
      const path = join(scratchFolder, 'forecasts.jsonl');
      const result = await trainer.forecast(
        { ...model, periods: choice.periods, out: path },
        ({ step, steps }) => output.progress('forecasting', step, steps),
        signal,
      );
      return await use({ ...result, path, scratchFolder, job: model.job, engine: trainer.engine.name });
    } finally {
      await trainer.close();
    }
  } finally {
    await rm(scratchFolder, { recursive: true, force: true });
  }
}

/**
 * The format that a path of --out asks for by its ending.
 *
 * @throws HansaError InvalidArgument (when it is none of these)
 */
export function formatOf<Format extends string>(path: string, formats: readonly Format[]): Format {
  const format = formats.find((known) => known === extname(path).toLowerCase());
  if (format !== undefined) return format;
  throw new HansaError(
    'InvalidArgument',
    `--out ${path}: the name must end with ${formats.join(', ')}, which decides the format.`,
  );
}

/** The model that --model names; otherwise the one that `evaluate` selected since the task's newest, or that one itself. */
async function modelFor(
  config: NodeConfig,
  { model, task }: ForecastChoice,
  scratchFolder: string,
  now: () => number,
): Promise<ModelFiles & { readonly told: string }> {
  if (model !== undefined && task !== undefined)
    throw new HansaError('InvalidArgument', 'Name a model with --model or a task with --task, not both.');
  if (model !== undefined) return { modelFile: model, job: jobToForecast(config), told: `model ${model}` };
  const { entry, ...files } = chooseTask(config, task, now);
  const folder = nodeFolder(config.folder);
  const job = entry.plan.job.kind;
  const ofTask = `model of task ${entry.taskId}`;
  const selected = await selectedModel(folder, entry, sha256OfFile);
  if (selected !== undefined)
    return { modelFile: selected.path, job, told: `${ofTask}: ${selected.label}, as evaluate selected` };
  const { federatedModelFile, adapter } = await holdModels(
    { ...files, adapter: adapterOf(entry.plan, folder) },
    scratchFolder,
  );
  const told = `${ofTask}: the league's newest; hansa-client evaluate finds out whether another suits this merchant better`;
  return { modelFile: federatedModelFile, adapter, job, told };
}

/** The job that a model file is used for: the first of the data whose answers are forecasts. */
function jobToForecast({ data }: NodeConfig): JobName {
  const entry = data.find(({ job }) => jobSource(job).forecasts);
  if (entry !== undefined) return entry.job;
  throw new HansaError('InvalidConfig', 'The configuration has no entry under data for a job that makes forecasts.');
}
