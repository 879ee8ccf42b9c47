import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MaskThreads } from '@hansa/aggregation/secagg/threads';
import { writeModelFile } from '@hansa/client-node/model';
import { gather, type ModelSize, scatter } from '@hansa/shared/model';
import { type TaskFile, taskFileSchema } from '@hansa/shared/protocol';
import { activate } from '../../../client-node/engines/engine.ts';
import type { Comparison } from '../../../client-node/evaluation/compareMethods.ts';
import { answersOf } from '../../../client-node/gradient/gradient.ts';
import { openLocalModel } from '../../../client-node/gradient/localModel.ts';
import { demandEvaluation } from '../../../client-node/jobs/demand/evaluation.ts';
import { readModelFile } from '../../../client-node/model/modelFile.ts';
import { requestRunner } from '../../../client-node/trainer/performRequests.ts';
import { repositoryRoot } from '../../sourceCopy/repositoryRoot.ts';
import type { BenchResult } from '../report.ts';
import { UnmaskedTask } from '../strategies/unmaskedTask.ts';
import { dataSetOf, dataSets } from './dataSets.ts';
import { type LoadedMerchant, loadMerchant } from './loadedMerchant.ts';
import { type MerchantRow, summarise, table } from './summary.ts';
import { startTrees, treeScores } from './trees.ts';
import { writeMerchants } from './writeMerchants.ts';

export interface LeagueOptions {
  /** The name of a public data set, or a folder. */
  readonly data: string;
  /** What a folder's columns mean. */
  readonly mapping: string | undefined;
  readonly seeds: number;
  readonly merchants: number | undefined;
  readonly rounds: number;
  readonly steps: number;
  readonly size: ModelSize;
  /** Periods before validFrom that each merchant has; all when undefined. */
  readonly history: number | undefined;
  readonly peers: boolean;
}

/** Learning rates that own and tuned models choose among on validation; the league has one of its own. */
const LEARNING_RATES = [0.001, 0.003, 0.01];
const LEAGUE_RATE = 0.005;
const BATCH = 32;
const TUNING_STEPS = 40;
/** Steps of the pooled model for each of a merchant's: it sees more examples, and may use them. */
const POOLED_STEPS = 4;

const say = (text: string): void => {
  process.stderr.write(`${text}\n`);
};
const quiet = { signal: new AbortController().signal, onProgress: () => undefined };

/**
 * What the league is worth on public data: real rounds for each seed, then every merchant's own comparison on its hold-out, a model on all data pooled, and
 * gradient-boosted trees on own and on pooled data.
 *
 * All merchants are in this process, since dozens of node processes do not fit into a machine: what they train, clip and quantise is the nodes' code, and what
 * becomes of the sum the coordinator's. Masks are left out; they change no bit of it.
 */
export async function benchLeague(options: LeagueOptions): Promise<BenchResult> {
  const began = performance.now();
  const dataSet = dataSets.find(({ name }) => name === options.data) ?? dataSetOf(options.data, options.mapping);
  await activate('wasm');
  const dataFolder = process.env.HANSA_DATA ?? join(repositoryRoot, '../shared/data');
  const folder = await mkdtemp(join(tmpdir(), 'hansa-league-'));
  const threads = new MaskThreads(1);
  const peer = options.peers ? await startTrees() : undefined;
  try {
    const count = options.merchants ?? dataSet.merchants;
    const written = await writeMerchants(dataSet, dataFolder, folder, count, options.history);
    const merchants: LoadedMerchant[] = [];
    for (const merchant of written) {
      const loaded = await loadMerchant(merchant).catch((error: Error) => {
        say(`${merchant.name} is left out: ${error.message}`);
        return undefined;
      });
      if (loaded !== undefined && loaded.read.test.count > 0) merchants.push(loaded);
    }
    say(
      `${dataSet.name}: ${merchants.length} merchants (${dataSet.merchant}), ${merchants.reduce((sum, { read }) => sum + read.series, 0)} series`,
    );
    const rows: MerchantRow[] = [];
    for (let seed = 1; seed <= options.seeds; seed++) {
      const trees = peer && {
        own: await ownTrees(peer, merchants, folder, seed),
        pooled: await treeScores(peer, merchants, folder, seed),
      };
      if (trees !== undefined) say(`seed ${seed}: trees ${minutes(began)}`);
      const task = await UnmaskedTask.begin(
        taskOf(options, merchants[0]!.data.frequency),
        merchants,
        join(folder, 'task'),
        threads,
        {
          size: options.size,
          seed,
        },
      );
      const losses: number[] = [];
      for (let round = 1; round <= options.rounds; round++) losses.push(await task.round(round));
      say(`seed ${seed}: validation loss ${losses.map((loss) => loss.toFixed(4)).join(' ')} ${minutes(began)}`);
      const pooled = await pooledScores(options, merchants, task.models.initial, folder, seed);
      say(`seed ${seed}: pooled ${minutes(began)}`);
      for (const [index, merchant] of merchants.entries()) {
        const comparison = await compare(options, merchant, task, seed);
        rows.push({
          merchant: merchant.name,
          seed,
          comparison,
          pooled: pooled[index]!,
          treesOwn: trees?.own[index],
          treesPooled: trees?.pooled[index],
        });
      }
      say(`seed ${seed}: comparisons ${minutes(began)}`);
    }
    const summary = summarise(rows);
    for (const line of table(rows, summary)) say(line);
    const seconds = (performance.now() - began) / 1000;
    const { seeds, rounds, steps, size, history } = options;
    const settings = {
      seeds,
      rounds,
      steps,
      size,
      history: history ?? null,
      learningRates: LEARNING_RATES,
      leagueRate: LEAGUE_RATE,
    };
    return { data: dataSet.name, metric: 'wql', merchants: merchants.length, ...summary, settings, seconds, cases: [] };
  } finally {
    peer?.end();
    await threads.close();
    await rm(folder, { recursive: true, force: true });
  }
}

const minutes = (began: number) => `(${((performance.now() - began) / 60_000).toFixed(1)} min)`;

const trainingOf = ({ steps }: LeagueOptions) => ({
  steps,
  batchSize: BATCH,
  learningRate: LEAGUE_RATE,
  warmupSteps: 2,
  decay: { kind: 'cosine' as const, floor: 0.1 },
});

const taskOf = (options: LeagueOptions, frequency: string): TaskFile =>
  taskFileSchema.parse({
    name: 'league',
    model: 'start.safetensors',
    rounds: options.rounds,
    plan: {
      job: { kind: 'demand', frequency },
      training: trainingOf(options),
      seed: 1,
      evaluation: { fineTuneSteps: TUNING_STEPS, learningRates: LEARNING_RATES },
    },
  });

async function ownTrees(...[peer, merchants, folder, seed]: Parameters<typeof treeScores>): Promise<number[]> {
  const scores: number[] = [];
  for (const merchant of merchants) scores.push(...(await treeScores(peer, [merchant], folder, seed)));
  return scores;
}

function compare(
  options: LeagueOptions,
  { trainer }: LoadedMerchant,
  { models }: UnmaskedTask,
  seed: number,
): Promise<Comparison> {
  const request = {
    initialModelFile: models.initial,
    federatedModelFile: models.newest,
    job: 'demand',
    rounds: options.rounds,
    plannedRounds: options.rounds,
    training: taskOf(options, 'week').plan.training,
    fineTuneSteps: TUNING_STEPS,
    learningRates: LEARNING_RATES,
    seed: String(seed),
  };
  return trainer.run('compare', request, quiet) as Promise<Comparison>;
}

/** WQL on each merchant's hold-out of one model that is trained on all merchants' data, at the learning rate that does best on their validation. */
async function pooledScores(
  options: LeagueOptions,
  merchants: readonly LoadedMerchant[],
  initial: string,
  folder: string,
  seed: number,
): Promise<number[]> {
  const trainer = requestRunner();
  const sources = merchants.map(({ folder: own, data }) => ({
    ...data.sources[0]!,
    file: join(own, 'orders.parquet'),
    columns: { ...data.sources[0]!.columns, location: 'merchant' },
  }));
  await trainer.run(
    'load',
    { data: [{ ...merchants[0]!.data, sources }], baseFolder: folder, scratchFolder: folder },
    quiet,
  );
  const { architecture, vector } = await readModelFile(initial);
  const steps = POOLED_STEPS * options.rounds * options.steps;
  const modelFile = join(folder, 'pooled.safetensors');
  let best: { loss: number; scores: number[] } | undefined;
  for (const learningRate of LEARNING_RATES) {
    const updateFile = join(folder, 'pooled.f32');
    const training = { ...taskOf(options, 'week').plan.training, steps, learningRate, decay: { kind: 'constant' } };
    await trainer.run(
      'train',
      { modelFile: initial, job: 'demand', round: 1, rounds: 1, training, updateFile, seed: `pooled/${seed}` },
      quiet,
    );
    const bytes = await readFile(updateFile);
    const update = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
    // What the job does not train stays as it was.
    const model = await openLocalModel({ modelFile: initial, job: 'demand' });
    const { segments, dispose } = model.part(vector, 1);
    dispose();
    model.dispose();
    const trained = vector.slice();
    const part = gather(vector, segments).map((weight, at) => weight + update[at]!);
    scatter(part, segments, trained);
    await writeModelFile(modelFile, architecture, trained);
    const found = await scoresOf(modelFile, merchants);
    const loss = found.reduce((sum, { validation }) => sum + validation, 0) / found.length;
    if (best === undefined || loss < best.loss) best = { loss, scores: found.map(({ test }) => test) };
  }
  return best!.scores;
}

async function scoresOf(
  modelFile: string,
  merchants: readonly LoadedMerchant[],
): Promise<{ validation: number; test: number }[]> {
  const scores: { validation: number; test: number }[] = [];
  for (const { read } of merchants) {
    const model = await openLocalModel({ modelFile, job: 'demand' }, read);
    const { shape, weights, dispose } = model.part(model.vector, 1);
    try {
      const score = async (split: 'validation' | 'test') =>
        (await demandEvaluation.score(read, split, (batch) => answersOf(shape, weights, batch), { examplesAtOnce: 64 }))
          .loss;
      scores.push({ validation: await score('validation'), test: await score('test') });
    } finally {
      dispose();
      model.dispose();
    }
  }
  return scores;
}
