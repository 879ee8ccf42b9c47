import { readdirSync } from 'node:fs';
import path from 'node:path';
import { type Clock, systemClock } from '@hansa/shared/clock';
import { roundPhases } from '@hansa/shared/protocol';
import { encodeMessage, type SecAggConfig } from '@hansa/shared/protocol/secagg';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { ToyLeague, testModel } from '../testing/toyLeague.ts';

const { parameters } = testModel;
let league: ToyLeague;
beforeEach(async () => {
  league = await ToyLeague.start();
});
afterEach(() => league.close());

it('runs a task of two rounds with five nodes over the wire', async () => {
  const nodes = await league.enrol(5, {
    update: (round, { vectorLength }) => new Float32Array(vectorLength).fill(0.001 * round),
    tail: { loss: 1.5, validationLoss: 3 },
  });
  const taskId = await league.createTask();
  await Promise.all(nodes.map((node) => node.connect()));
  const [ended] = await Promise.all(nodes.map((node) => node.ended));

  const task = await league.task(taskId);
  expect(task).toMatchObject({ state: 'completed', committedRounds: 2, modelHash: ended?.modelHash });
  const rounds = await league.rounds(taskId);
  expect(rounds.map(({ round, outcome }) => [round, outcome])).toEqual([
    [1, 'committed'],
    [2, 'committed'],
  ]);
  const ids = nodes.map(({ clientId }) => clientId);
  for (const round of rounds) {
    expect(round.selected).toEqual(ids);
    expect(round.reported).toEqual(ids);
    expect(round.dropped).toEqual([]);
    expect(round.loss).toBeCloseTo(1.5, 5);
    expect(round.validationLoss).toBeCloseTo(3, 5);
    expect(round.weightSum).toBe(5);
    const total = roundPhases.reduce((sum, phase) => sum + round.phaseSeconds[phase], 0);
    expect(total).toBeCloseTo(round.seconds, 6);
    // Every node sent its vector and fetched the model, and control messages beside them.
    for (const id of ids) {
      expect(round.bytesUpByClient[id]).toBeGreaterThan(4 * parameters);
      expect(round.bytesDownByClient[id]).toBeGreaterThan(4 * parameters);
    }
  }
  const [node] = nodes;
  const response = await node!.request('GET', `/v1/blobs/${task.modelHash}`);
  const { bytes: before } = testModel;
  const bytes = new Uint8Array(await response.arrayBuffer());
  expect(bytes.length).toBe(before.length);
  const values = new Float32Array(bytes.slice(before.length - 4 * parameters).buffer);
  for (const value of values) expect(value).toBeCloseTo(1.003, 5);
  for (const { outcomes } of nodes) {
    expect(outcomes).toMatchObject([
      { type: 'committed', included: true, survivors: 5 },
      { type: 'committed', included: true, survivors: 5 },
    ]);
  }
  expect(readdirSync(path.join(league.folder, 'data', 'spool'))).toEqual([]);
});

it('clips every segment of an update on its own where the task says so', async () => {
  const clips = { encoder: 0.5, head: 0.1 };
  const pieceOf = (node: number, config: SecAggConfig): Float32Array =>
    Float32Array.from({ length: config.vectorLength }, (_, at) => Math.sin(at * (node + 1)) / 10);
  let agreed: SecAggConfig | undefined;
  const updates: Float32Array[] = [];
  for (let node = 0; node < 5; node++)
    await league.enrol(1, {
      update: (_round, config) => {
        agreed = config;
        updates[node] = pieceOf(node, config);
        return updates[node]!;
      },
    });
  const { nodes } = league;
  await league.createTask({ rounds: 1, secureAggregation: { clipNorm: 100, clips } });
  await Promise.all(nodes.map((node) => node.connect()));
  const [ended] = await Promise.all(nodes.map((node) => node.ended));
  const response = await nodes[0]!.request('GET', `/v1/blobs/${ended!.modelHash}`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  const values = new Float32Array(bytes.slice(bytes.length - 4 * parameters).buffer);
  expect(updates).toHaveLength(5);
  let start = 0;
  for (const { name, length, scaleLog2 } of agreed!.parts) {
    const clip = { embedder: 100, ...clips }[name] ?? Number.NaN;
    const clipped = updates.map((update) => {
      const piece = update.subarray(start, start + length);
      const norm = Math.sqrt(piece.reduce((sum, value) => sum + value * value, 0));
      expect(norm > clip, name).toBe(name in clips);
      return piece.map((value) => value * Math.min(1, clip / norm));
    });
    // One step of the mean, and what float32 makes of 1 + mean.
    const tolerance = 2 ** -scaleLog2 + 1e-7;
    for (let at = 0; at < length; at++) {
      const mean = clipped.reduce((sum, piece) => sum + piece[at]! / 5, 0);
      expect(Math.abs(values[start + at]! - 1 - mean)).toBeLessThanOrEqual(tolerance);
    }
    start += length;
  }
  expect(start).toBe(parameters);
});

it('runs a round in the ring of 16 bits, at half the bytes', async () => {
  const nodes = await league.enrol(5, {
    update: (_round, { vectorLength }) => Float32Array.from({ length: vectorLength }, (_, at) => Math.sin(at) / 100),
  });
  const taskId = await league.createTask({ rounds: 1, secureAggregation: { ring: 16, clipNorm: 1 } });
  await Promise.all(nodes.map((node) => node.connect()));
  const [ended] = await Promise.all(nodes.map((node) => node.ended));
  const [round] = await league.rounds(taskId);
  expect(round).toMatchObject({ outcome: 'committed', weightSum: 5 });
  const [node] = nodes;
  const response = await node!.request('GET', `/v1/blobs/${ended!.modelHash}`);
  const { bytes: before } = testModel;
  const bytes = new Uint8Array(await response.arrayBuffer());
  const values = new Float32Array(bytes.slice(before.length - 4 * parameters).buffer);
  let squares = 0;
  for (const [at, value] of values.entries()) squares += (value - 1 - Math.sin(at) / 100) ** 2;
  // A cohort of up to 128 leaves this ring few steps: some per cent of the update's own norm of 0.22.
  expect(Math.sqrt(squares)).toBeLessThan(0.02);
});

it('commits without a node that dies after its shares were accepted, and takes it back in the next round', async () => {
  let killed = false;
  const [victim, ...others] = await league.enrol(6, {
    update: (_round, { vectorLength }) => new Float32Array(vectorLength).fill(0.5),
  });
  const twin = victim!.twin({});
  league.nodes.push(twin);
  const dying = victim!.twin({
    before: async (effect, node) => {
      if (effect.type !== 'mask') return;
      killed = true;
      node.kill();
      throw new Error('killed');
    },
  });
  league.nodes.push(dying);
  const taskId = await league.createTask();
  const roundOver = league.logged({ msg: 'round ended' });
  await Promise.all([dying, ...others].map((node) => node.connect()));
  await roundOver;
  expect(killed).toBe(true);
  await twin.connect();
  await Promise.all([twin, ...others].map((node) => node.ended));
  const [first, second] = await league.rounds(taskId);
  expect(first).toMatchObject({
    outcome: 'committed',
    dropped: [victim!.clientId],
    droppedIn: { [victim!.clientId]: 'train' },
    rebuiltMasks: [{ client: victim!.clientId, shares: 5, threshold: 5, holders: 6 }],
  });
  expect(first!.reported).toHaveLength(5);
  expect(second).toMatchObject({ outcome: 'committed', dropped: [] });
  expect(second!.reported).toHaveLength(6);
});

it('keeps the vector of a node that vanishes after it has delivered', async () => {
  let release: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  // Shorter than the clip.
  const update = (_round: number, { vectorLength }: { vectorLength: number }) =>
    new Float32Array(vectorLength).fill(0.5);
  const [vanishing, ...others] = await league.enrol(4, { update });
  const [slow] = await league.enrol(1, {
    update,
    before: async (effect) => {
      if (effect.type === 'mask') await gate;
    },
  });
  const taskId = await league.createTask({ rounds: 1 });
  await Promise.all([vanishing!, ...others, slow!].map((node) => node.connect()));
  const stage = async () => {
    const { running } = await league.status();
    return running?.members.find(({ client }) => client === vanishing!.clientId)?.stage;
  };
  await expect.poll(stage).toBe('committed');
  const dropped = league.logged({ msg: 'a member dropped out' });
  vanishing!.kill();
  await dropped;
  release();
  await Promise.all([...others, slow!].map((node) => node.ended));
  const [round] = await league.rounds(taskId);
  expect(round).toMatchObject({ outcome: 'committed', dropped: [] });
  expect(round!.reported).toContain(vanishing!.clientId);
  expect(round!.reported).toHaveLength(5);
});

it('has one ticket for a header, however often it comes, and leaves nothing in the spool', async () => {
  const tickets = new Set<unknown>();
  const nodes = await league.enrol(5, {
    update: (_round, { vectorLength }) => new Float32Array(vectorLength).fill(0.5),
    before: async (effect, node) => {
      if (effect.type !== 'upload') return;
      const header = encodeMessage('maskedInputHeader', effect.header);
      for (let time = 0; time < 5; time++) tickets.add(JSON.stringify(await node.send('maskedInputHeader', header)));
    },
  });
  const taskId = await league.createTask({ rounds: 1 });
  await Promise.all(nodes.map((node) => node.connect()));
  await Promise.all(nodes.map((node) => node.ended));
  expect(tickets.size).toBe(5);
  expect(await league.rounds(taskId)).toMatchObject([{ outcome: 'committed', dropped: [] }]);
  expect(readdirSync(path.join(league.folder, 'data', 'spool'))).toEqual([]);
});

/** The stages of one attempt and the ends of rounds, in the order in which they were logged. */
const milestones = (): string[] =>
  league.logLines.flatMap((line) => {
    const { msg, stage, attempt } = JSON.parse(line) as { msg: string; stage?: string; attempt?: number };
    if (msg === 'stage begins') return [`${attempt} ${stage}`];
    return msg === 'round ended' ? [`${attempt} ended`] : [];
  });

it('makes the set-up of the next round while this one trains, so that M3 follows the commit', async () => {
  const setUp = league.logged({ msg: 'stage begins', attempt: 2, stage: 'acknowledgeShares' });
  const nodes = await league.enrol(5, {
    update: (_round, { vectorLength }) => new Float32Array(vectorLength).fill(0.1),
    // Nobody has trained before the next set-up's last stage is there.
    before: async (effect) => {
      if (effect.type === 'mask') await setUp;
    },
  });
  const taskId = await league.createTask({ rounds: 3 });
  await Promise.all(nodes.map((node) => node.connect()));
  await Promise.all(nodes.map((node) => node.ended));
  const order = milestones();
  for (const attempt of [1, 2]) {
    const ended = order.indexOf(`${attempt} ended`);
    expect(order.indexOf(`${attempt + 1} acknowledgeShares`)).toBeLessThan(ended);
    expect(order[ended + 1]).toBe(`${attempt + 1} maskedInput`);
  }
  // The last round needs no further set-up, and none that was made ahead is a round of its own.
  expect(order.filter((one) => one.endsWith('advertiseKeys'))).toHaveLength(3);
  expect((await league.rounds(taskId)).map(({ round, outcome }) => [round, outcome])).toEqual([
    [1, 'committed'],
    [2, 'committed'],
    [3, 'committed'],
  ]);
});

it('gives up a set-up that was made ahead when a node that it lacks has come back, without a failed attempt', async () => {
  const ahead = league.logged({ msg: 'stage begins', attempt: 2, stage: 'acknowledgeShares' });
  const [late, ...others] = await league.enrol(6, {
    update: (_round, { vectorLength }) => new Float32Array(vectorLength).fill(0.1),
    before: async (effect) => {
      if (effect.type === 'mask') await arrival;
    },
  });
  const arrival = ahead.then(() => late!.connect());
  const taskId = await league.createTask({ rounds: 2, deadlines: { recruitMs: 100 } });
  await Promise.all(others.map((node) => node.connect()));
  await Promise.all(others.map((node) => node.ended));
  const rounds = await league.rounds(taskId);
  expect(rounds.map(({ attempt, outcome, reported }) => [attempt, outcome, reported.length])).toEqual([
    [1, 'committed', 5],
    [3, 'committed', 6],
  ]);
  expect(await league.task(taskId)).toMatchObject({ state: 'completed' });
});

describe('groups', () => {
  const task = { cohort: { minimum: 10, groups: { size: 9, minimum: 5 } } };
  // Shorter than the clip.
  const update = (_round: number, { vectorLength }: { vectorLength: number }) =>
    new Float32Array(vectorLength).fill(0.0625);

  it('are drawn once for a roster, and their sums are summed', async () => {
    const nodes = await league.enrol(11, { update, tail: { loss: 2, validationLoss: 4 } });
    const taskId = await league.createTask(task);
    await Promise.all(nodes.map((node) => node.connect()));
    await Promise.all(nodes.map((node) => node.ended));
    const rounds = await league.rounds(taskId);
    expect(rounds).toHaveLength(2);
    for (const round of rounds) {
      expect(round).toMatchObject({ outcome: 'committed', weightSum: 11, dropped: [] });
      expect(round.reported).toHaveLength(11);
      expect(round.loss).toBeCloseTo(2, 5);
    }
    expect(league.logLines.filter((line) => line.includes('"draw ended"'))).toHaveLength(1);
    const sizes = nodes.map(({ outcomes }) => outcomes.map((one) => one.type === 'committed' && one.survivors));
    expect(sizes.map(([size]) => size).sort()).toEqual([5, 5, 5, 5, 5, 6, 6, 6, 6, 6, 6]);
    const bytes = nodes[0]!.models.get(rounds[1]!.baseModelHash)!;
    for (const value of new Float32Array(bytes.slice(-4 * parameters).buffer)) expect(value).toBeCloseTo(1.0625, 4);
  });

  it('stay over a restart, and one that cannot go on is left out of the sum', async () => {
    const recruitMs = 500_000;
    let isComplete = true;
    const clock: Clock = {
      ...systemClock,
      schedule: (delayMs, callback) =>
        systemClock.schedule(delayMs === recruitMs && !isComplete ? 0 : delayMs, callback),
    };
    const league = await ToyLeague.start({ clock });
    onTestFinished(() => league.close());
    const nodes = await league.enrol(10, { update });
    const taskId = await league.createTask({
      ...task,
      cohort: { minimum: 9, groups: { size: 9, minimum: 5 } },
      deadlines: { recruitMs },
    });
    const committed = league.logged({ msg: 'round ended' });
    await Promise.all(nodes.map((node) => node.connect()));
    await committed;
    await league.coordinator.close();
    // One node stays away from now on: nobody waits for it.
    isComplete = false;
    await league.restart();
    // Nine are left: one group of five, and four that are too few.
    const [gone, ...left] = nodes.map((node) => node.twin({ address: league.coordinator.address }));
    gone!.disconnect();
    league.nodes.push(...left);
    await Promise.all(left.map((node) => node.connect()));
    await Promise.all(left.map((node) => node.ended));
    const last = (await league.rounds(taskId)).at(-1);
    expect(last).toMatchObject({ round: 2, outcome: 'committed', weightSum: 5 });
    expect(league.logLines.filter((line) => line.includes('"draw ended"'))).toHaveLength(1);
  });
});
