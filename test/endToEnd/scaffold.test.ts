import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { taskRecordSchema } from '@hansa/shared/protocol';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { childrenOf, Processes } from './processes.ts';
import { askAdmin, createTask, enrolNode, type Node, roundsOf, startCoordinator } from './processLeague.ts';

const members = 3;
const rounds = 3;

let folder: string;
let processes: Processes;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hansa-scaffold-'));
  processes = new Processes(folder);
});
afterEach(async () => {
  await processes.end();
  rmSync(folder, { recursive: true });
});

const filesIn = (path: string): string[] => (existsSync(path) ? readdirSync(path) : []);

/** The model of a SCAFFOLD task over real training; one node is killed while it trains for round 2, and started again, where `isKilled` says so. */
async function finalModel(name: string, isKilled: boolean): Promise<string> {
  const home = join(folder, name);
  mkdirSync(home);
  const coordinator = await startCoordinator(processes, home);
  const nodes: Node[] = [];
  for (let merchant = 0; merchant < members; merchant++) {
    const overrides = { policy: { minCohort: members }, training: { engine: 'wasm', checkpointSeconds: 0 } };
    nodes.push(await enrolNode(processes, coordinator, join(home, `node-${merchant}`), merchant, { overrides }));
  }
  const { id } = await createTask(processes, coordinator, home, rounds, {
    cohort: { minimum: members, allowSmall: true },
    secureAggregation: { minSurvivors: members },
    strategy: { name: 'scaffold' },
    plan: { training: { steps: 30, batchSize: 4, learningRate: 0.01, optimizer: 'sgd' } },
  });
  const run = ({ config }: Node) => processes.start('client', 'run', '--config', config, '--until-task-ends');
  const running = nodes.map(run);
  if (isKilled) {
    const [first, victim] = [nodes[0]!, running[0]!];
    const committed = async () => taskRecordSchema.parse(await askAdmin(coordinator, `/tasks/${id}`)).committedRounds;
    await expect.poll(committed, { interval: 20 }).toBe(1);
    await expect
      .poll(() => filesIn(join(first.folder, 'spool')), { interval: 5 })
      .toContainEqual(expect.stringMatching(/\.checkpoint$/));
    const children = childrenOf(victim.child.pid!);
    victim.child.kill('SIGKILL');
    for (const pid of children) process.kill(pid, 'SIGKILL');
    await victim.finished;
    // Its own control variate of round 1 is all that it keeps from the life before.
    expect(filesIn(join(first.folder, 'controls'))).toContain(`${id}.safetensors`);
    running[0] = run(first);
  }
  for (const { status, stderr } of await Promise.all(running.map(({ finished }) => finished)))
    expect(status, stderr).toBe(0);
  const records = await roundsOf(processes, coordinator, id);
  const committed = records.filter(({ outcome }) => outcome === 'committed');
  expect(committed.map(({ round, reported }) => [round, reported.length])).toEqual(
    Array.from({ length: rounds }, (_, at) => [at + 1, members]),
  );
  expect(records.length > rounds).toBe(isKilled);
  for (const node of nodes)
    expect(filesIn(join(node.folder, 'controls')).filter((file) => file !== 'common')).toEqual([]);
  expect(filesIn(join(coordinator.dataFolder, 'states')).filter((file) => file !== 'incoming')).toEqual([]);
  return committed.at(-1)!.modelHash!;
}

it('SCAFFOLD comes to the same model whether or not a node is killed in a round', async () => {
  const undisturbed = await finalModel('undisturbed', false);
  expect(await finalModel('killed', true)).toBe(undisturbed);
});
