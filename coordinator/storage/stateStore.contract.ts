import { randomBytes, randomUUID } from 'node:crypto';
import { type RoundRecord, taskFileSchema } from '@hansa/shared/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StateStore, TaskRow } from './stateStore.ts';

const start = Date.parse('2026-01-05T08:00:00Z');
const key = (byte: number) => new Uint8Array(32).fill(byte);
const hash = (digit: string) => digit.repeat(64);

const newTask = (name = 'demand'): TaskRow => ({
  id: randomUUID(),
  name,
  state: 'waiting',
  reason: undefined,
  file: taskFileSchema.parse({
    name,
    model: 'start.safetensors',
    rounds: 3,
    plan: {
      job: { kind: 'demand', frequency: 'day' },
      training: { steps: 1, batchSize: 8, learningRate: 0.1 },
      evaluation: { fineTuneSteps: 1, learningRates: [0.1] },
    },
  }),
  plan: '{}',
  committedRounds: 0,
  nextRound: 1,
  attempts: 0,
  failuresInRow: 0,
  modelHash: hash('a'),
  initialModelHash: hash('a'),
  strategyStateHash: undefined,
  createdAtMs: start,
});

const recordOf = (task: TaskRow, attempt: number, outcome: RoundRecord['outcome']): RoundRecord => ({
  taskId: task.id,
  round: 1,
  attempt,
  outcome,
  startedAt: new Date(start).toISOString(),
  selected: [],
  reported: [],
  dropped: [],
  droppedIn: {},
  rebuiltMasks: [],
  requiredSurvivors: 4,
  quorum: 4,
  threshold: 4,
  seconds: 7,
  phaseSeconds: { advertiseKeys: 1, shareKeys: 1, train: 1, maskedInput: 1, consistency: 1, unmask: 1, publish: 1 },
  bytesUp: 10,
  bytesDown: 20,
  bytesUpByClient: {},
  bytesDownByClient: {},
  baseModelHash: hash('a'),
});

const newToken = () => ({
  approvals: { by: 'members' as const },
  tokenKey: undefined,
  label: 'x',
  createdAtMs: start,
  expiresAtMs: start + 1000,
});

/** What every StateStore must do. `open` opens the same store again and again: what was written must be there. */
export function stateStoreContract(open: () => Promise<StateStore>): void {
  let store: StateStore;
  beforeEach(async () => {
    store = await open();
  });
  afterEach(() => store.close());

  const reopen = async () => {
    await store.close();
    store = await open();
  };

  const enrolled = async (byte: number) => {
    const secretHash = new Uint8Array(randomBytes(32));
    await store.addJoinToken({ ...newToken(), secretHash, label: `shop ${byte}` });
    return store.enrol({
      secretHash,
      publicKey: key(byte),
      approval: undefined,
      proposedId: randomUUID(),
      nowMs: start,
    });
  };

  it('keeps the first federation id', async () => {
    const first = await store.federation('one');
    await reopen();
    expect(await store.federation('two')).toBe(first);
  });

  describe('enrolment', () => {
    it('spends a token on one key and numbers the nodes', async () => {
      const [first, second] = [await enrolled(1), await enrolled(2)];
      expect([first.index, second.index]).toEqual([0, 1]);
      await reopen();
      expect(await store.clients()).toEqual([first, second]);
      expect((await store.client(second.id))?.publicKey).toEqual(key(2));
      expect(await store.client(randomUUID())).toBeUndefined();
    });

    it('answers the same request again alike', async () => {
      const secretHash = key(9);
      await store.addJoinToken({ ...newToken(), secretHash });
      const request = { secretHash, publicKey: key(1), approval: undefined, nowMs: start };
      const first = await store.enrol({ ...request, proposedId: randomUUID() });
      expect(await store.enrol({ ...request, proposedId: randomUUID(), nowMs: start + 5000 })).toEqual(first);
      expect(await store.clients()).toHaveLength(1);
    });

    it.each([
      ['TokenUnknown', { secretHash: key(7) }],
      ['TokenUsed', { secretHash: key(8), publicKey: key(2) }],
      ['TokenExpired', { secretHash: key(9), nowMs: start + 1000 }],
      ['AlreadyEnrolled', { secretHash: key(9), publicKey: key(1) }],
    ])('refuses with %s and changes nothing', async (code, change) => {
      await store.addJoinToken({ ...newToken(), secretHash: key(8) });
      await store.addJoinToken({ ...newToken(), secretHash: key(9) });
      const common = { approval: undefined, proposedId: randomUUID(), nowMs: start };
      await store.enrol({ ...common, secretHash: key(8), publicKey: key(1) });
      const before = await store.clients();
      const request = { ...common, publicKey: key(3), proposedId: randomUUID(), ...change };
      await expect(store.enrol(request)).rejects.toMatchObject({ code });
      expect(await store.clients()).toEqual(before);
    });

    it("keeps the consortium's approval, and takes it with its own token alone", async () => {
      expect(await store.approvalRule()).toBeUndefined();
      const approvals = { by: 'consortium', approverKey: key(7) } as const;
      await store.addJoinToken({ ...newToken(), approvals, tokenKey: key(5), secretHash: key(8) });
      await store.addJoinToken({ ...newToken(), approvals, tokenKey: key(6), secretHash: key(9) });
      const approval = {
        by: 'consortium' as const,
        tokenKey: key(5),
        expiresAtMs: start,
        certificate: new Uint8Array(64).fill(1),
        signature: new Uint8Array(64).fill(2),
      };
      const request = { publicKey: key(1), approval, proposedId: randomUUID(), nowMs: start };
      for (const change of [{}, { approval: undefined }])
        await expect(store.enrol({ ...request, secretHash: key(9), ...change })).rejects.toMatchObject({
          code: 'BadApproval',
        });
      const client = await store.enrol({ ...request, secretHash: key(8) });
      expect(client.approval).toEqual(approval);
      await reopen();
      expect(await store.approvalRule()).toEqual(approvals);
      expect(await store.clients()).toEqual([client]);
    });

    it('keeps the rule of the first token, and no token twice', async () => {
      const approvals = { by: 'consortium', approverKey: key(7) } as const;
      await store.addJoinToken({ ...newToken(), approvals, tokenKey: key(5), secretHash: key(8) });
      for (const change of [
        { approvals: { by: 'members' as const }, tokenKey: undefined },
        { approvals: { by: 'consortium' as const, approverKey: key(3) } },
        { tokenKey: key(5) },
        { secretHash: key(8) },
      ]) {
        const token = { ...newToken(), approvals, tokenKey: key(6), secretHash: key(9), ...change };
        await expect(store.addJoinToken(token)).rejects.toMatchObject({ code: 'InvalidArgument' });
      }
      expect(await store.approvalRule()).toEqual(approvals);
    });

    it("keeps the first of a member's approvals of a node", async () => {
      const [one, two] = [await enrolled(1), await enrolled(2)];
      const row = { clientId: one.id, signerId: two.id, signature: new Uint8Array(64).fill(1) };
      await store.addMemberApproval(row);
      await store.addMemberApproval({ ...row, signature: new Uint8Array(64).fill(2) });
      await reopen();
      expect(await store.memberApprovals()).toEqual([row]);
    });

    it('remembers when a node was last seen', async () => {
      const { id } = await enrolled(1);
      await store.markSeen(id, start + 5);
      expect((await store.client(id))?.lastSeenAtMs).toBe(start + 5);
    });
  });

  it('keeps rosters in order of epoch and refuses an epoch twice', async () => {
    await store.addRoster({ epoch: 0, wire: '{"a":1}' });
    await store.addRoster({ epoch: 1, wire: '{"a":2}' });
    await expect(store.addRoster({ epoch: 1, wire: '{}' })).rejects.toThrow();
    await reopen();
    expect(await store.rosters()).toEqual([
      { epoch: 0, wire: '{"a":1}' },
      { epoch: 1, wire: '{"a":2}' },
    ]);
  });

  describe('tasks and rounds', () => {
    it('keeps tasks, oldest first, and their changes', async () => {
      const first = newTask('first');
      const second = { ...newTask('second'), createdAtMs: start + 1 };
      await store.addTask(second);
      await store.addTask(first);
      await store.changeTask(first.id, { state: 'running', reason: 'waits' });
      await store.changeTask(first.id, { reason: undefined, nextRound: 2 });
      await store.changeTask(second.id, {});
      await reopen();
      expect(await store.tasks()).toEqual([{ ...first, state: 'running', nextRound: 2 }, second]);
      expect(await store.task(second.id)).toEqual(second);
      expect(await store.task(randomUUID())).toBeUndefined();
    });

    it('numbers attempts and shows those without an outcome after a restart', async () => {
      const task = newTask();
      await store.addTask(task);
      const begin = async () => {
        const attempt = await store.nextAttempt(task.id);
        await store.beginAttempt({ ...begun, attempt });
        return attempt;
      };
      const begun = { taskId: task.id, round: 1, startedAtMs: start, baseModelHash: hash('a'), selected: ['x'] };
      expect(await begin()).toBe(1);
      await store.endAttempt(recordOf(task, 1, 'abandoned'), { failuresInRow: 1 });
      // A number that was given out for a set-up which came to nothing is not used again.
      expect(await store.nextAttempt(task.id)).toBe(2);
      expect(await begin()).toBe(3);
      await store.markSigning(task.id, 3);
      await reopen();
      expect(await store.openAttempts()).toEqual([{ ...begun, attempt: 3, signing: true }]);
      expect(await store.task(task.id)).toMatchObject({ attempts: 3, failuresInRow: 1 });
      expect(await store.rounds(task.id)).toEqual([recordOf(task, 1, 'abandoned')]);
      expect(await store.round(task.id, 1)).toEqual(recordOf(task, 1, 'abandoned'));
      expect(await store.round(task.id, 3)).toBeUndefined();
    });

    it('commits a round, its model, its task and the state of its strategy together', async () => {
      const task = newTask();
      await store.addTask(task);
      const attempt = await store.nextAttempt(task.id);
      await store.beginAttempt({
        taskId: task.id,
        attempt,
        round: 1,
        startedAtMs: start,
        baseModelHash: hash('a'),
        selected: [],
      });
      const model = {
        hash: hash('b'),
        sizeBytes: 8,
        parameters: 1,
        taskId: task.id,
        round: 1,
        createdAtMs: start,
      };
      const change = { committedRounds: 1, modelHash: hash('b'), strategyStateHash: hash('c') };
      await store.endAttempt(recordOf(task, attempt, 'committed'), change, model);
      await reopen();
      expect(await store.openAttempts()).toEqual([]);
      expect(await store.model(hash('b'))).toEqual(model);
      expect(await store.task(task.id)).toMatchObject(change);
    });

    it('takes one update of a member in an attempt', async () => {
      const task = newTask();
      await store.addTask(task);
      const { id } = await enrolled(1);
      const update = { taskId: task.id, attempt: 1, clientId: id, sizeBytes: 4, atMs: start };
      expect(await store.commitUpdate(update)).toBe(true);
      expect(await store.commitUpdate(update)).toBe(false);
      expect(await store.commitUpdate({ ...update, attempt: 2 })).toBe(true);
    });
  });

  it('counts draws on a roster and keeps the groups of the one that succeeded', async () => {
    const task = newTask();
    await store.addTask(task);
    const groups = { seedHash: hash('a'), groups: [[0, 2], [1]] };
    expect(await store.beginDraw(task.id, hash('1'))).toBe(1);
    expect(await store.beginDraw(task.id, hash('1'))).toBe(2);
    expect(await store.draws(task.id, hash('1'))).toEqual({ tries: 2, groups: undefined });
    await store.endDraw(task.id, 2, groups);
    expect(await store.draws(task.id, hash('1'))).toEqual({ tries: 2, groups });
    expect(await store.draws(task.id, hash('2'))).toEqual({ tries: 0, groups: undefined });
    expect(await store.beginDraw(task.id, hash('2'))).toBe(3);
  });

  it('keeps evidence, oldest first, and each piece once', async () => {
    const task = newTask();
    await store.addTask(task);
    const { id: clientId } = await enrolled(1);
    const row = { id: hash('e'), foundAtMs: start + 1, taskId: task.id, attempt: 1, clientId, wire: '{}' };
    const earlier = { ...row, id: hash('f'), foundAtMs: start };
    await store.addEvidence(row);
    await store.addEvidence({ ...row, foundAtMs: start + 2 });
    await store.addEvidence(earlier);
    expect(await store.evidence()).toEqual([earlier, row]);
  });

  it('keeps models, oldest first, and knows each once', async () => {
    const model = {
      hash: hash('c'),
      sizeBytes: 8,
      parameters: 1,
      taskId: undefined,
      round: 0,
      createdAtMs: start,
    };
    await store.addModel(model);
    await store.addModel({ ...model, sizeBytes: 9 });
    expect(await store.models()).toEqual([model]);
    expect(await store.model(hash('d'))).toBeUndefined();
  });

  it('can tell that it is usable', async () => {
    await expect(store.assertUsable()).resolves.toBeUndefined();
  });
}
