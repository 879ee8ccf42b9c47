import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HansaError } from '@hansa/shared/errors';
import { createLogger } from '@hansa/shared/log';
import { type NodeConfig, readNodeConfig } from '../config/nodeConfig.ts';
import { nodeFolder } from '../ledger/nodeFolder.ts';
import { adapterOf, modelPath } from '../session/modelStore.ts';
import { openTaskBook, type TaskEntry } from '../session/taskBook.ts';
import { type CompareResult, startTrainer } from '../trainer/index.ts';
import type { CommandContext } from './context.ts';
import { count } from './output.ts';

/** `evaluate`: compares four ways to forecast on this merchant's own hold-out. Makes no connection. */
export async function evaluate(options: { config: string; task?: string }, context: CommandContext): Promise<number> {
  const { output, clock, logLevel, signal } = context;
  const config = readNodeConfig(options.config);
  const { entry, initialModelFile, federatedModelFile } = chooseTask(config, options.task, () => clock.now());
  const { plan } = entry;
  const scratchFolder = await mkdtemp(join(tmpdir(), 'hansa-evaluate-'));
  try {
    const trainer = await startTrainer({
      engine: config.training.engine,
      data: config.data,
      baseFolder: config.baseFolder,
      scratchFolder,
      log: createLogger('client-node', logLevel),
      signal,
    });
    try {
      const { data: all, engine } = trainer;
      const data = all.find(({ job }) => job === plan.job.kind);
      if (data === undefined) throw noData(plan.job.kind);
      for (const line of data.report.summary) output.note(line);
      output.note(`engine ${engine.name}`);
      let doing = '';
      const result = await trainer.compare(
        {
          initialModelFile,
          federatedModelFile,
          job: plan.job.kind,
          adapter: adapterOf(plan, nodeFolder(config.folder)),
          maxMemoryBytes: config.training.maxMemoryBytes,
          rounds: entry.committedRounds,
          plannedRounds: plan.rounds,
          training: plan.training,
          fineTuneSteps: plan.evaluation.fineTuneSteps,
          learningRates: plan.evaluation.learningRates,
          seed: plan.seed,
        },
        (progress) => {
          if (progress.doing !== undefined && progress.doing !== doing) {
            doing = progress.doing;
            output.note(doing);
          }
          output.progress(doing, progress.step, progress.steps);
        },
        signal,
      );
      for (const line of table(entry, result)) output.line(line);
      output.document({
        taskId: entry.taskId,
        rounds: entry.committedRounds,
        modelHash: entry.modelHash,
        engine: engine.name,
        rows: data.rows,
        ...data.report.facts,
        ...documentOf(result),
      });
      return 0;
    } finally {
      await trainer.close();
    }
  } finally {
    await rm(scratchFolder, { recursive: true, force: true });
  }
}

/** The named task, or the newest one with a committed round, and its first and last model. */
function chooseTask(
  config: NodeConfig,
  taskId: string | undefined,
  now: () => number,
): { entry: TaskEntry; initialModelFile: string; federatedModelFile: string } {
  const folder = nodeFolder(config.folder);
  const book = existsSync(folder.tasks) ? openTaskBook(folder.tasks, now) : undefined;
  const newest = book?.all().find(({ committedRounds }) => committedRounds > 0) ?? book?.all()[0];
  const entry = taskId === undefined ? newest : book?.get(taskId);
  if (entry === undefined) {
    const known = book?.all().map((task) => task.taskId) ?? [];
    const which = known.length === 0 ? 'it has taken part in no task' : `it knows ${known.join(', ')}`;
    throw new HansaError(
      'NotFound',
      taskId === undefined
        ? `This node has taken part in no task yet (${folder.tasks}): run hansa-client run first.`
        : `This node knows no task ${taskId}; ${which}.`,
    );
  }
  if (entry.committedRounds === 0) {
    throw new HansaError('NotFound', `Task ${entry.taskId} has no committed round yet: there is nothing to compare.`);
  }
  const initialModelFile = modelPath(folder.models, entry.plan.initialModelHash);
  const federatedModelFile = modelPath(folder.models, entry.modelHash);
  const baseModelFile = adapterOf(entry.plan, folder)?.baseModelFile ?? initialModelFile;
  for (const path of [baseModelFile, initialModelFile, federatedModelFile]) {
    if (!existsSync(path)) {
      throw new HansaError(
        'NotFound',
        `The model ${path} is not downloaded yet: keep hansa-client run going until the task has ended.`,
      );
    }
  }
  return { entry, initialModelFile, federatedModelFile };
}

const noData = (job: string): HansaError =>
  new HansaError(
    'InvalidConfig',
    `The task is for the job ${job}, and the configuration has no entry for it under data.`,
  );

/** A comparison as JSON: each metric by its name. */
function documentOf({ metrics, methods, ...result }: CompareResult): Record<string, unknown> {
  return {
    ...result,
    steps: Object.fromEntries(methods.map(({ name, steps }) => [name, steps])),
    metrics: metrics.map(({ values: _, ...metric }) => metric),
    ...Object.fromEntries(metrics.map(({ name, values }) => [name, values])),
  };
}

function table(entry: TaskEntry, { examples, methods, metrics, comparisons }: CompareResult): string[] {
  const number = (value: number | undefined) => (value === undefined ? '–' : value.toFixed(4)).padStart(8);
  const percent = (value: number) => `${value >= 0 ? '+' : '−'}${Math.abs(100 * value).toFixed(1)} %`;
  const labels = new Map(methods.map(({ name, label }) => [name, label]));
  const width = Math.max(...methods.map(({ label }) => label.length)) + 1;
  const lowerIsBetter = metrics.filter(({ better }) => better === 'lower').map(({ label }) => label);
  const higherIsBetter = metrics.filter(({ better }) => better === 'higher').map(({ label }) => label);
  const better = [
    ...(lowerIsBetter.length === 0 ? [] : [`lower is better: ${lowerIsBetter.join(', ')}`]),
    ...(higherIsBetter.length === 0 ? [] : [`higher is better: ${higherIsBetter.join(', ')}`]),
  ];
  const first = metrics[0]!.label;
  return [
    `Task ${entry.taskId}, model after ${count(entry.committedRounds)} rounds, ${count(examples)} examples of the hold-out (${better.join('; ')}).`,
    '',
    `${'method'.padEnd(width)}${metrics.map(({ label }) => ` ${label.padStart(8)}`).join('')} ${'steps'.padStart(8)}`,
    ...methods.map(
      ({ name, label, steps }) =>
        `${label.padEnd(width)}${metrics.map(({ values }) => ` ${number(values[name])}`).join('')} ${count(steps).padStart(8)}`,
    ),
    '',
    ...comparisons.map(
      ({ method, against, change, interval: [low, high] }) =>
        `${labels.get(method)} against ${labels.get(against)}: ${first} ${percent(change)} (95 % interval ${percent(low)} to ${percent(high)})`,
    ),
  ];
}
