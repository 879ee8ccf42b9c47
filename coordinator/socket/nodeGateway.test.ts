import { randomUUID } from 'node:crypto';
import { PROTOCOL_VERSION } from '@hansa/shared/protocol';
import { encodeMessage } from '@hansa/shared/protocol/secagg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ToyLeague } from '../testing/toyLeague.ts';
import type { ToyNode } from '../testing/toyNode.ts';

const zeros = (count: number) => Buffer.alloc(count).toString('base64url');
const update = (_round: number, { vectorLength }: { vectorLength: number }) => new Float32Array(vectorLength).fill(0.1);

let league: ToyLeague;
beforeEach(async () => {
  league = await ToyLeague.start();
});
afterEach(() => league.close());

async function value(metric: string): Promise<number> {
  const line = (await league.metrics()).split('\n').find((one) => one.startsWith(metric));
  return Number(line?.split(' ').at(-1));
}

describe('handshake', () => {
  it('refuses a node that is not enrolled', async () => {
    const [node] = await league.enrol(1, { update });
    await expect(node!.connect({ clientId: randomUUID() })).rejects.toMatchObject({ code: 'UnknownClient' });
    expect(await value('hansa_auth_failures_total{method="handshake",reason="unknown"}')).toBe(1);
  });

  it('refuses a key that is not the enrolled one', async () => {
    const [one, two] = await league.enrol(2, { update });
    await expect(one!.connect({ clientId: two!.clientId })).rejects.toMatchObject({ code: 'BadSignature' });
    expect(await value('hansa_auth_failures_total{method="handshake",reason="badSignature"}')).toBe(1);
    expect((await league.status()).clients.map(({ connected }) => connected)).toEqual([false, false]);
  });

  it.each([
    ['from the future', 99],
    ['from the past', 0],
    ['that is none', 'newest'],
    ['that is missing', undefined],
  ])('refuses a protocol version %s, naming both', async (_what, protocolVersion) => {
    const [node] = await league.enrol(1, { update });
    await expect(node!.connect({ protocolVersion })).rejects.toMatchObject({
      code: 'UnsupportedProtocolVersion',
      message: expect.stringMatching(new RegExp(`coordinator speaks ${PROTOCOL_VERSION}, the node speaks (99|0|none)`)),
    });
  });

  it.each([
    ['an unknown field', { extra: 1 }],
    ['a nonce too short', { clientNonce: zeros(31) }],
    ['an id that is none', { clientId: '../x' }],
  ])('refuses %s', async (_what, auth) => {
    const [node] = await league.enrol(1, { update });
    await expect(node!.connect(auth)).rejects.toMatchObject({ code: 'InvalidMessage' });
  });

  it('lets the newest connection of a node displace the older, and tells the older why', async () => {
    const [node] = await league.enrol(1, { update });
    await node!.connect();
    const twin = node!.twin();
    league.nodes.push(twin);
    const told = new Promise((resolve) => node!.onRefused(resolve));
    await twin.connect();
    expect(await told).toMatchObject({ code: 'IdentityLocked' });
    await expect(twin.send('leave', {})).rejects.toMatchObject({ code: 'InvalidMessage' });
    expect((await league.status()).clients[0]?.connected).toBe(true);
  });
});

describe('messages', () => {
  let node: ToyNode;
  beforeEach(async () => {
    [node] = (await league.enrol(1, { update })) as [ToyNode];
    await node.connect();
  });

  it.each([
    ['of an unknown name', 'sendMoney', {}],
    ['of the coordinator itself', 'quorum', {}],
    ['that is not in an envelope', 'leave', 'x'],
  ])('refuses a message %s when no round is in progress', async (_what, name, body) => {
    await expect(node.send(name, body)).rejects.toMatchObject({
      code: expect.stringMatching(/UnknownSetup|InvalidMessage/),
    });
  });

  it('refuses an envelope of another version', async () => {
    await expect(node.send('leave', {}, PROTOCOL_VERSION + 1)).rejects.toMatchObject({
      code: 'UnsupportedProtocolVersion',
    });
    expect(await value('hansa_messages_refused_total{code="UnsupportedProtocolVersion"}')).toBe(1);
  });

  it('hangs up on a message that is too large', async () => {
    const gone = new Promise<void>((resolve) => node.onDisconnect(resolve));
    node.send('leave', { padding: 'x'.repeat(300 * 1024) }).catch(() => undefined);
    await gone;
  });

  it('hangs up on a node that floods it', async () => {
    const told = new Promise((resolve) => node.onRefused(resolve));
    for (let n = 0; n < 400; n++) node.send('leave', {}).catch(() => undefined);
    expect(await told).toMatchObject({ code: 'TooManyRequests' });
  });
});

describe('messages in a round', () => {
  it('refuses what is malformed, of another node, of another set-up, early or late, and the round goes on', async () => {
    const refusals: Record<string, string> = {};
    const attempt = async (what: string, sent: Promise<unknown>) => {
      refusals[what] = await sent.then(
        () => 'accepted',
        (error) => error.code,
      );
    };
    const saboteur: Parameters<ToyLeague['enrol']>[1] = {
      update,
      before: async (effect, node) => {
        if (effect.type !== 'send' || Object.keys(refusals).length > 20) return;
        const wire = encodeMessage(effect.name, effect.message as never) as Record<string, unknown>;
        if (effect.name === 'advertiseKeys') {
          await attempt('unknown field', node.send('advertiseKeys', { ...wire, extra: 1 }));
          await attempt('missing field', node.send('advertiseKeys', { sid: wire.sid }));
          await attempt('NaN', node.send('advertiseKeys', { ...wire, index: Number.NaN }));
          await attempt('negative index', node.send('advertiseKeys', { ...wire, index: -1 }));
          await attempt("another's index", node.send('advertiseKeys', { ...wire, index: 4 }));
          await attempt('short bytes', node.send('advertiseKeys', { ...wire, maskKey: zeros(31) }));
          await attempt('other spelling', node.send('advertiseKeys', { ...wire, sid: `${wire.sid}=` }));
          await attempt('another set-up', node.send('advertiseKeys', { ...wire, sid: zeros(32) }));
          await attempt('bad signature', node.send('advertiseKeys', { ...wire, signature: zeros(64) }));
          await attempt('early', node.send('shareKeys', shareKeysOf(wire)));
          await attempt('unknown name', node.send('advertise', wire));
          await attempt('no body', node.send('advertiseKeys', undefined));
          await attempt('progress of another task', node.send('progress', progress(randomUUID())));
          await attempt('progress with a loss', node.send('progress', { ...progress(randomUUID()), loss: 1 }));
          await attempt('progress of NaN', node.send('progress', { ...progress(randomUUID()), done: Number.NaN }));
          await node.send('advertiseKeys', wire);
          await attempt('twice', node.send('advertiseKeys', wire));
          await attempt('twice, different', node.send('advertiseKeys', { ...wire, maskKey: zeros(32) }));
        }
        if (effect.name === 'signSurvivors') {
          await attempt('late', node.send('advertiseKeys', { ...wire, cipherKey: zeros(32) }));
          await attempt('another round', node.send('signSurvivors', { ...wire, roundHash: zeros(32) }));
        }
      },
    };
    const [bad] = await league.enrol(1, saboteur);
    const good = await league.enrol(4, { update });
    const taskId = await league.createTask({ rounds: 1 });
    await Promise.all([bad, ...good].map((node) => node!.connect()));
    await Promise.all(good.map(({ ended }) => ended));
    expect(refusals).toEqual({
      'unknown field': 'InvalidMessage',
      'missing field': 'InvalidMessage',
      NaN: 'InvalidMessage',
      'negative index': 'InvalidMessage',
      "another's index": 'InvalidMessage',
      'short bytes': 'InvalidMessage',
      'other spelling': 'InvalidMessage',
      'another set-up': 'UnknownSetup',
      'bad signature': 'BadSignature',
      early: 'UnexpectedMessage',
      'unknown name': 'InvalidMessage',
      'no body': 'InvalidMessage',
      'progress of another task': 'WrongRound',
      'progress with a loss': 'InvalidMessage',
      'progress of NaN': 'InvalidMessage',
      twice: 'accepted',
      'twice, different': 'ConflictingMessage',
      late: 'InvalidMessage',
      'another round': 'WrongRound',
    });
    const [round] = await league.rounds(taskId);
    expect(round).toMatchObject({ outcome: 'committed', dropped: [] });
    expect(await value('hansa_messages_refused_total{code="ConflictingMessage"}')).toBe(1);
  });

  it('goes on without a node that says it leaves, and without one that refuses', async () => {
    const leaving: Parameters<ToyLeague['enrol']>[1] = {
      update,
      before: async (effect, node) => {
        if (effect.type !== 'prepareRound') return;
        const { running } = await league.status();
        const body = { taskId: running!.taskId, sid: node.sid, code: 'TrainingFailed', message: 'diverged' };
        await node.send('leave', body);
        throw new Error('left');
      },
    };
    const [leaver] = await league.enrol(1, leaving);
    const others = await league.enrol(5, { update });
    const [refuser] = await league.enrol(1, { update, policy: { minCohort: 100 } });
    const taskId = await league.createTask({ rounds: 1, secureAggregation: { dropoutRate: 0.5 } });
    await Promise.all([leaver, refuser, ...others].map((node) => node!.connect()));
    await Promise.all(others.map(({ ended }) => ended));
    const [round] = await league.rounds(taskId);
    expect(round).toMatchObject({
      outcome: 'committed',
      droppedIn: { [leaver!.clientId]: 'train', [refuser!.clientId]: 'advertiseKeys' },
    });
    expect(round!.dropped).toHaveLength(2);
    expect(league.logLines.some((line) => line.includes('TrainingFailed: diverged'))).toBe(true);
  });
});

const progress = (taskId: string) => ({ taskId, round: 1, stage: 'training', done: 1, total: 2 });

const shareKeysOf = (wire: Record<string, unknown>) => ({
  sid: wire.sid,
  index: wire.index,
  cohortHash: zeros(32),
  cohortSignature: zeros(64),
  boxes: [],
  commitments: [],
  signature: zeros(64),
});
