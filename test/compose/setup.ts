import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Command, CommanderError } from 'commander';
import { z } from 'zod';
import { columns, generateMerchants, split } from '../demo/generator/index.ts';

const seed = 1;
const merchants = 3;

const programs = {
  coordinator: fileURLToPath(new URL('../../coordinator/bin/hansa-coordinator.mjs', import.meta.url)),
  client: fileURLToPath(new URL('../../client-node/bin/hansa-client.mjs', import.meta.url)),
};

/** Runs a command and gives its JSON document; what it says on standard error is shown. */
async function run(program: keyof typeof programs, ...args: string[]): Promise<unknown> {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [programs[program], ...args, '--json']);
  process.stderr.write(stderr);
  return JSON.parse(stdout);
}

/** Three members hide little; here their orders are made up. Nodes refuse such a cohort unless their own policy agrees, as it does here. */
const cohort = { minimum: merchants, allowSmall: true };

const nodeConfig = (coordinator: string) => ({
  coordinator,
  // The network of containers leads nowhere else. Anything real uses https.
  allowInsecure: true,
  folder: 'node',
  data: {
    sources: [{ file: 'orders.csv', columns }],
    frequency: 'day',
    returns: 'negative',
    ...split,
  },
  policy: { minCohort: cohort.minimum },
});

const task = {
  name: 'Sample league',
  model: 'start.safetensors',
  cohort,
  rounds: 20,
  deadlines: { trainMs: 600_000 },
  plan: {
    job: { kind: 'demand', frequency: 'day' },
    training: { steps: 40, batchSize: 32, learningRate: 0.003 },
    seed,
    evaluation: { fineTuneSteps: 40, learningRates: [0.001, 0.003] },
  },
};

interface Options {
  readonly data: string;
  readonly nodes: string;
  readonly consortium: string;
  readonly coordinator: string;
}

/** Writes what is missing of one merchant's folder and enrols its node. */
async function setUpNode(name: string, csv: string, options: Options): Promise<void> {
  const { data, nodes, coordinator } = options;
  const folder = join(nodes, name);
  mkdirSync(folder, { recursive: true });
  const config = join(folder, 'hansa-node.json');
  writeFileSync(join(folder, 'orders.csv'), csv);
  writeFileSync(config, `${JSON.stringify(nodeConfig(coordinator), null, 2)}\n`);
  if (existsSync(join(folder, 'node', 'identity.json'))) {
    console.error(`${name} is enrolled already`);
    return;
  }
  const approver = approverFile(options);
  const { token } = z
    .looseObject({ token: z.string() })
    .parse(
      await run(
        'coordinator',
        'enrol',
        'token',
        '--approver',
        approver,
        '--data',
        data,
        '--label',
        name,
        '--valid',
        '10m',
      ),
    );
  await run('client', 'enrol', '--config', config, '--token', token);
}

const approverFile = ({ consortium }: Options): string => join(consortium, 'approver.json');

/** Makes the consortium's approver key, unless there is one. Its folder is no other container's. */
async function setUpConsortium(options: Options): Promise<void> {
  const file = approverFile(options);
  if (existsSync(file)) console.error('the approver has a key already');
  else await run('coordinator', 'approver', 'init', '--out', file);
}

/** Makes the task, unless the coordinator has one. */
async function setUpTask({ data }: Options): Promise<void> {
  const tasks = z.array(z.unknown()).parse(await run('coordinator', 'task', 'list', '--data', data));
  if (tasks.length > 0) {
    console.error('there is a task already');
    return;
  }
  const scratch = mkdtempSync(join(tmpdir(), 'hansa-compose-'));
  try {
    const file = join(scratch, 'task.json');
    writeFileSync(file, JSON.stringify(task));
    await run('client', 'model', 'init', '--size', 'nano', '--seed', String(seed), '--out', join(scratch, task.model));
    await run('coordinator', 'task', 'create', file, '--data', data);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/**
 * The one-shot set-up of docker-compose.yml: three merchants with made-up orders, enrolled, and a task for them.
 *
 * It may run again at any time: what is there stays. Exit status 0 done, 1 failed, 2 bad input.
 */
export async function main(argv: readonly string[]): Promise<number> {
  const program = new Command('hansa-compose-setup')
    .description('Sample orders, enrolled nodes and a task for docker-compose.yml.')
    .option('--data <folder>', "the coordinator's data folder", '/data')
    .option('--nodes <folder>', "where the nodes' folders are or will be: node-1 to node-3", '/nodes')
    .option('--consortium <folder>', "the consortium's own folder, for its approver key", '/consortium')
    .option('--coordinator <address>', 'how the nodes reach the coordinator', 'http://coordinator:8470')
    .allowExcessArguments(false)
    .exitOverride();
  try {
    const options = program.parse([...argv], { from: 'user' }).opts<Options>();
    await setUpConsortium(options);
    for (const [index, { csv }] of generateMerchants('shared', seed, merchants).entries()) {
      await setUpNode(`node-${index + 1}`, csv, options);
    }
    await setUpTask(options);
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    // A command that failed has said on standard error what and why.
    console.error((error as { stderr?: string }).stderr ?? error);
    return 1;
  }
}
