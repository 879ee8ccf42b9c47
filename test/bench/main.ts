import { type EngineName, engineNames } from '@hansa/client-node/compute';
import { HansaError, toProblem } from '@hansa/shared/errors';
import { type ModelSize, modelSizes } from '@hansa/shared/model';
import { maxCompleteCohort } from '@hansa/shared/protocol/secagg';
import { Command, CommanderError, Option } from 'commander';
import { benchedJobs, publicDataSets } from './jobs/names.ts';
import { replayedSets } from './replenishment/names.ts';
import { type BenchResult, describeMachine } from './report.ts';
import { contenders } from './strategies/contenders.ts';

const wholeNumber = (name: string, low: number, high: number) => (text: string) => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < low || value > high) {
    throw new HansaError('InvalidArgument', `${name} takes a whole number from ${low} to ${high}, not "${text}".`);
  }
  return value;
};

const wholeNumbers = (name: string, low: number, high: number) => (text: string) =>
  text.split(',').map(wholeNumber(name, low, high));

const someOf =
  <Name extends string>(option: string, names: readonly Name[]) =>
  (text: string): Name[] =>
    text.split(',').map((given) => {
      const found = names.find((one) => one === given);
      if (found === undefined)
        throw new HansaError('InvalidArgument', `${option} takes some of ${names.join(', ')}, not "${given}".`);
      return found;
    });
const strategyNames = contenders.map(({ name }) => name);
const sizesIn = someOf('--sizes', modelSizes);
const enginesIn = someOf('--engines', engineNames);

/** Runs one benchmark by name; its last line on standard output is one JSON document. Exit status 0 ran, 1 could not (or missed a limit with --check), 2 bad input. */
export async function main(argv: readonly string[]): Promise<number> {
  let status = 0;
  const program = new Command('bench')
    .description(
      'Benchmarks. The last line on standard output is one JSON document; everything else goes to standard error.',
    )
    .exitOverride();

  const report = (bench: string, result: BenchResult, check: boolean) => {
    process.stdout.write(`${JSON.stringify({ bench, machine: describeMachine(), ...result })}\n`);
    if (check && result.cases.some((one) => one.pass === false)) status = 1;
  };

  program
    .command('round')
    .description(
      'Whole rounds with synthetic updates through the real protocol and processes: seconds by phase, bytes, memory; and what secure aggregation adds where every node has a machine of its own.',
    )
    .addOption(
      new Option('--clients <n,...>', 'client nodes; of several numbers the memory is compared')
        .argParser(wholeNumbers('--clients', 5, maxCompleteCohort))
        .default([5], '5'),
    )
    .addOption(
      new Option('--params <n>', 'numbers in the update')
        .argParser(wholeNumber('--params', 3000, 100_000_000))
        .default(10_000_000),
    )
    .addOption(new Option('--rounds <n>', 'rounds').argParser(wholeNumber('--rounds', 1, 100)).default(2))
    .option('--check', 'exit with 1 when a limit is missed', false)
    .action(async (options: { clients: number[]; params: number; rounds: number; check: boolean }) => {
      const { benchRound } = await import('./round/benchRound.ts');
      report('round', await benchRound(options), options.check);
    });

  program
    .command('masks')
    .description(
      'Mask expansion on one core: nanoseconds for each parameter and neighbour, beside AES alone, memcpy and a plain loop.',
    )
    .addOption(
      new Option('--params <n,...>', 'numbers in the vector')
        .argParser(wholeNumbers('--params', 1000, 100_000_000))
        .default([1_000_000, 10_000_000], '1000000,10000000'),
    )
    .option('--peers', "also Flower's own code, in a Python environment that is made from PyPI", false)
    .option('--check', 'exit with 1 when a limit is missed', false)
    .action(async (options: { params: number[]; peers: boolean; check: boolean }) => {
      const { benchMasks } = await import('./masks/benchMasks.ts');
      report('masks', await benchMasks(options), options.check);
    });

  program
    .command('unmask')
    .description(
      'From the last share to the open sum: secrets rebuilt, masks expanded and taken away, beside the masks alone.',
    )
    .addOption(
      new Option('--params <n>', 'numbers in the vector')
        .argParser(wholeNumber('--params', 1000, 100_000_000))
        .default(1_000_000),
    )
    .option('--peers', "also Flower's own code, in a Python environment that is made from PyPI", false)
    .option('--check', 'exit with 1 when a limit is missed', false)
    .action(async (options: { params: number; peers: boolean; check: boolean }) => {
      const { benchUnmask } = await import('./unmask/benchUnmask.ts');
      report('unmask', await benchUnmask(options), options.check);
    });

  program
    .command('fold')
    .description(
      'Adding masked vectors to the sum while they arrive: beside a copy of memory and an addition, as part of an upload, and in memory.',
    )
    .addOption(
      new Option('--clients <n,...>', 'vectors in the sum whose memory is measured; the spool holds all of them')
        .argParser(wholeNumbers('--clients', 5, 1000))
        .default([20, 200], '20,200'),
    )
    .addOption(
      new Option('--params <n>', 'numbers in the vector')
        .argParser(wholeNumber('--params', 1000, 100_000_000))
        .default(10_000_000),
    )
    .option('--check', 'exit with 1 when a limit is missed', false)
    .action(async (options: { params: number; clients: number[]; check: boolean }) => {
      const { benchFold } = await import('./fold/benchFold.ts');
      report('fold', await benchFold(options), options.check);
    });

  program
    .command('train-step')
    .description('A training step on every engine that runs here, on one core and on two.')
    .addOption(
      new Option('--sizes <name,...>', 'sizes of the model')
        .argParser(sizesIn)
        .default(['tiny', 'small'], 'tiny,small'),
    )
    .addOption(
      new Option('--cores <n,...>', 'cores that a process is held to')
        .argParser(wholeNumbers('--cores', 1, 64))
        .default([1, 2], '1,2'),
    )
    .addOption(
      new Option(
        '--engines <name,...>',
        'engines that are measured, of those that are here; plain JavaScript takes minutes',
      )
        .argParser(enginesIn)
        .default(engineNames, 'all'),
    )
    .option('--peers', 'also the same model in PyTorch, in a Python environment that is made from PyPI', false)
    .option('--check', 'exit with 1 when a limit is missed', false)
    .action(
      async (options: {
        sizes: ModelSize[];
        cores: number[];
        engines: EngineName[];
        peers: boolean;
        check: boolean;
      }) => {
        const { benchTrainStep } = await import('./trainStep/benchTrainStep.ts');
        report('train-step', await benchTrainStep(options), options.check);
      },
    );

  program
    .command('uploads')
    .description('What a member sends in a round, by size of the model and what is trained of it; nothing is timed.')
    .addOption(
      new Option('--sizes <name,...>', 'sizes of the model')
        .argParser(sizesIn)
        .default(['tiny', 'small', 'base'], 'tiny,small,base'),
    )
    .action(async (options: { sizes: ModelSize[] }) => {
      const { benchUploads } = await import('./uploads/benchUploads.ts');
      report('uploads', benchUploads(options), false);
    });

  program
    .command('strategies')
    .description(
      "Validation loss by round for every strategy, on the demo's two worlds, after the same tuning for each; in this process, without masks and sockets.",
    )
    .addOption(new Option('--seeds <n>', 'draws of merchants').argParser(wholeNumber('--seeds', 1, 20)).default(3))
    .addOption(new Option('--rounds <n>', 'rounds').argParser(wholeNumber('--rounds', 1, 200)).default(6))
    .addOption(
      new Option('--only <name,...>', 'these strategies alone')
        .argParser(someOf('--only', strategyNames))
        .default(strategyNames, 'all'),
    )
    .action(async (options: { seeds: number; rounds: number; only: string[] }) => {
      const { benchStrategies } = await import('./strategies/benchStrategies.ts');
      report('strategies', await benchStrategies(options), false);
    });

  program
    .command('replenishment')
    .description(
      "Stock held at equal service on public data (HANSA_DATA): the product's proposals by the model, by seasonal naive and by smoothing, replayed week by week.",
    )
    .addOption(
      new Option('--data <name,...>', 'data sets')
        .argParser(someOf('--data', replayedSets))
        .default([...replayedSets], 'all'),
    )
    .addOption(
      new Option('--lead <weeks>', 'from an order to its arrival').argParser(wholeNumber('--lead', 0, 7)).default(2),
    )
    .addOption(
      new Option('--steps <n>', "of the model's training").argParser(wholeNumber('--steps', 1, 100_000)).default(1000),
    )
    .option('--check', 'exit with 1 when a limit is missed', false)
    .action(async (options: { data: (typeof replayedSets)[number][]; lead: number; steps: number; check: boolean }) => {
      const { benchReplenishment } = await import('./replenishment/benchReplenishment.ts');
      report('replenishment', await benchReplenishment(options), options.check);
    });

  program
    .command('jobs')
    .description(
      'What a league gives on public data (HANSA_DATA): real rounds for each seed, then own data only, league, league tuned and baselines on every hold-out.',
    )
    .addOption(
      new Option('--jobs <name,...>', 'jobs').argParser(someOf('--jobs', benchedJobs)).default([...benchedJobs], 'all'),
    )
    .addOption(
      new Option('--data <name,...>', 'data sets')
        .argParser(someOf('--data', publicDataSets))
        .default([...publicDataSets], 'all'),
    )
    .addOption(
      new Option('--seeds <n>', 'starting models, each with a task of its own')
        .argParser(wholeNumber('--seeds', 1, 20))
        .default(3),
    )
    .option('--peers', 'also boosted trees on all orders together, in a Python environment from PyPI', false)
    .option(
      '--shuffled',
      'the case in which nothing can be learned: outcomes change places within each merchant',
      false,
    )
    .action(
      async (options: {
        jobs: (typeof benchedJobs)[number][];
        data: (typeof publicDataSets)[number][];
        seeds: number;
        peers: boolean;
        shuffled: boolean;
      }) => {
        const { benchJobs } = await import('./jobs/benchJobs.ts');
        report('jobs', await benchJobs(options), false);
      },
    );

  program
    .command('read-orders')
    .description("Reading and cleaning order lines, beside the database's own scan and group-by of the same file.")
    .addOption(
      new Option('--lines <n>', 'order lines').argParser(wholeNumber('--lines', 10_000, 50_000_000)).default(1_000_000),
    )
    .option('--check', 'exit with 1 when a limit is missed', false)
    .action(async (options: { lines: number; check: boolean }) => {
      const { benchReadOrders } = await import('./readOrders/benchReadOrders.ts');
      report('read-orders', await benchReadOrders(options), options.check);
    });

  program
    .command('league')
    .description(
      'What the league is worth in demand forecasts on public data (HANSA_DATA): rounds for each seed, then own, league, tuned and selected models, all data pooled, simple forecasts and boosted trees on every hold-out.',
    )
    .requiredOption('--data <name>', 'a public data set, such as iowa_liquor, or a folder')
    .option('--mapping <file>', "what a folder's columns mean")
    .addOption(new Option('--seeds <n>', 'starting models').argParser(wholeNumber('--seeds', 1, 20)).default(3))
    .addOption(new Option('--merchants <n>', 'the largest ones').argParser(wholeNumber('--merchants', 2, 300)))
    .addOption(new Option('--rounds <n>', 'rounds').argParser(wholeNumber('--rounds', 1, 500)).default(15))
    .addOption(new Option('--steps <n>', 'steps of a round').argParser(wholeNumber('--steps', 1, 1000)).default(20))
    .addOption(new Option('--size <name>', 'size of the model').choices(modelSizes).default('nano'))
    .addOption(
      new Option(
        '--history <n>',
        'periods of history that each merchant has before validation; all without it',
      ).argParser(wholeNumber('--history', 8, 10_000)),
    )
    .option('--no-peers', 'without boosted trees, which need a Python environment from PyPI')
    .action(
      async (options: {
        data: string;
        mapping?: string;
        seeds: number;
        merchants?: number;
        rounds: number;
        steps: number;
        size: ModelSize;
        history?: number;
        peers: boolean;
      }) => {
        const { benchLeague } = await import('./league/benchLeague.ts');
        report(
          'league',
          await benchLeague({ mapping: undefined, merchants: undefined, history: undefined, ...options }),
          false,
        );
      },
    );

  try {
    await program.parseAsync(argv, { from: 'user' });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof HansaError) {
      process.stderr.write(`bench: ${error.message}\n`);
      return error.exitStatus;
    }
    process.stderr.write(
      `bench: ${error instanceof Error ? (error.stack ?? error.message) : toProblem(error).detail}\n`,
    );
    return 1;
  }
}
