import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTask, enrolNode, keptSumHash, type Node, roundsOf, startCoordinator } from './league.ts';
import { Processes } from './processes.ts';

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
      nodes.push(await enrolNode(processes, coordinator, join(folder, `node-${merchant}`), merchant, token));
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
  }, 240_000);
});
