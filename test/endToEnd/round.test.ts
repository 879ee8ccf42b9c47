import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { architectureOf, manifestFor, placeOf } from '@hansa/shared/model';
import { elementCount } from '@hansa/shared/numeric';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { childrenOf, Processes } from './processes.ts';
import { createTask, enrolNode, keptSumHash, type Node, roundsOf, startCoordinator } from './processLeague.ts';

describe('a coordinator and five nodes, each a process', () => {
  let folder: string;
  let processes: Processes;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'hansa-league-'));
    processes = new Processes(folder);
  });
  afterEach(async () => {
    await processes.end();
    rmSync(folder, { recursive: true });
  });

  it('trains two rounds; every sum is exact, every node ends with the same model and keeps no secret', async () => {
    const coordinator = await startCoordinator(processes, folder);
    const approver = join(folder, 'approver.json');
    await processes.answer('coordinator', 'approver', 'init', '--out', approver);
    const nodes: Node[] = [];
    for (let merchant = 0; merchant < 5; merchant++) {
      const args = ['--approver', approver, '--data', coordinator.dataFolder, '--label', `merchant ${merchant}`];
      const { token } = await processes.answer<{ token: string }>('coordinator', 'enrol', 'token', ...args);
      nodes.push(
        await enrolNode(processes, coordinator, join(folder, `node-${merchant}`), merchant, { joinToken: token }),
      );
    }
    const task = await createTask(processes, coordinator, folder, 2);
    const running = nodes.map(({ config }) =>
      processes.start('client', 'run', '--config', config, '--until-task-ends', '--json'),
    );
    const ends = await Promise.all(running.map(({ finished }) => finished));
    for (const { status, stdout, stderr } of ends) {
      expect(status, stderr).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ ended: { taskId: task.id, outcome: 'completed' } });
    }

    const records = await roundsOf(processes, coordinator, task.id);
    const committed = records.filter(({ outcome }) => outcome === 'committed');
    expect(committed.map(({ round }) => round).sort()).toEqual([1, 2]);
    for (const record of committed) expect(record.sumHash).toBe(keptSumHash(nodes, record));

    const last = committed.find(({ round }) => round === 2)?.modelHash;
    for (const node of nodes) {
      const models = readdirSync(join(node.folder, 'models')).sort();
      expect(models).toEqual([`${task.initialModelHash}.safetensors`, `${last}.safetensors`].sort());
      expect(readdirSync(join(node.folder, 'spool'))).toEqual([]);
      const receipts = readFileSync(join(node.folder, 'receipts.jsonl'), 'utf8').trimEnd().split('\n');
      expect(receipts).toHaveLength(2);
    }
  });

  it('trains two rounds of RoLoRA, factors and head with clips of their own; a node whose training process is killed says so, goes on and is in the sum', async () => {
    const coordinator = await startCoordinator(processes, folder);
    const nodes: Node[] = [];
    for (let merchant = 0; merchant < 5; merchant++)
      nodes.push(await enrolNode(processes, coordinator, join(folder, `node-${merchant}`), merchant));
    const [first] = nodes;
    const settings = JSON.parse(readFileSync(first!.config, 'utf8'));
    settings.training.checkpointSeconds = 0;
    writeFileSync(first!.config, JSON.stringify(settings));
    const plan = {
      mode: { kind: 'roLora', rank: 2 },
      training: { steps: 40, batchSize: 4, learningRate: 0.001 },
    };
    const secureAggregation = { clips: { factors: 0.01, head: 0.1 } };
    const task = await createTask(processes, coordinator, folder, 2, { plan, secureAggregation });
    const running = nodes.map(({ config }) =>
      processes.start('client', 'run', '--config', config, '--until-task-ends'),
    );
    const [victim] = running;
    const spool = () => (existsSync(join(first!.folder, 'spool')) ? readdirSync(join(first!.folder, 'spool')) : []);
    await expect.poll(spool, { interval: 5 }).toContainEqual(expect.stringMatching(/\.checkpoint$/));
    for (const pid of childrenOf(victim!.child.pid!)) process.kill(pid, 'SIGKILL');
    for (const { status, stderr } of await Promise.all(running.map(({ finished }) => finished)))
      expect(status, stderr).toBe(0);
    expect(victim!.stdout).toMatch(/the training process has ended \(it was ended by SIGKILL/);
    expect(victim!.stdout).toMatch(/round 1: training goes on after step \d+ of 40/);

    const records = await roundsOf(processes, coordinator, task.id);
    expect(records.map(({ round, outcome, reported }) => [round, outcome, reported.length])).toEqual([
      [1, 'committed', 5],
      [2, 'committed', 5],
    ]);
    for (const record of records) expect(record.sumHash).toBe(keptSumHash(nodes, record));
    // The base, the first adapter and the last; the sums were of one factor and the head.
    expect(readdirSync(join(first!.folder, 'models'))).toHaveLength(3);
    const { size } = statSync(join(first!.folder, 'updates', `${task.id}-1-${records[0]!.attempt}.u32`));
    const head = manifestFor(architectureOf('nano')).filter(({ name }) => placeOf(name)?.segment === 'head');
    const headLength = head.reduce((sum, { shape }) => sum + elementCount(shape), 0);
    const tail = 2 + 1;
    expect(size).toBe(4 * (4 * 64 * 2 + headLength + tail));
    const compared = await processes.answer<{ wql: Record<string, number> }>(
      'client',
      'evaluate',
      '--config',
      first!.config,
    );
    expect(Object.values(compared.wql).every((wql) => wql > 0)).toBe(true);
  });
});
