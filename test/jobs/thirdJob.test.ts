import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { seededNumbers } from '@hansa/shared/random';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Processes } from '../endToEnd/processes.ts';
import { createTask, enrolNode, type Node, roundsOf, startCoordinator } from '../endToEnd/processLeague.ts';
import { SourceCopy } from '../sourceCopy/sourceCopy.ts';

const patch = fileURLToPath(new URL('nextCategory.patch', import.meta.url));

let source: SourceCopy;
let folder: string;
let processes: Processes;
beforeAll(() => {
  source = new SourceCopy(['shared', 'aggregation', 'coordinator', 'client-node', 'dashboards', 'test']);
  source.plant(patch);
  folder = mkdtempSync(join(tmpdir(), 'hansa-third-job-'));
  processes = new Processes(folder, source.root);
});
afterAll(async () => {
  await processes.end();
  rmSync(folder, { recursive: true });
  source.remove();
});

/** Orders of a few customers who move on from a category to the next one, most of the time. */
function writeCategories(path: string, merchant: number): void {
  const numbers = seededNumbers(`merchant ${merchant}`);
  const rows = ['customer,day,category'];
  for (let customer = 0; customer < 12; customer++) {
    let category = customer;
    for (let order = 0; order < 24; order++) {
      rows.push(`c${customer},${100 + order},category ${category % 5}`);
      category += numbers.uniform() < 0.9 ? 1 : 2;
    }
  }
  writeFileSync(path, `${rows.join('\n')}\n`);
}

it('a job is added in rooms of its own and a line in each of the two registries', () => {
  const { stdout } = spawnSync('git', ['apply', '--numstat', patch], { cwd: source.root, encoding: 'utf8' });
  const touched = stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t') as [string, string, string]);
  const registries = ['client-node/jobs/models.ts', 'shared/model/jobs/index.ts'];
  const isRoom = (file: string) =>
    file.startsWith('client-node/jobs/nextCategory/') || file === 'shared/model/jobs/nextCategory.ts';
  expect(touched.map(([, , file]) => file).filter((file) => !isRoom(file))).toEqual(registries);
  // An import and an entry.
  for (const [added, removed] of touched.filter(([, , file]) => registries.includes(file)))
    expect(Number(added) - Number(removed)).toBeLessThanOrEqual(2);
});

it('the source with a third job has right types', () => {
  const compiler = join(source.root, 'node_modules/typescript/bin/tsc');
  const { status, stdout } = spawnSync(process.execPath, [compiler, '--noEmit'], {
    cwd: source.root,
    encoding: 'utf8',
  });
  expect(stdout).toBe('');
  expect(status).toBe(0);
}, 240_000);

it('trains it in a real round, reports its metric in the masked sum, and compares it with its baseline', async () => {
  const coordinator = await startCoordinator(processes, folder);
  const nodes: Node[] = [];
  for (let merchant = 0; merchant < 5; merchant++) {
    const file = join(folder, `categories-${merchant}.csv`);
    writeCategories(file, merchant);
    const overrides = { data: { job: 'nextCategory', file } };
    nodes.push(await enrolNode(processes, coordinator, join(folder, `node-${merchant}`), merchant, { overrides }));
  }
  const [demand, model] = [join(folder, 'demand.safetensors'), join(folder, 'both.safetensors')];
  await processes.answer('client', 'model', 'init', '--size', 'nano', '--seed', '1', '--out', demand);
  await processes.answer('client', 'model', 'add', demand, '--jobs', 'nextCategory', '--seed', '1', '--out', model);
  const task = await createTask(processes, coordinator, folder, 1, {
    model,
    plan: {
      job: { kind: 'nextCategory' },
      training: { steps: 200, batchSize: 16, learningRate: 0.001 },
      evaluation: { fineTuneSteps: 100, learningRates: [0.001] },
    },
  });
  const running = nodes.map(({ config }) => processes.start('client', 'run', '--config', config, '--until-task-ends'));
  for (const { status, stderr } of await Promise.all(running.map(({ finished }) => finished)))
    expect(status, stderr).toBe(0);

  const [record] = await roundsOf(processes, coordinator, task.id);
  expect(record).toMatchObject({ round: 1, outcome: 'committed' });
  expect(record!.reported).toHaveLength(5);
  expect(record!.metrics).toEqual({ accuracy: expect.any(Number) });
  const compared = await processes.answer<Record<string, Record<string, number>>>(
    'client',
    'evaluate',
    '--config',
    nodes[0]!.config,
  );
  // Of five categories in turn the most frequent comes about once in five times; a trained model knows the next one nearly as often as customers follow it.
  expect(compared.accuracy!.mostFrequent).toBeLessThan(0.4);
  expect(compared.accuracy!.fineTuned).toBeGreaterThan(0.6);
}, 240_000);
