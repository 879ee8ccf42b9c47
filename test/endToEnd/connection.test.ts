import { SocketConnection } from '@hansa/client-node/session';
import { systemClock } from '@hansa/shared/clock';
import { HansaError, toProblem } from '@hansa/shared/errors';
import { createLogger } from '@hansa/shared/log';
import { MAX_COORDINATOR_MESSAGE_BYTES, PROTOCOL_VERSION } from '@hansa/shared/protocol';
import { systemRandom } from '@hansa/shared/random';
import { afterEach, describe, expect, it } from 'vitest';
import { envelope, FakeCoordinator, type FakeSettings } from './fakeCoordinator.ts';

describe("a node's connection", () => {
  let coordinator: FakeCoordinator;
  let connection: SocketConnection;
  let heard: { ready: number; lost: string[]; refused: HansaError[]; messages: [string, unknown][] };
  afterEach(async () => {
    connection.close();
    await coordinator.close();
  });

  const connect = async (settings: FakeSettings = {}, identity: object = {}): Promise<void> => {
    coordinator = await new FakeCoordinator(settings).listen();
    open(identity);
  };
  const open = (identity: object = {}, limits: { acknowledgeTimeoutMs?: number } = {}): void => {
    heard = { ready: 0, lost: [], refused: [], messages: [] };
    connection = new SocketConnection({
      address: coordinator.address,
      identity: { ...coordinator.identity, ...identity },
      random: systemRandom,
      clock: systemClock,
      log: createLogger('test', 'silent'),
      ...limits,
      handlers: {
        ready: () => {
          heard.ready += 1;
        },
        lost: (reason) => heard.lost.push(reason),
        refused: (error) => heard.refused.push(error),
        message: async (name, body) => {
          heard.messages.push([name, body]);
          if (name === 'open') throw new HansaError('SequenceReplayed', 'seq 3 was used');
          if (name === 'roster') throw new HansaError('StorageFull', 'no space left to write /home/merchant');
          return name === 'assignment' ? { some: 'answer' } : undefined;
        },
      },
    });
    connection.open();
  };
  const never = new AbortController().signal;

  it('proves itself, then takes messages and answers each', async () => {
    await connect();
    await connection.ready(never);
    expect(heard.ready).toBe(1);
    expect(await coordinator.ask('assignment', { a: 1 })).toEqual({ ok: true, answer: { some: 'answer' } });
    expect(await coordinator.ask('cohort', {})).toEqual({ ok: true });
    expect(heard.messages).toEqual([
      ['assignment', { a: 1 }],
      ['cohort', {}],
    ]);
  });

  it('tells a refusal by its code, and of this machine nothing', async () => {
    await connect();
    await connection.ready(never);
    expect(await coordinator.ask('open', {})).toMatchObject({
      ok: false,
      problem: { code: 'SequenceReplayed', detail: 'seq 3 was used' },
    });
    const reply = await coordinator.ask('roster', {});
    expect(reply).toMatchObject({ ok: false, problem: { code: 'StorageFull' } });
    expect(JSON.stringify(reply)).not.toContain('merchant');
  });

  it.each([
    ['an unknown field', { extra: 1 }, 'InvalidMessage'],
    ['a wrong id', { id: 'x' }, 'InvalidMessage'],
    ['a version from the future', { v: PROTOCOL_VERSION + 1 }, 'UnsupportedProtocolVersion'],
    ['a version of the past', { v: PROTOCOL_VERSION - 1 }, 'UnsupportedProtocolVersion'],
    ['no version', { v: undefined }, 'UnsupportedProtocolVersion'],
  ])('refuses an envelope with %s and lives on', async (_what, change, code) => {
    await connect();
    await connection.ready(never);
    const reply = await coordinator.ask('cohort', {}, (wire) => ({ ...wire, ...change }));
    expect(reply).toMatchObject({ ok: false, problem: { code } });
    expect(heard.messages).toEqual([]);
    expect(await coordinator.ask('cohort', {})).toEqual({ ok: true });
    expect(heard.refused).toEqual([]);
  });

  it('gives up on a coordinator from the future, naming both versions', async () => {
    await connect({ challenge: (wire) => ({ ...wire, v: PROTOCOL_VERSION + 1 }) });
    await expect(connection.ready(never)).rejects.toMatchObject({ code: 'UnsupportedProtocolVersion', exitStatus: 2 });
    expect(heard.refused[0]?.message).toMatch(/node speaks 2\b.*speaks 3\b/);
  });

  it('gives up on a coordinator that does not hold the pinned key, and signs nothing for it', async () => {
    await connect({}, { coordinatorPublicKey: new Uint8Array(32).fill(3) });
    await expect(connection.ready(never)).rejects.toMatchObject({ code: 'WrongCoordinatorKey' });
    expect(heard.refused).toHaveLength(1);
    expect(coordinator.welcomed).toBe(0);
  });

  it('gives up where it is refused for good, and only there', async () => {
    coordinator = await new FakeCoordinator().listen();
    coordinator.refusals.push(toProblem(new HansaError('Unavailable', 'starting')));
    open();
    await connection.ready(never);
    expect(heard.lost).toEqual(['starting']);
    connection.close();

    coordinator.refusals.push(toProblem(new HansaError('UnknownClient', 'never heard of it')));
    open();
    await expect(connection.ready(never)).rejects.toMatchObject({ code: 'UnknownClient', exitStatus: 2 });
  });

  it('takes no message before the handshake is done, and no second challenge', async () => {
    const replies: unknown[] = [];
    await connect({
      early: async () => {
        replies.push(await coordinator.ask('cohort', {}), await coordinator.ask('challenge', {}));
      },
    });
    await connection.ready(never);
    expect(replies).toMatchObject([
      { ok: false, problem: { code: 'UnexpectedMessage' } },
      { ok: false, problem: { code: 'UnexpectedMessage' } },
    ]);
    expect(heard.messages).toEqual([]);
  });

  it('connects again by itself, with a fresh nonce, whoever hung up', async () => {
    await connect();
    await connection.ready(never);
    for (const hangUp of [() => coordinator.socket?.disconnect(true), () => coordinator.socket?.conn.close()]) {
      const before = coordinator.welcomed;
      hangUp();
      await coordinator.until(() => coordinator.welcomed === before + 1);
      await connection.ready(never);
    }
    expect(new Set(coordinator.nonces).size).toBe(3);
    expect(heard.ready).toBe(3);
    expect(heard.lost).toHaveLength(2);
  });

  it('falls back to polling where websockets do not get through', async () => {
    await connect({ transports: ['polling'] });
    await connection.ready(never);
    expect(coordinator.socket?.conn.transport.name).toBe('polling');
  });

  it('says why a message was not acknowledged', async () => {
    await connect();
    await expect(connection.send('leave', {})).rejects.toMatchObject({ code: 'ConnectionLost', retry: true });
    await connection.ready(never);
    const answered = connection.send('leave', {});
    await coordinator.until(() => coordinator.received.length === 1);
    coordinator.received[0]?.acknowledge({ ok: false, problem: toProblem(new HansaError('WrongRound', 'too late')) });
    await expect(answered).rejects.toMatchObject({ code: 'WrongRound', message: 'too late' });

    const nonsense = connection.send('leave', {});
    await coordinator.until(() => coordinator.received.length === 2);
    coordinator.received[1]?.acknowledge({ fine: true });
    await expect(nonsense).rejects.toMatchObject({ code: 'InvalidMessage' });

    const cut = connection.send('leave', {});
    await coordinator.until(() => coordinator.received.length === 3);
    coordinator.socket?.conn.close();
    await expect(cut).rejects.toMatchObject({ code: 'ConnectionLost' });
    connection.close();

    open({}, { acknowledgeTimeoutMs: 1 });
    await connection.ready(never);
    await expect(connection.send('leave', {})).rejects.toMatchObject({ code: 'Timeout', retry: true });
  });

  it('hangs up on a message that is too large to be one, and comes back', async () => {
    await connect();
    await connection.ready(never);
    coordinator.socket?.emit('cohort', envelope({ filler: 'x'.repeat(MAX_COORDINATOR_MESSAGE_BYTES) }));
    await coordinator.until(() => coordinator.welcomed === 2);
    expect(heard.messages).toEqual([]);
  });

  it('tells whoever waits when it is closed, or when the one who waits has had enough', async () => {
    coordinator = await new FakeCoordinator({ onConnection: async () => undefined }).listen();
    open();
    const stop = new AbortController();
    const impatient = connection.ready(stop.signal);
    const patient = connection.ready(never);
    stop.abort(new HansaError('Interrupted', 'enough'));
    await expect(impatient).rejects.toMatchObject({ code: 'Interrupted' });
    connection.close();
    await expect(patient).rejects.toMatchObject({ code: 'ConnectionLost' });
    await expect(connection.ready(never)).rejects.toMatchObject({ code: 'ConnectionLost' });
  });
});
