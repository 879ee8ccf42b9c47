import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { chooseEngine, engineNames, missingPart } from '@hansa/client-node/compute';
import { HansaError } from '@hansa/shared/errors';
import type { JobOptions } from '@hansa/shared/model';
import { parameterCount, readHeaderOfFile } from '@hansa/shared/numeric';
import type { AdminStatus, RoundRecord, TaskFile } from '@hansa/shared/protocol';
import { collect, type NameOf, nameClients, roundReport, roundResult } from './collect.ts';
import { answerOf, type DemoProcess, type ProcessGroup } from './league/childProcess.ts';
import { type Evaluation, evaluationSchema } from './league/evaluation.ts';
import {
  type Coordinator,
  enrolNode,
  foundConsortium,
  freePort,
  type Node,
  prepareNode,
  startCoordinator,
  startEvaluation,
  startNode,
  waitForModels,
  writeInitialModel,
} from './league/league.ts';
import { type MerchantFolder, writeOrders } from './league/orders.ts';
import { chosenRate, type Pilot, pilotOf } from './league/pilots.ts';
import { type Training, train } from './league/train.ts';
import type { DemoOptions } from './options.ts';
import { dictionaries } from './report/dictionary.ts';
import { fineTunedIntervals, renderReport, storyOf } from './report/page.ts';
import { demoResultSchema } from './result.ts';
import { type Ending, pilotWords } from './screen/render.ts';
import type { Screen } from './screen/screen.ts';
import type { ScreenState } from './screen/state.ts';
import { demoTask, expectedMinutes, pilotCount, pilotTask, type TrainingSettings } from './settings.ts';
import type { Mapping } from './silos/mapping.ts';
import { judge } from './verdict.ts';

/** Place of the merchant that is killed when it can be: neither the first nor the last of the screen. */
const preferredVictim = 3;

export interface Stage {
  readonly state: ScreenState;
  readonly screen: Screen;
  readonly processes: ProcessGroup;
  readonly signal: AbortSignal;
  readonly training: TrainingSettings;
}

/** What the screen knows before anything has begun. */
export function initialState(options: DemoOptions, training: TrainingSettings, startedMs: number): ScreenState {
  return {
    startedMs,
    engine: firstEngine(options.engine),
    cores: cpus().length,
    expectedMinutes: expectedMinutes(options, training, cpus().length),
    coordinator: undefined,
    rounds: options.rounds,
    pilot: undefined,
    stage: 'starting',
    running: undefined,
    losses: [],
    merchants: Array.from({ length: options.merchants }, (_, i) => ({
      id: `merchant-${i + 1}`,
      rows: undefined,
      activity: { kind: 'starting' },
      bytesSent: 0,
      bytesSendingNow: 0,
    })),
    story: [],
  };
}

/** The engine that will be tried first, told at once: loading it takes a second or more. */
function firstEngine(wanted: DemoOptions['engine']): ScreenState['engine'] {
  if (wanted !== 'auto') return { name: wanted, reason: 'asked for with --engine', tried: false };
  const missing = engineNames.map((name) => ({ name, part: missingPart(name) }));
  const first = missing.findIndex(({ part }) => part === undefined);
  const reasons = missing.slice(0, first).map(({ name, part }) => `${name} is not usable: ${part}`);
  return { name: missing[first]?.name ?? 'none', reason: reasons.join('; ') || 'the fastest one', tried: false };
}

/**
 * Runs a league from its orders to its report.
 *
 * @throws HansaError (with `details.who`, the process at fault, and `details.log`, its log)
 * @throws the signal's reason
 */
export async function runDemo(
  options: DemoOptions,
  mapping: Mapping | undefined,
  argv: readonly string[],
  stage: Stage,
): Promise<Ending> {
  const { state, screen, processes, signal } = stage;
  const startedAt = new Date(state.startedMs);
  await makeFolders(options);

  const port = await freePort();
  state.coordinator = { address: `http://127.0.0.1:${port}`, ready: false };
  screen.update();

  // Two processes for two cores: what the first view waits for comes before all else.
  const [coordinator, engine] = await bothOrNone(
    startCoordinator(processes, options.out, port).then((started) => {
      state.coordinator = { address: started.address, ready: true };
      screen.update();
      return started;
    }),
    chooseEngine(options.engine, { signal }).then((choice) => {
      state.engine = { ...choice, tried: true };
      screen.update();
      return choice;
    }),
  );
  signal.throwIfAborted();
  if (engine.better !== undefined) screen.tell(engine.better);

  const [initialModel, merchants] = await Promise.all([
    writeInitialModel(processes, options.out, options.size, options.seed),
    writeOrders(options, mapping, join(options.out, 'nodes')),
  ]);
  showMerchants(state, merchants);
  // The same machine for all: none of them needs to choose again.
  const nodes = await startNodes(coordinator, merchants, { ...options, engine: engine.name }, stage);
  const modelHash = sha256(await readFile(initialModel));
  await coordinator.admin.storeModel(modelHash, initialModel);

  state.stage = 'training';
  const { frequency } = merchants[0]!.data;
  const job: JobOptions = { kind: 'demand', frequency };
  const league: League = { coordinator, nodes, modelHash };
  const pilots = await runPilots(league, options, job, stage);
  const learningRate = chosenRate(pilots, stage.training.learningRates[0]!);
  const task = demoTask(options, job, stage.training, learningRate);
  // Late enough to have been seen taking part, early enough to come back in the next.
  const killFromRound = options.rounds === 1 ? undefined : Math.min(2, options.rounds - 1);
  const training = await trainVisibly(task, league, killFromRound, stage);

  state.stage = 'evaluating';
  state.running = undefined;
  const compared = [training.task.initialModelHash, training.task.modelHash];
  await Promise.all(nodes.map((node) => waitForModels(node, compared, signal)));
  if (!options.keep) await Promise.all(nodes.map(({ process }) => process?.stop()));
  const evaluations = await evaluateAll(nodes, stage);

  state.stage = 'reporting';
  const finalModel = join(options.out, options.mode === 'full' ? 'model.safetensors' : 'adapter.safetensors');
  await writeFile(finalModel, await coordinator.admin.model(training.task.modelHash));
  const data = collect({
    options,
    startedAt: localTime(startedAt),
    sourceTitle: mapping?.title,
    nodes,
    pilots,
    training,
    evaluations,
    engine,
    task,
    model: {
      size: options.mode === 'full' ? options.size : `${options.size}, ${options.mode}`,
      hash: training.task.modelHash,
      parameters: parameterCount((await readHeaderOfFile(finalModel)).manifest),
      path: relative(process.cwd(), finalModel),
    },
    totalSeconds: (Date.now() - state.startedMs) / 1000,
    coordinatorPeakRssBytes: await coordinator.peakRssBytes(),
    versions: await versions(),
    command: ['npm run demo', ...(argv.length > 0 ? ['--'] : []), ...argv.map(quoted)].join(' '),
  });
  const paths = await writeOutputs(options, data, { pilots, training }, nameClients(nodes));
  const verdict = judge(data.result.merchants, fineTunedIntervals(data));
  const here = (path: string): string => relative(process.cwd(), path);
  return {
    verdict,
    committed: data.result.rounds.filter(({ outcome }) => outcome === 'committed').length,
    rounds: options.rounds,
    sumExact: data.result.sumExact,
    killed: training.killed && {
      id: training.killed.node.merchant.id,
      cameBack: cameBack(training, training.killed),
    },
    totalMs: data.result.totalSeconds * 1000,
    model: here(finalModel),
    records: here(paths.records),
    report: here(paths.report),
    kept: options.keep
      ? {
          coordinator: coordinator.address,
          stop: `kill $(cat ${here(await writeProcessIds(options.out, [coordinator.process, ...nodes.map((node) => node.process)]))})`,
        }
      : undefined,
    commands: [
      {
        what: 'see the report',
        command: `${process.platform === 'darwin' ? 'open' : 'xdg-open'} ${here(paths.report)}`,
      },
      { what: 'check my own file', command: 'npx hansa-client check-data --config node.json' },
      { what: 'enrol my node', command: 'npx hansa-client enrol --config node.json --token TOKEN' },
    ],
  };
}

/** Both results; a failure is thrown once both have ended, so that what the other started can be stopped. */
async function bothOrNone<A, B>(first: Promise<A>, second: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([first, second]);
  return [await first, await second];
}

/** Writes the numbers of the processes that are left running, and gives the file's path. */
async function writeProcessIds(out: string, processes: readonly (DemoProcess | undefined)[]): Promise<string> {
  const path = join(out, 'pids');
  const running = processes.flatMap((each) => (each?.running() ? [each.pid] : []));
  await writeFile(path, `${running.join(' ')}\n`);
  return path;
}

function cameBack({ rounds }: Training, { node, attempt }: NonNullable<Training['killed']>): boolean {
  return rounds.some((record) => record.attempt > attempt && record.reported.includes(node.clientId));
}

async function makeFolders({ out, json }: DemoOptions): Promise<void> {
  const make = async (folder: string, option: string): Promise<void> => {
    try {
      await mkdir(folder, { recursive: true });
    } catch (error) {
      throw new HansaError(
        'DataFolderUnusable',
        `${folder} cannot be written to: ${(error as Error).message}. Choose another with ${option}.`,
        {},
        { cause: error },
      );
    }
  };
  if (json !== undefined) await make(dirname(json), '--json');
  await make(dirname(out), '--out');
  try {
    // Not recursive: of two demos that start in one second only one gets the folder.
    await mkdir(out);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST' || !(await isEmptyFolder(out))) {
      throw new HansaError(
        'DataFolderUnusable',
        `${out} cannot be used: ${code === 'EEXIST' ? 'it is there already and not an empty folder' : (error as Error).message}. Choose another with --out.`,
        {},
        { cause: error },
      );
    }
  }
  await make(join(out, 'nodes'), '--out');
  await make(join(out, 'consortium'), '--out');
}

async function isEmptyFolder(path: string): Promise<boolean> {
  return (await readdir(path).catch(() => ['not a folder'])).length === 0;
}

function showMerchants(state: ScreenState, merchants: readonly MerchantFolder[]): void {
  state.merchants.splice(
    0,
    state.merchants.length,
    ...merchants.map(({ id, rows }) => ({
      id,
      rows,
      activity: { kind: 'starting' as const },
      bytesSent: 0,
      bytesSendingNow: 0,
    })),
  );
}

/** Enrols every node with a join token that the consortium made for it, then starts them. */
async function startNodes(
  coordinator: Coordinator,
  merchants: readonly MerchantFolder[],
  { engine, out }: DemoOptions,
  { processes, signal }: Stage,
): Promise<Node[]> {
  const consortium = await foundConsortium(processes, join(out, 'consortium'));
  const nodes: Node[] = [];
  for (const merchant of merchants) nodes.push(await prepareNode(merchant, coordinator.address, engine));
  await inParallel(nodes, cpus().length, async (node) => {
    signal.throwIfAborted();
    await enrolNode(processes, node, await consortium.joinToken(coordinator, node.merchant.id));
  });
  signal.throwIfAborted();
  for (const node of nodes) startNode(processes, node);
  return nodes;
}

/** What all tasks of a run share. */
interface League {
  readonly coordinator: Coordinator;
  readonly nodes: readonly Node[];
  /** Model that every task starts from. */
  readonly modelHash: string;
}

/** A pilot for every learning rate of the grid, where there is more than one: the league's is chosen by its validation loss, like each merchant's own. */
async function runPilots(league: League, options: DemoOptions, job: JobOptions, stage: Stage): Promise<Pilot[]> {
  const { state, screen, training } = stage;
  const pilots: Pilot[] = [];
  const count = pilotCount(training);
  for (const learningRate of training.learningRates.slice(0, count)) {
    state.pilot = { number: pilots.length + 1, count, learningRate };
    const task = pilotTask(options, job, training, learningRate);
    pilots.push(pilotOf(learningRate, await trainVisibly(task, league, undefined, stage)));
  }
  state.pilot = undefined;
  if (count > 0) {
    const chosen = chosenRate(pilots, Number.NaN);
    const losses = pilots.map((pilot) => `${pilot.validationLoss.toFixed(4)} at ${pilot.learningRate}`);
    screen.tell(`Learning rate ${chosen} chosen on the members' validation loss: ${losses.join(', ')}`);
  }
  return pilots;
}

async function trainVisibly(
  task: TaskFile,
  { coordinator, nodes, modelHash }: League,
  killFromRound: number | undefined,
  { state, screen, processes, signal }: Stage,
): Promise<Training> {
  const nameOf = nameClients(nodes);
  let killed: string | undefined;
  state.rounds = task.rounds;
  state.losses.length = 0;
  return await train(
    { task, modelHash, killFromRound, preferredVictim: nodes[preferredVictim] },
    coordinator,
    nodes,
    processes,
    signal,
    {
      status: (status) => {
        showStatus(state, status, nameOf);
        screen.update();
      },
      killed: ({ merchant }, round) => {
        killed = merchant.id;
        setActivity(state, merchant.id, { kind: 'killed' });
        screen.tell(
          `Round ${round}: ${merchant.id} is killed (SIGKILL), its key shares handed out, its update not sent`,
        );
      },
      killedLate: ({ merchant }) => {
        killed = undefined;
        screen.tell(`${merchant.id} had just sent its update when it was killed: the next round tries again`);
      },
      restarted: ({ merchant }) => {
        setActivity(state, merchant.id, { kind: 'restarting' });
        screen.tell(`${merchant.id} is started again and joins the next round`);
      },
      round: (record, sumExact) => {
        addBytes(state, record, nameOf);
        if (record.loss !== undefined) state.losses.push(record.loss);
        screen.tell(`${pilotWords(state)}${tellRound(record, nameOf, sumExact, killed)}`);
      },
    },
  );
}

/** 'Round 2: merchant-4 was killed …': the same words as in the report. */
function tellRound(
  record: RoundRecord,
  nameOf: NameOf,
  sumExact: boolean | undefined,
  killed: string | undefined,
): string {
  const { en } = dictionaries;
  const result = roundResult(record, nameOf);
  const story = storyOf(en, result, roundReport(record, nameOf, sumExact, killed));
  const loss = result.loss === null ? '' : ` Loss ${en.number(result.loss, 4)};`;
  return `Round ${record.round}: ${story}${loss} ${en.seconds(record.seconds).replace('\u00a0', ' ')}`;
}

function setActivity(state: ScreenState, id: string, activity: ScreenState['merchants'][number]['activity']): void {
  const merchant = state.merchants.find((each) => each.id === id);
  if (merchant !== undefined) merchant.activity = activity;
}

function addBytes(state: ScreenState, { bytesUpByClient }: RoundRecord, nameOf: NameOf): void {
  for (const [client, bytes] of Object.entries(bytesUpByClient)) {
    const merchant = state.merchants.find(({ id }) => id === nameOf(client));
    if (merchant === undefined) continue;
    merchant.bytesSent += bytes;
    merchant.bytesSendingNow = 0;
  }
}

function showStatus(state: ScreenState, { running, clients }: AdminStatus, nameOf: NameOf): void {
  state.running = running;
  const connected = new Set(clients.filter((client) => client.connected).map(({ id }) => nameOf(id)));
  for (const merchant of state.merchants) {
    const member = running?.members.find(({ client }) => nameOf(client) === merchant.id);
    merchant.bytesSendingNow = member?.bytesUp ?? 0;
    const { kind } = merchant.activity;
    // A killed node's last word to the coordinator is not what it is doing now.
    if (kind === 'killed' || (kind === 'restarting' && !connected.has(merchant.id))) continue;
    if (member !== undefined && member.stage !== 'dropped') {
      merchant.activity = { kind: 'member', stage: member.stage, done: member.done, total: member.total };
    } else if (connected.has(merchant.id)) merchant.activity = { kind: 'ready' };
  }
}

async function evaluateAll(nodes: readonly Node[], { state, screen, processes, signal }: Stage): Promise<Evaluation[]> {
  const evaluations = new Map<Node, Evaluation>();
  await inParallel(nodes, cpus().length, async (node) => {
    signal.throwIfAborted();
    const { id } = node.merchant;
    setActivity(state, id, { kind: 'evaluating' });
    const evaluation = evaluationSchema.parse(await answerOf(startEvaluation(processes, node)));
    evaluations.set(node, evaluation);
    setActivity(state, id, { kind: 'evaluated' });
    const { seasonalNaive, localOnly, fineTuned } = evaluation.wql;
    screen.tell(
      `${id}: WQL ${fineTuned.toFixed(3)} fine-tuned, ${localOnly.toFixed(3)} own data only, ${seasonalNaive.toFixed(3)} seasonal naive`,
    );
  });
  return nodes.map((node) => evaluations.get(node)!);
}

/** Does the work for every value, at most `width` at once; the first failure is thrown once those under way have ended. */
async function inParallel<T>(values: readonly T[], width: number, work: (value: T) => Promise<void>): Promise<void> {
  const left = [...values];
  let failed = false;
  const lane = async (): Promise<void> => {
    for (let value = left.shift(); value !== undefined && !failed; value = left.shift()) {
      try {
        await work(value);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: width }, lane));
  for (const result of lanes) if (result.status === 'rejected') throw result.reason;
}

async function writeOutputs(
  { out, json }: DemoOptions,
  data: ReturnType<typeof collect>,
  { pilots, training }: { readonly pilots: readonly Pilot[]; readonly training: Training },
  nameOf: NameOf,
): Promise<{ records: string; report: string }> {
  const records = join(out, 'rounds.json');
  const report = join(out, 'report.html');
  const merchants = Object.fromEntries(
    [...new Set(training.rounds.flatMap(({ selected }) => selected))].map((client) => [client, nameOf(client)]),
  );
  const content = {
    formatVersion: 1,
    merchants,
    pilots: pilots.map((pilot) => ({
      learningRate: pilot.learningRate,
      validationLoss: pilot.validationLoss,
      rounds: pilot.training.rounds,
    })),
    rounds: training.rounds,
  };
  await writeFile(records, `${JSON.stringify(content, null, 2)}\n`);
  await writeFile(report, renderReport(data));
  const figures = `${JSON.stringify(demoResultSchema.parse(data.result), null, 2)}\n`;
  await writeFile(join(out, 'demo.json'), figures);
  if (json !== undefined) await writeFile(json, figures);
  return { records, report };
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function localTime(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

async function versions(): Promise<Record<string, string>> {
  const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return { Hansa: version, 'Node.js': process.version, platform: `${process.platform}-${process.arch}` };
}

function quoted(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}
