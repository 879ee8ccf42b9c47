import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { childrenOf, Processes } from './processes.ts';
import { createTask, enrolNode, type Node, roundsOf, startCoordinator } from './processLeague.ts';

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

/** The model of a SCAFFOLD task over real training; where `isKilled` says so, one node is killed while it trains for a round after the first, and started again. */
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
    // A checkpoint lies there while a round trains, and its own control variate from the second round on.
    const isTraining = () =>
      filesIn(join(first.folder, 'spool')).some((file) => file.endsWith('.checkpoint')) &&
      filesIn(join(first.folder, 'controls')).includes(`${id}.safetensors`);
    const signal = (name: NodeJS.Signals) => {
      for (const pid of [victim.child.pid!, ...childrenOf(victim.child.pid!)]) process.kill(pid, name);
    };
    // Looked at again once it stands still: a round that came to its end in between would need no second attempt.
    const isHeld = () => {
      if (!isTraining()) return false;
      signal('SIGSTOP');
      if (isTraining()) return true;
      signal('SIGCONT');
      return false;
    };
    await expect.poll(isHeld, { interval: 5 }).toBe(true);
    signal('SIGKILL');
    await victim.finished;
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
