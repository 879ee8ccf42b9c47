import { existsSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { HansaError } from '@hansa/shared/errors';
import { taskRecordSchema } from '@hansa/shared/protocol';
import { z } from 'zod';
import { inParallel } from '../../demo/inParallel.ts';
import type { Processes, RunningCommand } from '../../endToEnd/processes.ts';
import {
  askAdmin,
  type Coordinator,
  createTask,
  enrolNode,
  type Node,
  roundsOf,
  startCoordinator,
} from '../../endToEnd/processLeague.ts';
import type { DataSet } from './dataSets.ts';
import { isJudged, type Merchant, riskEntry } from './writeMerchants.ts';

const pollMs = 500;

/** How the league trains; whoever trains alone takes as many steps and chooses among the same learning rates. */
const training = { steps: 10, batchSize: 32, learningRate: 0.003, warmupSteps: 2 };
const rounds = 8;
const evaluation = { fineTuneSteps: 20, learningRates: [0.0003, 0.001, 0.003] };

/** What `hansa-client evaluate --json` answers, as far as the benchmark reads it: by method. */
const comparedSchema = z.looseObject({
  auroc: z.record(z.string(), z.number()),
  auprc: z.record(z.string(), z.number()),
});
export type Compared = z.infer<typeof comparedSchema>;

/** One merchant's comparison after the task of one seed; undefined where its hold-out cannot tell methods apart. */
export type SeedResult = readonly (Compared | undefined)[];

/**
 * Trains a fresh nano model for each seed in real rounds of a coordinator and a node process for each merchant, secure aggregation on, and lets each node compare
 * the outcome with its baselines and with training alone.
 *
 * @returns by seed and merchant
 * @throws HansaError ProcessFailed (when a task does not complete)
 */
export async function runLeague(
  dataSet: DataSet,
  merchants: readonly Merchant[],
  seeds: readonly number[],
  {
    processes,
    folder,
    shuffled,
    say,
  }: { processes: Processes; folder: string; shuffled: boolean; say: (text: string) => void },
): Promise<SeedResult[]> {
  const coordinator = await startCoordinator(processes, folder);
  const overrides = { data: riskEntry(dataSet, shuffled), training: { engine: 'wasm' } };
  const nodes: Node[] = [];
  await inParallel([...merchants.keys()], cpus().length, async (index) => {
    nodes[index] = await enrolNode(processes, coordinator, merchants[index]!.folder, index, { overrides });
  });
  const running = nodes.map(({ config }) => processes.start('client', 'run', '--config', config, '--json'));
  const results: SeedResult[] = [];
  for (const seed of seeds) {
    const model = join(folder, `start-${seed}.safetensors`);
    const made = ['model', 'init', '--size', 'nano', '--jobs', 'risk', '--seed', String(seed), '--out', model];
    await processes.answer('client', ...made);
    const task = await createTask(processes, coordinator, folder, rounds, {
      name: `risk on ${dataSet.name}, seed ${seed}`,
      model,
      cohort: { minimum: nodes.length, maximum: nodes.length },
      secureAggregation: { weighting: { kind: 'rootOfExamples', cap: 1000 }, clipNorm: 20 },
      plan: {
        job: { kind: 'risk', numbers: dataSet.numbers, categories: dataSet.categories },
        training,
        evaluation,
        seed,
      },
    });
    await untilCompleted(coordinator, task.id, running);
    const records = await roundsOf(processes, coordinator, task.id);
    const committed = records.filter(({ outcome }) => outcome === 'committed');
    say(`${dataSet.name}, seed ${seed}: ${committed.length} rounds of ${nodes.length} nodes`);
    const hashes = [task.initialModelHash, committed.at(-1)!.modelHash!];
    results.push(await compare(nodes, merchants, task.id, hashes, processes));
    say(`${dataSet.name}, seed ${seed}: compared`);
  }
  return results;
}

/** @throws HansaError ProcessFailed (when the task ends otherwise, or a node does) */
async function untilCompleted(coordinator: Coordinator, id: string, running: readonly RunningCommand[]): Promise<void> {
  for (;;) {
    const listed = z.array(taskRecordSchema).parse(await askAdmin(coordinator, '/tasks'));
    const task = listed.find((one) => one.id === id);
    if (task?.state === 'completed') return;
    const ended = running.find(({ child }) => child.exitCode !== null || child.signalCode !== null);
    if (ended !== undefined || task?.state === 'failed' || task?.state === 'aborted') {
      throw new HansaError(
        'ProcessFailed',
        `The task did not complete (${task?.state}, ${task?.reason ?? 'no reason was given'}). ${ended?.stderr.slice(-1000) ?? ''}`,
      );
    }
    await delay(pollMs);
  }
}

/** What each node's own comparison says, once it has fetched the models. */
async function compare(
  nodes: readonly Node[],
  merchants: readonly Merchant[],
  task: string,
  hashes: readonly string[],
  processes: Processes,
): Promise<SeedResult> {
  const results: (Compared | undefined)[] = nodes.map(() => undefined);
  await inParallel([...nodes.entries()], cpus().length, async ([index, { config, folder }]) => {
    if (!isJudged(merchants[index]!)) return;
    while (!hashes.every((hash) => existsSync(join(folder, 'models', `${hash}.safetensors`)))) await delay(pollMs);
    results[index] = comparedSchema.parse(
      await processes.answer('client', 'evaluate', '--config', config, '--task', task),
    );
  });
  return results;
}
