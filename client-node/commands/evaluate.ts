import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@hansa/shared/log';
import { readNodeConfig } from '../config/nodeConfig.ts';
import { recordSelection, selectedModelFile } from '../evaluation/selectedModel.ts';
import { nodeFolder } from '../ledger/nodeFolder.ts';
import { adapterOf } from '../session/modelStore.ts';
import type { TaskEntry } from '../session/taskBook.ts';
import { type CompareResult, startTrainer } from '../trainer/index.ts';
import { chooseTask, holdModels, noData } from './chooseTask.ts';
import type { CommandContext } from './context.ts';
import { count } from './output.ts';

/** `evaluate`: compares models and simple methods on this merchant's own hold-out, and keeps the model to use. Makes no connection. */
export async function evaluate(options: { config: string; task?: string }, context: CommandContext): Promise<number> {
  const { output, clock, logLevel, signal } = context;
  const config = readNodeConfig(options.config);
  const folder = nodeFolder(config.folder);
  const { entry, ...files } = chooseTask(config, options.task, () => clock.now());
  const { plan } = entry;
  const scratchFolder = await mkdtemp(join(tmpdir(), 'hansa-evaluate-'));
  try {
    // A running task removes models that it no longer needs.
    const held = await holdModels({ ...files, adapter: adapterOf(plan, folder) }, scratchFolder);
    const { initialModelFile, federatedModelFile, adapter } = held;
    const selectedFile = await selectedModelFile(folder, entry.taskId);
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
          adapter,
          selectedModelFile: selectedFile,
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
      const { selected, selectedModelHash, methods } = result;
      const { label } = methods.find(({ name }) => name === selected)!;
      if (selectedModelHash !== undefined) {
        await recordSelection(folder, {
          taskId: entry.taskId,
          leagueModelHash: entry.modelHash,
          method: selected,
          label,
          sha256: selectedModelHash,
        });
      }
      for (const line of table(entry, result)) output.line(line);
      output.line(
        `Use: ${label}${selected === 'blended' ? ': no other model is better on validation beyond chance' : ': on validation it is better than the others beyond chance'}${selectedModelHash === undefined ? '.' : '. hansa-client forecast goes by it from now on.'}`,
      );
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
  const meanings = metrics.map(({ label, meaning }) => `${label}: ${meaning}.`);
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
    ...meanings,
    '',
    ...comparisons.map(
      ({ method, against, change, interval: [low, high] }) =>
        `${labels.get(method)} against ${labels.get(against)}: ${first} ${percent(change)} (95 % interval ${percent(low)} to ${percent(high)})`,
    ),
  ];
}
