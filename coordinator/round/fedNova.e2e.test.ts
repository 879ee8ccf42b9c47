import { readHeader } from '@hansa/shared/numeric';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ToyLeague, testModel } from '../testing/index.ts';

const mostSteps = 10;
/** Steps that each member takes. */
const steps = [1, 10, 4, 7, 2];
const serverLearningRate = 0.5;
/** What a member's training changes: the more, the more steps it took. */
const changeOf = (member: number, at: number): number => (steps[member]! * Math.cos(at * (member + 1))) / 1000;

let league: ToyLeague;
beforeEach(async () => {
  league = await ToyLeague.start();
});
afterEach(() => league.close());

it('FedNova over the wire comes to the members’ normalised mean, times their mean number of steps', async () => {
  const nodes = [];
  for (const [member, own] of steps.entries()) {
    nodes.push(
      ...(await league.enrol(1, {
        update: (_, { vectorLength }) =>
          Float32Array.from({ length: vectorLength }, (__, at) => (changeOf(member, at) * mostSteps) / own),
        tail: { loss: 1, validationLoss: 2, weightedSteps: own },
      })),
    );
  }
  await Promise.all(nodes.map((node) => node.connect()));
  const id = await league.createTask({
    strategy: { name: 'fedNova', serverLearningRate },
    plan: { training: { steps: mostSteps, batchSize: 8, learningRate: 0.1 } },
  });
  await Promise.all(nodes.map((node) => node.ended));
  const [first] = await league.rounds(id);
  expect(first).toMatchObject({ outcome: 'committed', loss: expect.closeTo(1, 5) });
  expect(first?.metrics).toBeUndefined();
  const bytes = nodes[0]!.models.get(first!.modelHash!)!;
  const model = new Float32Array(Uint8Array.from(bytes.subarray(readHeader(bytes, bytes.length).dataOffset)).buffer);
  expect(model.length).toBe(testModel.parameters);
  const meanSteps = steps.reduce((sum, own) => sum + own, 0) / steps.length;
  let worst = 0;
  for (const [at, value] of model.entries()) {
    const normalised = steps.reduce((sum, own, member) => sum + changeOf(member, at) / own / steps.length, 0);
    worst = Math.max(worst, Math.abs(value - (1 + serverLearningRate * meanSteps * normalised)));
  }
  // S = 2^20 for a clip of 10 and 128 members; the model's numbers are near 1, where a float32 is told in steps of 2^-23.
  expect(worst).toBeLessThan(2 ** -21 * serverLearningRate + 2 ** -24);
});
