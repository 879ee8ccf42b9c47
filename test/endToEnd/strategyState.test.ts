import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ToyNode, testModel, testTask } from '@hansa/coordinator/testing';
import { taskRecordSchema } from '@hansa/shared/protocol';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Processes } from './processes.ts';
import { askAdmin, type Coordinator, newToken, startCoordinator } from './processLeague.ts';

const strategies = ['fedAvgM', 'fedAdam', 'fedYogi', 'scaffold'] as const;
const members = 5;
const rounds = 3;

let folder: string;
let processes: Processes;
let nodes: ToyNode[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hansa-strategy-state-'));
  processes = new Processes(folder);
  nodes = [];
});
afterEach(async () => {
  for (const node of nodes) node.disconnect();
  await processes.end();
  rmSync(folder, { recursive: true });
});

/** What member `member` learns in a round, so that no two parameters, members or rounds are alike. */
const updateOf = (member: number, round: number, length: number): Float32Array =>
  Float32Array.from({ length }, (_, at) => Math.sin(at * (round + member / 10)) / (20 * round));

const statesOf = (coordinator: Coordinator): string[] =>
  readdirSync(join(coordinator.dataFolder, 'states')).filter((name) => name !== 'incoming');

/**
 * Model hashes of one task for each strategy, one task after another on one coordinator process, which is killed in each task's round 2, once round 1 is
 * committed, where `isKilled` says so.
 */
async function finalModels(name: string, isKilled: boolean): Promise<string[]> {
  const home = join(folder, name);
  mkdirSync(home);
  let coordinator = await startCoordinator(processes, home);
  const enrolled: ToyNode[] = [];
  for (let member = 0; member < members; member++) {
    const token = await newToken(coordinator, `merchant ${member}`);
    const update = (round: number, { vectorLength }: { vectorLength: number }) => updateOf(member, round, vectorLength);
    enrolled.push(await ToyNode.enrol({ address: coordinator.address, token, update }));
  }
  const modelHash = createHash('sha256').update(testModel.bytes).digest('hex');
  await askAdmin(coordinator, `/blobs/${modelHash}`, {
    method: 'PUT',
    body: Buffer.from(testModel.bytes),
    headers: { 'content-type': 'application/octet-stream' },
  });
  const connect = async (options: Parameters<ToyNode['twin']>[0] = {}): Promise<ToyNode[]> => {
    const twins = enrolled.map((node) => node.twin({ address: coordinator.address, ...options }));
    nodes.push(...twins);
    await Promise.all(twins.map((node) => node.connect()));
    return twins;
  };
  const models: string[] = [];
  for (const strategy of strategies) {
    const task = testTask({ name: strategy, rounds, strategy: { name: strategy, serverLearningRate: 0.05 } });
    const body = JSON.stringify({ task, modelHash });
    const { id } = taskRecordSchema.parse(await askAdmin(coordinator, '/tasks', { method: 'POST', body }));
    if (isKilled) {
      let secondRound: () => void = () => undefined;
      const begun = new Promise<void>((resolve) => {
        secondRound = resolve;
      });
      await connect({
        before: (effect) => {
          if (effect.type !== 'prepareRound' || effect.round !== 2) return;
          secondRound();
          throw new Error('the coordinator is being killed');
        },
      });
      await begun;
      coordinator.process.child.kill('SIGKILL');
      await coordinator.process.finished;
      expect(statesOf(coordinator)).toHaveLength(1);
      coordinator = await startCoordinator(processes, home);
    }
    await Promise.all((await connect()).map((node) => node.ended));
    const record = taskRecordSchema.parse(await askAdmin(coordinator, `/tasks/${id}`));
    expect(record).toMatchObject({ state: 'completed', committedRounds: rounds });
    expect(statesOf(coordinator)).toEqual([]);
    models.push(record.modelHash);
  }
  return models;
}

it('FedAvgM, FedAdam, FedYogi and SCAFFOLD come to the same model whether or not the coordinator is killed between two rounds', async () => {
  const undisturbed = await finalModels('undisturbed', false);
  expect(new Set(undisturbed).size).toBe(strategies.length);
  expect(await finalModels('killed', true)).toEqual(undisturbed);
}, 240_000);
