import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HansaError } from '@hansa/shared/errors';
import { configHash, encodeMessage, openBytes, setupId } from '@hansa/shared/protocol/secagg';
import { afterEach, describe, expect, it } from 'vitest';
import { type LeagueSettings, SessionLeague } from './testing/sessionLeague.ts';

describe('runNode', () => {
  let league: SessionLeague;
  afterEach(() => league.end());

  const assemble = async (settings: Partial<LeagueSettings> = {}): Promise<SessionLeague> => {
    league = await new SessionLeague({ size: 5, ...settings }).prepare();
    await league.assemble();
    return league;
  };
  const sumOfKept = (nodes: readonly number[], round: number, attempt: number): Int32Array => {
    const sum = new Int32Array(league.config.vectorLength);
    for (const node of nodes) {
      const kept = league.keptUpdate(node, round, attempt);
      for (let at = 0; at < sum.length; at++) sum[at] = sum[at]! + kept[at]!;
    }
    return sum;
  };
  const receiptsOf = (node: number) =>
    readFileSync(join(league.nodes[node]!.folder, 'receipts.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  const codesOf = (node: number) =>
    league.nodes[node]!.events.flatMap((event) => (event.type === 'refused' ? [event.code] : []));

  it('trains rounds whose sum is exact, and keeps the first and the newest model, a receipt a round and no spool', async () => {
    await assemble();
    for (league.round = 1; league.round <= 2; league.round++) {
      expect((await league.runRound()).phase).toBe('committed');
      expect(league.sum).toEqual(sumOfKept([0, 1, 2, 3, 4], league.round, league.seq));
    }
    for (const [node, { folder, trainer }] of league.nodes.entries()) {
      const models = () => readdirSync(join(folder, 'models')).filter((name) => name.endsWith('.safetensors'));
      const kept = [league.initialModelHash, league.modelHash].map((hash) => `${hash}.safetensors`).sort();
      // The new model is fetched, and the old one let go, while nothing waits for it.
      await expect.poll(() => models().sort()).toEqual(kept);
      expect(readdirSync(join(folder, 'spool'))).toEqual([]);
      expect(receiptsOf(node)).toMatchObject([
        { round: 1, attempt: 1, included: true, survivors: 5, baseModelHash: league.initialModelHash },
        { round: 2, attempt: 2, included: true, modelHash: league.modelHash },
      ]);
      // Rounds draw different batches; nodes do so because the trainer mixes their data into the seed.
      expect(trainer.requests.map(({ seed }) => seed)).toHaveLength(2);
    }
    expect(new Set(league.nodes.flatMap(({ trainer }) => trainer.requests.map(({ seed }) => seed))).size).toBe(2);
  });

  it('goes on after its connection broke in every stage of a set-up', async () => {
    const broken = new Set<string>();
    await assemble({
      onWire: (node, name, wire) => {
        // Node 2 loses its connection whenever a kind of message comes for the first time, and is back at once.
        if (node !== 2 || broken.has(name) || name === 'roster' || name === 'assignment') return wire;
        broken.add(name);
        league.nodes[2]!.connection!.break();
        setImmediate(() => league.nodes[2]!.connection!.connect());
        return undefined;
      },
    });
    expect((await league.runRound()).phase).toBe('committed');
    expect([...broken]).toEqual(['open', 'cohort', 'encryptedShares', 'startRound', 'survivors', 'quorum', 'result']);
    expect(league.sum).toEqual(sumOfKept([0, 1, 2, 3, 4], 1, 1));
  });

  it('resends what was lost on the way to the coordinator', async () => {
    await assemble();
    const { connection } = league.nodes[3]!;
    const deliver = connection!.send.bind(connection);
    const lost = new Set<string>();
    connection!.send = (name, body) => {
      if (name === 'progress' || lost.has(name)) return deliver(name, body);
      lost.add(name);
      connection!.break();
      setImmediate(() => connection!.connect());
      return Promise.reject(new HansaError('ConnectionLost', 'lost on the way'));
    };
    expect((await league.runRound()).phase).toBe('committed');
    expect([...lost]).toEqual([
      'advertiseKeys',
      'shareKeys',
      'acknowledgeShares',
      'maskedInputHeader',
      'signSurvivors',
      'revealShares',
    ]);
    expect(league.sum).toEqual(sumOfKept([0, 1, 2, 3, 4], 1, 1));
  });

  it('answers an exact duplicate of every message with the same bytes', async () => {
    const heard: { name: string; wire: unknown }[] = [];
    await assemble({
      onWire: (node, name, wire) => {
        if (node === 1) heard.push({ name, wire });
        return wire;
      },
    });
    const release = league.nodes[4]!.trainer.hold();
    league.open();
    await league.until(() => league.nodes[1]!.events.some(({ type }) => type === 'stageDone'));
    const { connection } = league.nodes[1]!;
    const before = JSON.stringify(connection!.sent.filter(({ name }) => name !== 'progress'));
    for (const { name, wire } of [...heard]) await league.tell(1, name, wire);
    const after = connection!.sent.filter(({ name }) => name !== 'progress').map((sent) => JSON.stringify(sent));
    // Nothing new was said: only repetitions.
    for (const sent of after) expect(before).toContain(sent);
    expect(codesOf(1)).toEqual([]);
    release();
    await league.until(() => league.state?.phase === 'committed');
  });

  it('names what is wrong with a message, changes nothing, and finishes the round', async () => {
    await assemble();
    const release = league.nodes[0]!.trainer.hold();
    league.open();
    await league.until(() => league.nodes[0]!.events.some(({ type }) => type === 'roundStarted'));
    const sid = Buffer.from(setupId(league.openFields())).toString('base64url');
    const otherSid = Buffer.alloc(32, 7).toString('base64url');
    const hash = Buffer.alloc(32, 1).toString('base64url');
    const signature = Buffer.alloc(64, 2).toString('base64url');
    const survivors = { sid, roundHash: hash, survivors: Buffer.from([31]).toString('base64url'), signature };
    const result = { ...survivors, weightSum: 5, resultHash: hash, newModelHash: hash };
    const refusals: [string, unknown, string][] = [
      ['survivors', { ...survivors, extra: 1 }, 'InvalidMessage'],
      ['survivors', { ...survivors, roundHash: 'short' }, 'InvalidMessage'],
      ['survivors', survivors, 'UnexpectedMessage'],
      ['survivors', { ...survivors, sid: otherSid }, 'UnknownSetup'],
      ['quorum', { sid, roundHash: hash, signatures: [] }, 'UnexpectedMessage'],
      ['result', result, 'WrongRound'],
      ['result', { ...result, weightSum: Number.NaN }, 'InvalidMessage'],
      ['advertiseKeys', {}, 'InvalidMessage'],
      ['nonsense', {}, 'InvalidMessage'],
      ['constructor', {}, 'InvalidMessage'],
      ['assignment', { ...league.assignment, plan: '{}' }, 'InvalidMessage'],
      ['assignment', { ...league.assignment, committedRounds: -1 }, 'InvalidMessage'],
      ['assignment', { ...league.assignment, plan: league.planText.replace('"seed":1', '"seed":2') }, 'PolicyRefused'],
    ];
    for (const [name, wire, code] of refusals) {
      await expect(league.tell(0, name, wire), `${name} ${JSON.stringify(wire)}`).rejects.toMatchObject({ code });
    }
    release();
    await league.until(() => league.state?.phase === 'committed');
    expect(league.sum).toEqual(sumOfKept([0, 1, 2, 3, 4], 1, 1));
  });

  it('refuses an OPEN of another plan, of an unknown task, with an old seq, or with a forged signature', async () => {
    await assemble();
    await league.runRound();
    const signed = (change: object) => {
      const open = { ...league.openFields(), ...change };
      return encodeMessage('open', { ...open, signature: league.coordinator.sign('open', openBytes(open)) });
    };
    const otherPlan = { ...league.config, planHash: new Uint8Array(32) };
    expect(configHash(otherPlan)).not.toEqual(configHash(league.config));
    const cases: [unknown, string][] = [
      [signed({}), 'SequenceReplayed'],
      [signed({ seq: 9, notAfterMs: league.clock.now() + 30 * 86_400_000 }), 'PolicyRefused'],
      [signed({ seq: 9, task: '7f0c1d0e-9999-4222-8333-444455556666' }), 'PolicyRefused'],
      [{ ...(signed({ seq: 9 }) as object), signature: Buffer.alloc(64).toString('base64url') }, 'BadSignature'],
    ];
    for (const [wire, code] of cases) await expect(league.tell(0, 'open', wire)).rejects.toMatchObject({ code });
    league.round = 2;
    expect((await league.runRound()).phase).toBe('committed');
  });

  it.each([
    ['another frequency', { plan: { job: { kind: 'demand', frequency: 'week' } } }],
    [
      'more steps than it allows',
      { plan: { training: { steps: 50, batchSize: 1, learningRate: 0.1 } }, policy: { maxLocalSteps: 49 } },
    ],
  ])('refuses a task with %s', async (_what, settings) => {
    league = await new SessionLeague({ size: 5, ...settings }).prepare();
    league.start(0);
    await expect(league.introduce(0)).rejects.toMatchObject({ code: 'PolicyRefused' });
  });

  it('blames its clock where a set-up is valid for too long and the clock is off', async () => {
    await assemble({ policy: { maxCohortAgeMs: 1_800_000 } });
    league.nodes[0]!.connection!.clockOffsetMs = -172_800_000;
    league.nodes[1]!.connection!.clockOffsetMs = 2000;
    league.open();
    const refusals = (node: number) =>
      league.nodes[node]!.events.flatMap((event) => (event.type === 'refused' ? [event.message] : []));
    await league.until(() => [0, 1, 2].every((node) => refusals(node).length > 0));
    const words = 'OPEN is valid for longer than 1800000 ms (policy.maxCohortAgeMs)';
    expect(refusals(0)[0]).toBe(
      `${words}, and this machine's clock is 2.0 days behind the coordinator's (set the time, NTP).`,
    );
    for (const node of [1, 2]) expect(refusals(node)[0]).toBe(`${words}.`);
  });

  it('refuses a cohort that is smaller than its policy allows', async () => {
    await assemble({ policy: { minCohort: 6 } });
    league.open();
    await league.settle();
    expect(league.refusals.map(({ code }) => code)).toEqual(Array(5).fill('PolicyRefused'));
  });

  it('leaves the round when training fails, tells only the code, and is back in the next', async () => {
    await assemble();
    const { trainer, connection, events } = league.nodes[4]!;
    trainer.failure = new HansaError('TrainingFailed', 'column "secret_column" of /home/merchant/orders.csv');
    expect((await league.runRound()).phase).toBe('committed');
    const leave = connection!.sent.find(({ name }) => name === 'leave');
    expect(leave?.body).toMatchObject({ taskId: league.taskId, code: 'TrainingFailed' });
    expect(JSON.stringify(connection!.sent)).not.toContain('secret_column');
    expect(trainer.closed).toBe(true);
    expect(events).toContainEqual(expect.objectContaining({ type: 'roundAbandoned', code: 'TrainingFailed' }));
    expect(league.sum).toEqual(sumOfKept([0, 1, 2, 3], 1, 1));
    trainer.failure = undefined;
    league.round = 2;
    expect((await league.runRound()).phase).toBe('committed');
    expect(league.sum).toEqual(sumOfKept([0, 1, 2, 3, 4], 2, 2));
  });

  it('counts as dropped out after a restart: it answers nothing of the old set-up and joins the next', async () => {
    await assemble();
    league.nodes[0]!.trainer.hold();
    league.open();
    await league.until(() => league.nodes[0]!.events.some(({ type }) => type === 'roundStarted'));
    const old = league.nodes[0]!;
    old.stop.abort(new HansaError('Interrupted', 'killed'));
    await expect(old.finished).rejects.toMatchObject({ code: 'Interrupted' });
    expect(readdirSync(join(old.folder, 'spool'))).toEqual([]);
    await league.until(() => league.state?.phase === 'committed');
    expect(league.sum).toEqual(sumOfKept([1, 2, 3, 4], 1, 1));

    old.trainer.gate = Promise.resolve();
    league.start(0);
    await league.introduce(0);
    const sid = Buffer.from(setupId(league.openFields())).toString('base64url');
    const quorum = { sid, roundHash: Buffer.alloc(32).toString('base64url'), signatures: [] };
    await expect(league.tell(0, 'quorum', quorum)).rejects.toMatchObject({ code: 'UnknownSetup' });
    league.round = 2;
    expect((await league.runRound()).phase).toBe('committed');
    expect(league.sum).toEqual(sumOfKept([0, 1, 2, 3, 4], 2, 2));
  });

  it('wipes what it holds and waits for the next round when one is abandoned', async () => {
    await assemble();
    league.nodes[0]!.trainer.hold();
    league.open();
    await league.until(() => league.nodes[0]!.events.some(({ type }) => type === 'roundStarted'));
    league.event({ type: 'abort', code: 'TaskAborted', reason: 'the test' });
    await league.until(() => league.nodes[0]!.events.some(({ type }) => type === 'roundAbandoned'));
    await league.settle();
    for (const { folder } of league.nodes) expect(readdirSync(join(folder, 'spool'))).toEqual([]);
    league.nodes[0]!.trainer.gate = Promise.resolve();
    expect((await league.runRound()).phase).toBe('committed');
  });

  it('gives a set-up up when it has expired', async () => {
    await assemble();
    league.nodes[0]!.trainer.hold();
    league.open();
    await league.until(() => league.nodes[0]!.events.some(({ type }) => type === 'roundStarted'));
    league.clock.advance(3_600_001);
    await league.until(() =>
      league.nodes[0]!.events.some((event) => event.type === 'roundAbandoned' && event.code === 'Timeout'),
    );
  });

  it('refuses a model that is not the one the round is bound to', async () => {
    await assemble();
    league.blobs.set(league.modelHash, new Uint8Array(100));
    await league.runRound();
    await league.until(() =>
      league.nodes.every(({ events }) => events.some((event) => event.type === 'roundAbandoned')),
    );
    for (const { trainer } of league.nodes) expect(trainer.requests).toEqual([]);
  });

  it('learns what it missed when it is assigned a task again, and fetches the model', async () => {
    await assemble();
    await league.runRound();
    const { folder } = league.nodes[1]!;
    const missed = { ...league.assignment, committedRounds: 3, modelHash: league.initialModelHash };
    await league.tell(1, 'assignment', missed);
    const entry = () => JSON.parse(readFileSync(join(folder, 'tasks', `${league.taskId}.json`), 'utf8'));
    expect(entry()).toMatchObject({ committedRounds: 3, modelHash: league.initialModelHash });
    // What is behind what it knows changes nothing.
    await league.tell(1, 'assignment', { ...missed, committedRounds: 2, modelHash: league.modelHash });
    expect(entry()).toMatchObject({ committedRounds: 3, modelHash: league.initialModelHash });
  });

  it('takes part in no round beyond the last of the plan it agreed to', async () => {
    await assemble();
    league.round = 14;
    league.open();
    const refused = { type: 'refused', by: 'node', name: 'startRound', code: 'PolicyRefused' };
    await league.until(() => league.nodes.every(({ events }) => events.some(({ type }) => type === 'refused')));
    for (const { events } of league.nodes) expect(events).toContainEqual(expect.objectContaining(refused));
    for (const { trainer } of league.nodes) expect(trainer.requests).toEqual([]);
  });

  it('ends with its task, both models on disk', async () => {
    league = await new SessionLeague({ size: 5 }).prepare();
    for (const node of league.nodes.keys()) league.start(node, { untilTaskEnds: true });
    for (const node of league.nodes.keys()) await league.introduce(node);
    await league.runRound();
    const ended = { taskId: league.taskId, outcome: 'completed', committedRounds: 1, modelHash: league.modelHash };
    for (const node of league.nodes.keys()) await league.tell(node, 'taskEnded', ended);
    for (const { finished } of league.nodes) {
      expect(await finished).toMatchObject({ roundsCommitted: 1, roundsIncluded: 1, ended });
    }
  });

  it('lets one process at a time act with an identity', async () => {
    await assemble();
    const { finished, stop } = league.nodes[0]!;
    league.start(0);
    await expect(league.nodes[0]!.finished).rejects.toMatchObject({ code: 'IdentityLocked', exitStatus: 2 });
    Object.assign(league.nodes[0]!, { finished, stop });
    expect((await league.runRound()).phase).toBe('committed');
  });
});
