import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { architectureOfHeader, placeOf } from '@hansa/shared/model';
import { elementCount, readHeader } from '@hansa/shared/numeric';
import type { RoundRecord } from '@hansa/shared/protocol';
import { seededNumbers } from '@hansa/shared/random';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Processes } from './processes.ts';
import {
  type Coordinator,
  createTask,
  enrolNode,
  keptSumHash,
  type Node,
  roundsOf,
  startCoordinator,
} from './processLeague.ts';

let folder: string;
let processes: Processes;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hansa-two-jobs-'));
  processes = new Processes(folder);
});
afterAll(async () => {
  await processes.end();
  rmSync(folder, { recursive: true });
});

/** Shipments of one small merchant: one of three vendors is late half of the time, the others seldom. */
function writeShipments(path: string, merchant: number): void {
  const drawn = seededNumbers(`shipments of merchant ${merchant}`);
  const date = (day: number) => new Date(Date.UTC(2025, 0, 1 + day)).toISOString().slice(0, 10);
  const lines = ['id,ordered,promised,delivered,vendor,kilos'];
  for (let order = 0; order < 400; order++) {
    const vendor = Math.floor(3 * drawn.uniform());
    const [ordered, promised] = [Math.floor(order / 2), Math.floor(order / 2) + 10];
    const days = drawn.uniform() < (vendor === 0 ? 0.5 : 0.05) ? 12 : 9;
    const row = [
      order,
      date(ordered),
      date(promised),
      date(ordered + days),
      `vendor ${vendor}`,
      1 + Math.floor(99 * drawn.uniform()),
    ];
    lines.push(row.join(','));
  }
  writeFileSync(path, `${lines.join('\n')}\n`);
}

const demandData = {
  sources: [{ file: 'orders.csv', columns: { date: 'day', item: 'sku', quantity: 'units' } }],
  frequency: 'day',
  returns: 'none',
  validFrom: '2025-08-01',
  testFrom: '2025-09-15',
};
const shipmentColumns = { order: 'id', ordered: 'ordered', promised: 'promised', delivered: 'delivered' };
const riskData = {
  job: 'risk',
  sources: [
    {
      file: 'shipments.csv',
      columns: { ...shipmentColumns, numbers: { weight: 'kilos' }, categories: { vendor: 'vendor' } },
    },
  ],
};

const plans = {
  demand: {
    job: { kind: 'demand', frequency: 'day' },
    training: { steps: 3, batchSize: 4, learningRate: 0.001 },
  },
  risk: {
    job: { kind: 'risk', numbers: ['weight'], categories: ['vendor'] },
    training: { steps: 30, batchSize: 32, learningRate: 0.01 },
    evaluation: { fineTuneSteps: 10, learningRates: [0.003] },
  },
};

/** The bytes of a model's tensors, by the job that alone uses them, or `shared`. */
function tensorsByJob(path: string): Record<'demand' | 'risk' | 'shared', string> {
  const bytes = readFileSync(path);
  const header = readHeader(bytes, bytes.length);
  expect(Object.keys(architectureOfHeader(header).heads).sort()).toEqual(['demand', 'risk']);
  const found = { demand: '', risk: '', shared: '' };
  for (const { name, shape, offset } of header.manifest) {
    const from = header.dataOffset + 4 * offset;
    const job = placeOf(name)?.job ?? 'shared';
    found[job as keyof typeof found] += `${name} ${bytes.toString('base64', from, from + 4 * elementCount(shape))}\n`;
  }
  return found;
}

/** Runs one round of a task and gives the model that came of it. */
async function roundOf(
  coordinator: Coordinator,
  nodes: readonly Node[],
  job: keyof typeof plans,
  model: string,
  trained: string,
): Promise<{ path: string; record: RoundRecord }> {
  const task = await createTask(processes, coordinator, folder, 1, {
    name: trained,
    model,
    plan: plans[job],
    cohort: { minimum: 2, maximum: 2, allowSmall: true },
    secureAggregation: { minSurvivors: 2, knownFloor: 0 },
  });
  const running = nodes.map(({ config }) => processes.start('client', 'run', '--config', config, '--until-task-ends'));
  for (const { status, stderr } of await Promise.all(running.map(({ finished }) => finished)))
    expect(status, stderr).toBe(0);
  const record = (await roundsOf(processes, coordinator, task.id)).find(({ outcome }) => outcome === 'committed')!;
  expect(record.reported).toHaveLength(2);
  expect(record.sumHash).toBe(keptSumHash(nodes, record));
  const path = join(folder, `${trained}.safetensors`);
  const get = ['model', 'export', record.modelHash!, '--out', path, '--data', coordinator.dataFolder];
  await processes.answer('coordinator', ...get);
  return { path, record };
}

it('tasks of demand and of risk take turns on one model, and neither changes the tensors of the other', async () => {
  const coordinator = await startCoordinator(processes, folder);
  const nodes: Node[] = [];
  for (let merchant = 0; merchant < 2; merchant++) {
    const home = join(folder, `node-${merchant}`);
    const overrides = {
      data: [{ job: 'demand', ...demandData }, riskData],
      policy: { minCohort: 2, knownFloor: 0 },
    };
    nodes.push(await enrolNode(processes, coordinator, home, merchant, { overrides }));
    writeShipments(join(home, 'shipments.csv'), merchant);
  }
  const checked = await processes.run('client', 'check-data', '--config', nodes[0]!.config);
  expect(checked.stdout).toContain('400 orders promised from 2025-01-11');
  const start = join(folder, 'start.safetensors');
  const size = ['--size', 'nano', '--seed', '1', '--out', start];
  await processes.answer('client', 'model', 'init', '--jobs', 'demand', 'risk', ...size);

  let before = tensorsByJob(start);
  let model = start;
  const turns = ['demand', 'risk', 'demand', 'risk'] as const;
  for (const [turn, job] of turns.entries()) {
    const other = job === 'demand' ? 'risk' : 'demand';
    const { path, record } = await roundOf(coordinator, nodes, job, model, `${job}-${turn}`);
    const after = tensorsByJob(path);
    expect(after[other]).toBe(before[other]);
    expect(after[job]).not.toBe(before[job]);
    expect(after.shared).not.toBe(before.shared);
    const tail =
      job === 'demand'
        ? undefined
        : { auroc: expect.any(Number), auprc: expect.any(Number), brier: expect.any(Number) };
    expect(record.metrics).toEqual(tail);
    // What the second round of risk starts from has learned to rank in the first, and demand's turn between them has not undone it.
    if (turn === 3) expect(record.metrics?.auroc).toBeGreaterThan(0.6);
    [before, model] = [after, path];
  }

  const compared = await processes.answer<Record<string, Record<string, number>>>(
    'client',
    'evaluate',
    '--config',
    nodes[0]!.config,
  );
  expect(Object.keys(compared.auroc!)).toEqual([
    'pastRate',
    'logisticRegression',
    'untrained',
    'localOnly',
    'federated',
    'fineTuned',
    'blended',
    'selected',
  ]);
  expect(compared.auroc!.fineTuned).toBeGreaterThan(0.6);
}, 600_000);
