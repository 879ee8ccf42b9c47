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
import { type CompareResult, type Method, methods, startTrainer } from '../trainer/index.ts';
import type { CommandContext } from './context.ts';
import { count } from './output.ts';

/** `evaluate`: compares four ways to forecast on this merchant's own hold-out. Connects to nobody. */
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
      const { data, engine } = trainer;
      output.note(
        `${count(data.rows)} order lines, ${count(data.testWindows)} windows to test on; engine ${engine.name}`,
      );
      let doing = '';
      const result = await trainer.compare(
        {
          initialModelFile,
          federatedModelFile,
          job: plan.job,
          adapter: adapterOf(plan, nodeFolder(config.folder)),
          maxMemoryBytes: config.training.maxMemoryBytes,
          earlyStop: plan.earlyStop,
          rounds: entry.committedRounds,
          localSteps: plan.localSteps,
          fineTuneSteps: plan.evaluation.fineTuneSteps,
          batchSize: plan.batchSize,
          warmupSteps: plan.warmupSteps,
          optimizer: plan.optimizer,
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
        series: data.series,
        cleaning: data.cleaning,
        ...result,
      });
      return 0;
    } finally {
      await trainer.close();
    }
  } finally {
    await rm(scratchFolder, { recursive: true, force: true });
  }
}

/** The task that was named, or the newest one that has come to a model, and its first and last model. */
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
    const which = known.length === 0 ? 'it has taken part in none' : `it knows ${known.join(', ')}`;
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
        `The model ${path} is not here yet: let hansa-client run until the task has ended.`,
      );
    }
  }
  return { entry, initialModelFile, federatedModelFile };
}

const names: Readonly<Record<Method, string>> = {
  seasonalNaive: 'seasonal naive',
  localOnly: 'local only',
  federated: 'federated',
  fineTuned: 'federated, fine-tuned',
};

function table(entry: TaskEntry, result: CompareResult): string[] {
  const number = (value: number) => value.toFixed(4).padStart(8);
  const percent = (value: number) => `${value >= 0 ? '+' : '−'}${Math.abs(100 * value).toFixed(1)} %`;
  return [
    `Task ${entry.taskId}, model after ${count(entry.committedRounds)} rounds, ${count(result.windows)} windows of the hold-out. Lower is better.`,
    '',
    `${'forecast'.padEnd(22)} ${'WQL'.padStart(8)} ${'WAPE'.padStart(8)} ${'steps'.padStart(8)}`,
    ...methods.map(
      (method) =>
        `${names[method].padEnd(22)} ${number(result.wql[method])} ${number(result.wape[method])} ${count(result.steps[method]).padStart(8)}`,
    ),
    '',
    ...result.comparisons.map(
      ({ method, against, change, interval: [low, high] }) =>
        `${names[method]} against ${names[against]}: WQL ${percent(change)} (95 % interval ${percent(low)} to ${percent(high)})`,
    ),
  ];
}
