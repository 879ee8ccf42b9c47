import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ToyLeague } from '../testing/index.ts';

let league: ToyLeague;
beforeEach(async () => {
  league = await ToyLeague.start();
});
afterEach(() => league.close());

it.each([
  ['missing', (file: string) => rmSync(file)],
  ['damaged', (file: string) => writeFileSync(file, 'not what it was')],
])('a state that is %s while a round trains ends the task before anybody trains again', async (what, spoil) => {
  const prepared: number[] = [];
  const states = path.join(league.folder, 'data', 'states');
  const nodes = await league.enrol(5, {
    update: (_round, { vectorLength }) => new Float32Array(vectorLength).fill(0.001),
    before: (effect) => {
      if (effect.type !== 'prepareRound') return;
      prepared.push(effect.round);
      if (prepared.length !== 6) return;
      const [state, ...others] = readdirSync(states).filter((name) => name !== 'incoming');
      expect(others).toEqual([]);
      spoil(path.join(states, state!));
    },
  });
  const taskId = await league.createTask({ rounds: 3, strategy: { name: 'fedAvgM' } });
  await Promise.all(nodes.map((node) => node.connect()));
  await Promise.all(nodes.map((node) => node.ended));
  expect(await league.task(taskId)).toMatchObject({
    state: 'failed',
    committedRounds: 1,
    reason: expect.stringMatching(new RegExp(`^The state of the task's strategy.* is ${what}\\.`)),
  });
  const rounds = await league.rounds(taskId);
  expect(rounds.map(({ round, outcome }) => [round, outcome])).toEqual([
    [1, 'committed'],
    [2, 'abandoned'],
  ]);
  expect(prepared).toEqual([1, 1, 1, 1, 1, 2, 2, 2, 2, 2]);
});
