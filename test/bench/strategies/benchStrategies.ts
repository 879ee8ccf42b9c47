import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MaskThreads } from '@hansa/aggregation/secagg/threads';
import { type TaskFile, taskFileSchema } from '@hansa/shared/protocol';
import { activate } from '../../../client-node/engines/engine.ts';
import { type World, worlds } from '../../demo/generator/index.ts';
import type { BenchResult } from '../report.ts';
import { type Candidate, type Contender, contenders } from './contenders.ts';
import { loadMerchants, type Merchant } from './merchants.ts';
import { UnmaskedTask } from './unmaskedTask.ts';

/** Worlds of this seed are for pilots alone. */
const PILOT_SEED = 0;

/** How all members train, whatever the strategy; they stop early, so that they take different numbers of steps. */
const training = {
  steps: 12,
  batchSize: 16,
  warmupSteps: 2,
  learningRate: 0.003,
  earlyStop: { everySteps: 6, patience: 1 },
};

/** Validation loss by round of one strategy: of the starting model, then after each round; the mean over the merchants. */
interface StrategyLosses {
  readonly name: string;
  readonly world: World;
  readonly seed: number;
  /** What its pilots chose. */
  readonly chosen: Candidate;
  readonly losses: readonly number[];
}

export interface StrategiesOptions {
  readonly seeds: number;
  readonly rounds: number;
  readonly only: readonly string[];
}

const say = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

/**
 * Validation loss by round for every strategy, on worlds of merchants who have much in common and of such who have nothing.
 *
 * Every strategy gets the same tuning: on each world three settings are tried in pilots of a third of the rounds, on a draw of merchants that is not among the seeds,
 * and the one with the lowest validation loss is taken for all seeds.
 */
export async function benchStrategies({ seeds, rounds, only }: StrategiesOptions): Promise<BenchResult> {
  await activate('wasm');
  const folder = await mkdtemp(join(tmpdir(), 'hansa-strategies-'));
  const threads = new MaskThreads(1);
  const lossesOf = async (merchants: readonly Merchant[], candidate: Candidate, count: number): Promise<number[]> => {
    const task = await UnmaskedTask.begin(taskOf(candidate, count), merchants, join(folder, 'task'), threads);
    const losses: number[] = [];
    for (let round = 1; round <= count; round++) losses.push(await task.round(round));
    return [...losses, await task.validationLoss()];
  };
  try {
    const found: StrategyLosses[] = [];
    for (const world of worlds) {
      const chosen = new Map<Contender, Candidate>();
      const pilots = await loadMerchants(world, PILOT_SEED, join(folder, world, 'pilots'));
      for (const contender of contenders.filter(({ name }) => only.includes(name))) {
        const tried: { candidate: Candidate; loss: number }[] = [];
        for (const candidate of contender.candidates) {
          const loss = (await lossesOf(pilots, candidate, Math.ceil(rounds / 3))).at(-1)!;
          say(`${world}, pilot: ${contender.name} ${textOf(candidate)}: ${loss.toFixed(4)}`);
          tried.push({ candidate, loss });
        }
        chosen.set(contender, tried.reduce((best, one) => (one.loss < best.loss ? one : best)).candidate);
      }
      for (let seed = 1; seed <= seeds; seed++) {
        const merchants = await loadMerchants(world, seed, join(folder, world, String(seed)));
        for (const [{ name }, candidate] of chosen) {
          const losses = await lossesOf(merchants, candidate, rounds);
          say(
            `${world}, seed ${seed}: ${name} ${textOf(candidate)}: ${losses.map((loss) => loss.toFixed(4)).join(' ')}`,
          );
          found.push({ name, world, seed, chosen: candidate, losses });
        }
      }
    }
    const cases = [...new Set(found.map(({ name, world }) => `${name}, ${world}`))].map((which) => {
      const last = found
        .filter(({ name, world }) => `${name}, ${world}` === which)
        .map(({ losses }) => losses.at(-1) ?? Number.NaN);
      return { name: which, value: last.reduce((sum, loss) => sum + loss, 0) / last.length, unit: 'validation loss' };
    });
    return { cases, strategies: found };
  } finally {
    await threads.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function taskOf({ strategy, training: change }: Candidate, rounds: number): TaskFile {
  return taskFileSchema.parse({
    name: 'strategies',
    model: 'start.safetensors',
    rounds,
    strategy,
    plan: {
      job: { kind: 'demand', frequency: 'day' },
      training: { ...training, ...change },
      seed: 1,
      evaluation: { fineTuneSteps: 1, learningRates: [training.learningRate] },
    },
  });
}

const textOf = ({ strategy, training: change }: Candidate): string =>
  change === undefined ? `η ${strategy.serverLearningRate}` : `μ ${change.proximalMu}`;
