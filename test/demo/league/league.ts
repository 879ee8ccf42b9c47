import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { HansaError } from '@hansa/shared/errors';
import { z } from 'zod';
import { type AdminApi, connectAdminApi } from './adminApi.ts';
import { answerOf, type DemoProcess, type ProcessGroup, processFailed } from './childProcess.ts';
import type { MerchantFolder } from './orders.ts';

/** Options of Node, as the program's first line has them, and the script. */
const coordinatorProgram = [
  '--max-semi-space-size=1',
  fileURLToPath(new URL('../../../coordinator/bin/hansa-coordinator.mjs', import.meta.url)),
];
const clientProgram = [fileURLToPath(new URL('../../../client-node/bin/hansa-client.mjs', import.meta.url))];

const pollMs = 50;
const startTimeoutMs = 300_000;
/** A killed node is given up after this long: nothing on one machine loses its connection for longer. */
const reconnectGraceMs = 4_000;

export interface Coordinator {
  readonly process: DemoProcess;
  readonly address: string;
  readonly dataFolder: string;
  readonly admin: AdminApi;
  /** Most memory its process ever held; undefined where the system does not tell. */
  peakRssBytes(): Promise<number | undefined>;
}

const readySchema = z.looseObject({ address: z.string(), dataFolder: z.string() });
const adminSchema = z.looseObject({ token: z.string() });

/** A loopback port that nothing listens on: its address can be told before the coordinator is there. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  probe.listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** Starts a coordinator with its data in `folder`. @throws HansaError ProcessFailed, Timeout */
export async function startCoordinator(processes: ProcessGroup, folder: string, port: number): Promise<Coordinator> {
  const dataFolder = join(folder, 'coordinator');
  const config = join(folder, 'coordinator.json');
  await writeFile(config, `${JSON.stringify({ host: '127.0.0.1', port, reconnectGraceMs })}\n`);
  const started = processes.start(
    'the coordinator',
    coordinatorProgram,
    ['serve', '--config', config, '--data', dataFolder, '--json'],
    join(folder, 'coordinator.log'),
  );
  const ready = await waitFor(started, () => {
    const text = started.output();
    // The document may span lines: it is whole when it parses.
    return text.trimEnd().endsWith('}') ? readySchema.parse(JSON.parse(text)) : undefined;
  });
  const { token } = adminSchema.parse(JSON.parse(await readFile(join(ready.dataFolder, 'admin.json'), 'utf8')));
  return {
    process: started,
    address: ready.address,
    dataFolder: ready.dataFolder,
    admin: connectAdminApi(ready.address, token),
    peakRssBytes: async () => {
      const status = await readFile(`/proc/${started.pid}/status`, 'utf8').catch(() => '');
      const kib = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
      return kib === undefined ? undefined : Number(kib) * 1024;
    },
  };
}

/** The consortium's side: its offline key, in a folder of its own that the coordinator never reads, and the tokens it hands out. */
export interface Consortium {
  joinToken(coordinator: Coordinator, merchant: string): Promise<string>;
}

const tokenSchema = z.looseObject({ token: z.string() });

/** Makes the consortium's approver key in `folder`. @throws HansaError ProcessFailed */
export async function foundConsortium(processes: ProcessGroup, folder: string): Promise<Consortium> {
  const key = join(folder, 'approver.json');
  const command = (name: string, log: string, ...args: string[]) =>
    answerOf(processes.start(name, coordinatorProgram, [...args, '--json'], join(folder, log)));
  await command("the making of the approver's key", 'approver.log', 'approver', 'init', '--out', key);
  return {
    joinToken: async ({ dataFolder }, merchant) => {
      const name = `the join token of ${merchant}`;
      const args = ['enrol', 'token', '--approver', key, '--label', merchant, '--data', dataFolder];
      return tokenSchema.parse(await command(name, `token-${merchant}.log`, ...args)).token;
    },
  };
}

/** Waits until a node has fetched the models that `evaluate` compares. */
export async function waitForModels(node: Node, hashes: readonly string[], signal: AbortSignal): Promise<void> {
  const { process } = node;
  if (process === undefined) throw new RangeError('a node that was never started fetches no models');
  await waitFor(process, () => {
    signal.throwIfAborted();
    return hashes.every((hash) => existsSync(join(node.folder, 'models', `${hash}.safetensors`))) || undefined;
  });
}

async function waitFor<T>(started: DemoProcess, look: () => T | undefined): Promise<T> {
  const until = Date.now() + startTimeoutMs;
  for (;;) {
    const found = look();
    if (found !== undefined) return found;
    if (!started.running()) throw processFailed(started, await started.exited);
    if (Date.now() > until) {
      throw new HansaError('Timeout', `It was not ready within ${startTimeoutMs / 1000} s.`, {
        who: started.name,
        log: started.log,
      });
    }
    await delay(pollMs);
  }
}

/** One merchant's node: its config, its identity and its process. */
export interface Node {
  readonly merchant: MerchantFolder;
  readonly config: string;
  /** The node's own data: identity, journal, models, kept updates. */
  readonly folder: string;
  clientId: string;
  process: DemoProcess | undefined;
}

/** Writes a node's config beside its orders. */
export async function prepareNode(merchant: MerchantFolder, address: string, engine: string): Promise<Node> {
  const config = join(merchant.folder, 'node.json');
  const folder = join(merchant.folder, 'node');
  await writeFile(
    config,
    `${JSON.stringify(
      { coordinator: address, folder: 'node', data: merchant.data, training: { engine, keepUpdates: true } },
      null,
      2,
    )}\n`,
  );
  return { merchant, config, folder, clientId: '', process: undefined };
}

const enrolledSchema = z.looseObject({ clientId: z.string() });

/** Enrols a node with a token of its own. */
export async function enrolNode(processes: ProcessGroup, node: Node, token: string): Promise<void> {
  const answer = await answerOf(
    runClient(processes, node, `the enrolment of ${node.merchant.id}`, 'enrol', ['--token', token]),
  );
  node.clientId = enrolledSchema.parse(answer).clientId;
}

/** Starts, or starts again, the process of a node. */
export function startNode(processes: ProcessGroup, node: Node): void {
  node.process = runClient(processes, node, `the node of ${node.merchant.id}`, 'run', []);
}

/** Starts the comparison of the four forecasts on a merchant's own hold-out. */
export function startEvaluation(processes: ProcessGroup, node: Node): DemoProcess {
  return runClient(processes, node, `the evaluation of ${node.merchant.id}`, 'evaluate', []);
}

function runClient(
  processes: ProcessGroup,
  node: Node,
  name: string,
  command: string,
  args: readonly string[],
): DemoProcess {
  return processes.start(
    name,
    clientProgram,
    [command, '--config', node.config, '--json', ...args],
    join(node.merchant.folder, `${command}.log`),
  );
}

/** Writes the model that round 1 starts from. */
export async function writeInitialModel(
  processes: ProcessGroup,
  folder: string,
  size: string,
  seed: number,
): Promise<string> {
  const path = join(folder, 'initial-model.safetensors');
  await answerOf(
    processes.start(
      'the making of the first model',
      clientProgram,
      ['model', 'init', '--size', size, '--seed', String(seed), '--out', path, '--json'],
      join(folder, 'model-init.log'),
    ),
  );
  return path;
}
