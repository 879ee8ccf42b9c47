import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HansaError } from '@hansa/shared/errors';
import { type RoundRecord, roundPhases, type TaskRecord } from '@hansa/shared/protocol';
import { z } from 'zod';
import { Processes } from '../../endToEnd/processes.ts';
import { newToken, roundsOf, startCoordinator } from '../../endToEnd/processLeague.ts';
import { type BenchCase, type BenchResult, withinLimit } from '../report.ts';
import { criticalPath } from './criticalPath.ts';
import { writeZeroModel } from './zeroModel.ts';

const MEGABYTE = 1e6;
const nodeReportSchema = z.object({ processorSeconds: z.number() });
/** How much more memory the coordinator may hold for more nodes, in bytes. */
const PEAK_RSS_GROWTH_LIMIT_BYTES = 60 * MEGABYTE;
/** The most memory that the coordinator may ever hold at 10M parameters, in bytes. */
const PEAK_RSS_LIMIT_BYTES = 400 * MEGABYTE;

export interface RoundBenchOptions {
  /** Cohort sizes, one league after the other. */
  readonly clients: readonly number[];
  readonly params: number;
  readonly rounds: number;
}

interface LeagueOptions extends Omit<RoundBenchOptions, 'clients'> {
  readonly clients: number;
}

/** Rounds of each cohort size, what secure aggregation adds to them, and how far apart the coordinators' memory lies. */
export async function benchRound({ clients, ...common }: RoundBenchOptions): Promise<BenchResult> {
  const results: LeagueResult[] = [];
  for (const count of clients) {
    const league = await benchLeague({ ...common, clients: count });
    const { cases, told } = await criticalPath(count, common.params);
    results.push({ ...league, criticalPath: told, cases: [...league.cases, ...cases] });
  }
  const [first] = results;
  if (first === undefined) throw new RangeError('a benchmark needs at least one cohort size');
  if (results.length === 1) return first;
  const peaks = results.map(({ coordinatorPeakRssBytes }) => coordinatorPeakRssBytes);
  const apart = Math.max(...peaks) - Math.min(...peaks);
  return {
    params: common.params,
    leagues: results.map(({ cases: _, ...league }) => league),
    cases: [
      ...results.flatMap(({ clients, cases }) =>
        cases.map((one) => ({ ...one, name: `${one.name}, ${clients} clients` })),
      ),
      withinLimit('coordinator peak memory, apart', apart, 'B', PEAK_RSS_GROWTH_LIMIT_BYTES),
    ],
  };
}

interface LeagueResult extends BenchResult {
  readonly clients: number;
  readonly coordinatorPeakRssBytes: number;
}

/**
 * Whole rounds of synthetic updates: a coordinator and one process for every node on this machine, through the product's own protocol, spool and folds.
 *
 * The figures are of the last committed round, when every process is warm; the peak of memory is of the coordinator's whole life.
 */
async function benchLeague(options: LeagueOptions): Promise<LeagueResult> {
  const folder = mkdtempSync(join(tmpdir(), 'hansa-bench-round-'));
  const processes = new Processes(folder);
  const say = (text: string) => process.stderr.write(`${text}\n`);
  const interrupted = () => void processes.end().then(() => process.exit(130));
  process.once('SIGINT', interrupted);
  try {
    say(`${options.clients} nodes, ${options.params} parameters, ${options.rounds} rounds; files in ${folder}`);
    const coordinator = await startCoordinator(processes, folder);
    await writeZeroModel(join(folder, 'start.safetensors'), options.params);
    const nodes = [];
    for (let index = 0; index < options.clients; index++) {
      const config = writeNodeConfig(join(folder, `node-${index}`), coordinator.address);
      const token = await newToken(coordinator, `node-${index}`);
      nodes.push(processes.start('syntheticNode', config, token, String(options.params), String(index)));
      say(`node ${index + 1} of ${options.clients} started`);
    }
    const task = await createTask(processes, coordinator.dataFolder, folder, options);
    say('task created; rounds run');
    const ends = await Promise.all(nodes.map(({ finished }) => finished));
    const failed = ends.find(({ status }) => status !== 0);
    if (failed !== undefined) throw new HansaError('ProcessFailed', `A node failed:\n${failed.stderr.slice(-2000)}`);
    const processorSeconds = ends.map(({ stdout }) => nodeReportSchema.parse(JSON.parse(stdout)).processorSeconds);
    const rounds = await roundsOf(processes, coordinator, task.id);
    const coordinatorPeakRssBytes = peakRssBytes(coordinator.process.child.pid);
    for (const round of rounds) say(describe(round));
    return summarise(options, rounds, coordinatorPeakRssBytes, processorSeconds);
  } finally {
    process.off('SIGINT', interrupted);
    await processes.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

function summarise(
  { clients, params }: LeagueOptions,
  rounds: readonly RoundRecord[],
  coordinatorPeakRssBytes: number,
  processorSeconds: readonly number[],
): LeagueResult {
  const last = rounds.findLast(({ outcome }) => outcome === 'committed');
  if (last === undefined) {
    throw new HansaError('ProcessFailed', `No round was committed: ${rounds.at(-1)?.message ?? 'none began'}.`);
  }
  const cases: BenchCase[] = [
    { name: 'round', value: last.seconds, unit: 's' },
    ...roundPhases.map((phase) => ({ name: phase, value: last.phaseSeconds[phase], unit: 's' })),
    {
      name: 'processor time per client',
      value: processorSeconds.toSorted((left, right) => left - right)[clients >> 1]!,
      unit: 's',
    },
    {
      name: 'bytes up per client',
      value: last.bytesUp / clients,
      unit: 'B',
      against: 'the update in float32',
      ratio: last.bytesUp / clients / (4 * params),
    },
    {
      name: 'bytes down per client',
      value: last.bytesDown / clients,
      unit: 'B',
      against: 'the model in float32',
      ratio: last.bytesDown / clients / (4 * params),
    },
    withinLimit('coordinator peak memory', coordinatorPeakRssBytes, 'B', PEAK_RSS_LIMIT_BYTES),
  ];
  return { clients, params, coordinatorPeakRssBytes, phaseSeconds: last.phaseSeconds, rounds: rounds.length, cases };
}

const describe = (round: RoundRecord): string =>
  `round ${round.round} ${round.outcome}${round.reason === undefined ? '' : ` (${round.reason})`}: ${round.seconds.toFixed(2)} s ` +
  `(${roundPhases.map((phase) => `${phase} ${(round.phaseSeconds[phase] ?? 0).toFixed(2)}`).join(', ')})`;

function createTask(
  processes: Processes,
  dataFolder: string,
  folder: string,
  { clients, rounds }: LeagueOptions,
): Promise<TaskRecord> {
  const file = join(folder, 'task.json');
  const task = {
    name: 'bench round',
    model: 'start.safetensors',
    rounds,
    cohort: { minimum: clients, maximum: clients },
    secureAggregation: { minSurvivors: 2, knownFloor: 0 },
    plan: {
      job: { kind: 'demand', frequency: 'day' },
      training: { steps: 1, batchSize: 1, learningRate: 0.001 },
      evaluation: { fineTuneSteps: 1, learningRates: [0.001] },
    },
  };
  writeFileSync(file, JSON.stringify(task));
  return processes.answer('coordinator', 'task', 'create', file, '--data', dataFolder);
}

function writeNodeConfig(folder: string, coordinator: string): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'node.json');
  const config = {
    coordinator,
    folder: 'data',
    data: {
      sources: [{ file: 'none.csv', columns: { date: 'date', item: 'item', quantity: 'quantity' } }],
      frequency: 'day',
      returns: 'none',
      validFrom: '2026-01-01',
      testFrom: '2026-02-01',
    },
    policy: { knownFloor: 0 },
  };
  writeFileSync(path, JSON.stringify(config));
  return path;
}

/** A model of `length` zeros. */

/** The most memory that a running process ever had resident (VmHWM); only Linux tells. */
function peakRssBytes(pid: number | undefined): number {
  const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  if (peak === null) throw new HansaError('ProcessFailed', 'This system does not tell the peak memory of a process.');
  return Number(peak[1]) * 1024;
}
