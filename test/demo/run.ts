import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { chooseEngine } from '@hansa/client-node/compute';
import type { JobOptions } from '@hansa/shared/model';
import { parameterCount, readHeaderOfFile } from '@hansa/shared/numeric';
import { localTime, quoted, versions } from './circumstances.ts';
import { collect, nameClients } from './collect.ts';
import type { DemoRun, League } from './demoRun.ts';
import { evaluateAll } from './evaluateAll.ts';
import { makeFolders } from './folders.ts';
import { freePort, startCoordinator, waitForModels, writeInitialModel } from './league/league.ts';
import { writeOrders } from './league/orders.ts';
import { chosenRate } from './league/pilots.ts';
import { startNodes } from './league/startNodes.ts';
import type { Training } from './league/train.ts';
import type { DemoOptions } from './options.ts';
import { writeOutputs, writeProcessIds } from './outputs.ts';
import { fineTunedIntervals } from './report/fineTunedIntervals.ts';
import type { Ending } from './screen/render.ts';
import { showMerchants } from './screen/showStatus.ts';
import { demoTask, firstRoundWithAKill } from './settings.ts';
import type { Mapping } from './silos/mapping.ts';
import { judge } from './verdict.ts';
import { runPilots, trainVisibly } from './visibleTraining.ts';

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
  run: DemoRun,
): Promise<Ending> {
  const { state, screen, processes, signal } = run;
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
  const nodes = await startNodes(coordinator, merchants, { ...options, engine: engine.name }, run);
  const modelHash = sha256(await readFile(initialModel));
  await coordinator.admin.storeModel(modelHash, initialModel);

  state.stage = 'training';
  const { frequency } = merchants[0]!.data;
  const job: JobOptions = { kind: 'demand', frequency };
  const league: League = { coordinator, nodes, modelHash };
  const pilots = await runPilots(league, options, job, run);
  const learningRate = chosenRate(pilots, run.training.learningRates[0]!);
  const task = demoTask(options, job, run.training, learningRate);
  // Late enough to have been seen taking part, early enough to come back in the next.
  const killFromRound = firstRoundWithAKill(options.rounds);
  const training = await trainVisibly(task, league, killFromRound, run);

  state.stage = 'evaluating';
  state.running = undefined;
  const compared = [training.task.initialModelHash, training.task.modelHash];
  await Promise.all(nodes.map((node) => waitForModels(node, compared, signal)));
  if (!options.keep) await Promise.all(nodes.map(({ process }) => process?.stop()));
  const evaluations = await evaluateAll(nodes, run);

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
      {
        what: 'what sells next?',
        command: `npx hansa-client forecast --config ${here(nodes[0]!.config)} --out forecast.html`,
      },
      {
        what: 'what do I order?',
        command: `npx hansa-client plan --config ${here(nodes[0]!.config)} --out plan.html`,
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

function cameBack({ rounds }: Training, { node, attempt }: NonNullable<Training['killed']>): boolean {
  return rounds.some((record) => record.attempt > attempt && record.reported.includes(node.clientId));
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
