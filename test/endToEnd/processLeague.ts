import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { IdentityKey, newIdentitySeed } from '@hansa/shared/crypto';
import {
  clientRecordSchema,
  coordinatorIdentitySchema,
  newJoinToken,
  type RoundRecord,
  type TaskRecord,
  tokenRecordSchema,
  tokenRequestSchema,
} from '@hansa/shared/protocol';
import { systemRandom } from '@hansa/shared/random';
import { z } from 'zod';
import type { Processes, RunningCommand } from './processes.ts';

export interface Coordinator {
  readonly process: RunningCommand;
  readonly address: string;
  readonly dataFolder: string;
  /** The consortium's key, which the coordinator never has. */
  readonly approver: IdentityKey;
}

export interface Node {
  readonly config: string;
  readonly folder: string;
  readonly clientId: string;
}

/** Starts a coordinator on a free port. */
export async function startCoordinator(processes: Processes, folder: string, ...args: string[]): Promise<Coordinator> {
  const dataFolder = join(folder, 'coordinator');
  const process = processes.start('coordinator', 'serve', '--data', dataFolder, '--port', '0', '--json', ...args);
  const { address } = z.looseObject({ address: z.string() }).parse(await process.document());
  return { process, address, dataFolder, approver: new IdentityKey(newIdentitySeed(systemRandom)) };
}

/** Whether the coordinator sees a node connected. */
export async function isConnected(coordinator: Coordinator, { clientId }: Node): Promise<boolean> {
  const clients = z.array(clientRecordSchema).parse(await askAdmin(coordinator, '/clients'));
  return clients.some(({ id, connected }) => id === clientId && connected);
}

/** Order lines of one small merchant: a few items by day, weekly seasons, the same on every run. */
export function writeOrders(path: string, merchant: number, days = 300): void {
  const lines = ['day,sku,units'];
  const start = Date.UTC(2025, 0, 1);
  for (let day = 0; day < days; day++) {
    const date = new Date(start + day * 86_400_000).toISOString().slice(0, 10);
    for (let item = 0; item < 3; item++) {
      const season = 2 + Math.sin((2 * Math.PI * (day + merchant)) / 7);
      const jitter = ((day * 7919 + item * 104_729 + merchant * 1_299_709) % 13) / 13;
      lines.push(`${date},item-${item},${Math.round((item + 2) * season + 3 * jitter)}`);
    }
  }
  writeFileSync(path, `${lines.join('\n')}\n`);
}

/** A node's own data: what {@link writeOrders} writes into orders.csv beside the config. */
export const ordersOfNode = {
  sources: [{ file: 'orders.csv', columns: { date: 'day', item: 'sku', quantity: 'units' } }],
  frequency: 'day',
  returns: 'none',
  validFrom: '2025-08-01',
  testFrom: '2025-09-15',
} as const;

/** Writes the config of a node with orders of its own. */
export function writeNode(folder: string, address: string, merchant: number, overrides: object = {}): string {
  mkdirSync(folder, { recursive: true });
  writeOrders(join(folder, 'orders.csv'), merchant);
  const config = join(folder, 'node.json');
  const content = {
    coordinator: address,
    folder: 'data',
    data: ordersOfNode,
    training: { engine: 'wasm', keepUpdates: true },
    ...overrides,
  };
  writeFileSync(config, JSON.stringify(content));
  return config;
}

/** A request of the coordinator's admin; JSON unless the init says otherwise. */
export async function askAdmin(coordinator: Coordinator, path: string, init: RequestInit = {}): Promise<unknown> {
  const { token } = JSON.parse(readFileSync(join(coordinator.dataFolder, 'admin.json'), 'utf8')) as { token: string };
  const response = await fetch(new URL(`/v1/admin${path}`, coordinator.address), {
    ...init,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...init.headers },
  });
  if (!response.ok) throw new Error(`${path} was answered with ${response.status}: ${await response.text()}`);
  return response.json();
}

/** A join token, registered by the coordinator's admin API. */
export async function newToken(coordinator: Coordinator, label: string, validMs = 3_600_000): Promise<string> {
  const scope = coordinatorIdentitySchema.parse(await askAdmin(coordinator, '/identity'));
  const { approver } = coordinator;
  const token = newJoinToken({ scope, expiresAtMs: Date.now() + validMs, approver }, systemRandom);
  const body = JSON.stringify(z.encode(tokenRequestSchema, { label, ...token.registration }));
  tokenRecordSchema.parse(await askAdmin(coordinator, '/enrolment-tokens', { method: 'POST', body }));
  return token.text;
}

/** Writes a node and enrols it, with a token of its own unless one is given; `overrides` are of its configuration. */
export async function enrolNode(
  processes: Processes,
  coordinator: Coordinator,
  folder: string,
  merchant: number,
  { joinToken, overrides }: { readonly joinToken?: string; readonly overrides?: object } = {},
): Promise<Node> {
  const config = writeNode(folder, coordinator.address, merchant, overrides);
  const token = joinToken ?? (await newToken(coordinator, `merchant-${merchant}`));
  const { clientId } = await processes.answer<{ clientId: string }>(
    'client',
    'enrol',
    '--config',
    config,
    '--token',
    token,
  );
  return { config, folder: join(folder, 'data'), clientId };
}

/** Longer than a phase takes on any machine: what ends one in a test is that everybody answered or is gone. */
const deadlineMs = 600_000;

/** Makes a task of `rounds` rounds from a fresh nano model unless `model` names a file. It waits for every enrolled node. */
export async function createTask(
  processes: Processes,
  coordinator: Coordinator,
  folder: string,
  rounds: number,
  { plan, ...overrides }: { readonly plan?: object; readonly [key: string]: unknown } = {},
): Promise<TaskRecord> {
  if (overrides.model === undefined) {
    const model = join(folder, 'start.safetensors');
    await processes.answer('client', 'model', 'init', '--size', 'nano', '--seed', '1', '--out', model);
  }
  const file = join(folder, 'task.json');
  writeFileSync(
    file,
    JSON.stringify({
      name: 'demand',
      model: 'start.safetensors',
      rounds,
      deadlines: {
        recruitMs: deadlineMs,
        advertiseKeysMs: deadlineMs,
        shareKeysMs: deadlineMs,
        consistencyMs: deadlineMs,
        unmaskMs: deadlineMs,
      },
      plan: {
        job: { kind: 'demand', frequency: 'day' },
        training: { steps: 2, batchSize: 4, learningRate: 0.001 },
        evaluation: { fineTuneSteps: 2, learningRates: [0.001] },
        ...plan,
      },
      ...overrides,
    }),
  );
  return processes.answer('coordinator', 'task', 'create', file, '--data', coordinator.dataFolder);
}

export function roundsOf(processes: Processes, coordinator: Coordinator, taskId: string): Promise<RoundRecord[]> {
  return processes.answer('coordinator', 'round', 'list', taskId, '--data', coordinator.dataFolder);
}

/** SHA-256 of the sum of the quantised updates that the survivors kept in their own folders, words mod 2^32. */
export function keptSumHash(nodes: readonly Node[], record: RoundRecord): string {
  const { taskId, round, attempt, reported } = record;
  const vectors = reported.map((client) => {
    const node = nodes.find(({ clientId }) => clientId === client);
    if (node === undefined) throw new Error(`an unknown node ${client} reported`);
    const bytes = readFileSync(join(node.folder, 'updates', `${taskId}-${round}-${attempt}.u32`));
    return new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  });
  const sum = new Uint32Array(vectors[0]?.length ?? 0);
  for (const vector of vectors) for (let at = 0; at < sum.length; at++) sum[at] = sum[at]! + vector[at]!;
  return createHash('sha256').update(new Uint8Array(sum.buffer)).digest('hex');
}
