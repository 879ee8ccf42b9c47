import { randomUUID } from 'node:crypto';
import type { Clock } from '@hansa/shared/clock';
import { type ErrorCode, fromProblem, HansaError, problemSchema } from '@hansa/shared/errors';
import type { Logger } from '@hansa/shared/log';
import {
  acknowledgementSchema,
  assertProtocolVersion,
  challengeAnswerSchema,
  challengeSchema,
  envelopeSchema,
  helloSchema,
  MAX_COORDINATOR_MESSAGE_BYTES,
  PROTOCOL_VERSION,
  refusedSchema,
  welcomeSchema,
} from '@hansa/shared/protocol';
import type { RandomSource } from '@hansa/shared/random';
import { io, type Socket } from 'socket.io-client';
import { z } from 'zod';
import type { NodeIdentity } from '../../ledger/identity.ts';
import type { Connection, ConnectionHandlers, Download, FileUpload } from '../connection.ts';
import { parseMessage } from '../parseMessage.ts';
import { download } from './download.ts';
import { failureCause } from './failureCause.ts';
import { Handshake, type Session } from './handshake.ts';
import { proxyAgentFor } from './outgoingProxy.ts';
import { probeCoordinator } from './probeCoordinator.ts';
import { problemForPeer } from './problemForPeer.ts';
import { retryDelayMs } from './retryDelay.ts';
import { upload } from './upload.ts';

/** How long a peer may take to acknowledge a control message, or to finish a handshake. */
const ACKNOWLEDGE_TIMEOUT_MS = 10_000;
const HOPELESS: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['WrongCoordinatorKey', 'UnsupportedProtocolVersion']);

type Acknowledge = (reply: unknown) => void;

export interface ConnectionOptions {
  readonly address: string;
  readonly identity: NodeIdentity;
  readonly random: RandomSource;
  readonly clock: Clock;
  readonly log: Logger;
  readonly handlers: ConnectionHandlers;
  readonly acknowledgeTimeoutMs?: number;
}

/**
 * This node's connection to the coordinator: Socket.IO for control messages, websocket first and polling where that is blocked, reconnecting with backoff.
 *
 * Every connection starts with the handshake of shared/protocol/handshake.ts; before it is done nothing is sent and nothing but its messages taken.
 */
export class SocketConnection implements Connection {
  readonly #options: ConnectionOptions;
  readonly #socket: Socket;
  readonly #waiters = new Set<{ resolve: (session: Session) => void; reject: (error: Error) => void }>();
  #handshake: Handshake | undefined;
  /** Proved, and not yet welcomed. */
  #pending: Session | undefined;
  #session: Session | undefined;
  #refusal: HansaError | undefined;
  readonly #closing = new AbortController();
  #closed = false;
  #clockOffsetMs: number | undefined;
  #attempts = 0;
  #cancelTimer: () => void = () => undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const agent = proxyAgentFor(options.address);
    this.#socket = io(options.address, {
      autoConnect: false,
      forceNew: true,
      // Reconnecting is done here: Socket.IO gives up by itself where a server refuses or closes.
      reconnection: false,
      transports: ['websocket', 'polling'],
      tryAllTransports: true,
      timeout: ACKNOWLEDGE_TIMEOUT_MS,
      // Of the underlying websocket: a coordinator cannot make this process hold more.
      ...({ maxPayload: MAX_COORDINATOR_MESSAGE_BYTES } as object),
      // Of both transports; its type is for browsers, which have none.
      ...(agent !== undefined && ({ agent } as object)),
      auth: (give) => {
        this.#handshake = new Handshake(options.identity, options.random);
        give(z.encode(helloSchema, this.#handshake.hello));
      },
    });
    this.#socket.on('connect', () => this.#expect('the handshake'));
    this.#socket.on('connect_error', (error) => this.#connectFailed(error));
    this.#socket.on('disconnect', (reason) => this.#lost(reason));
    this.#socket.onAny((name: string, payload: unknown, acknowledge: unknown) => {
      void this.#received(name, payload, typeof acknowledge === 'function' ? (acknowledge as Acknowledge) : undefined);
    });
  }

  open(): void {
    this.#expect('a connection');
    void this.#askTime();
    this.#socket.connect();
  }

  get clockOffsetMs(): number | undefined {
    return this.#clockOffsetMs;
  }

  /** Beside the handshake, which takes more trips: the first refusal can tell of the clock already. */
  async #askTime(): Promise<void> {
    const { address, clock } = this.#options;
    // A coordinator that cannot be reached is told by the connection itself.
    const found = await probeCoordinator(address, clock, this.#closing.signal).catch(() => undefined);
    this.#clockOffsetMs = found?.clockOffsetMs ?? this.#clockOffsetMs;
  }

  close(): void {
    this.#closed = true;
    this.#closing.abort();
    this.#cancelTimer();
    this.#session = undefined;
    this.#pending = undefined;
    this.#socket.disconnect();
    this.#rejectWaiters(new HansaError('ConnectionLost', 'The connection to the coordinator was closed.'));
  }

  /** The session of the connection that stands, or of the next one. Rejects with the refusal, ConnectionLost once closed, or the signal's reason. */
  session(signal?: AbortSignal): Promise<Session> {
    if (this.#refusal !== undefined) return Promise.reject(this.#refusal);
    if (this.#closed) return Promise.reject(new HansaError('ConnectionLost', 'The connection was closed.'));
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#session !== undefined) return Promise.resolve(this.#session);
    return new Promise((resolve, reject) => {
      const onAbort = () => waiter.reject(signal?.reason);
      const settle = () => {
        this.#waiters.delete(waiter);
        signal?.removeEventListener('abort', onAbort);
      };
      const waiter = {
        resolve: (session: Session) => {
          settle();
          resolve(session);
        },
        reject: (error: Error) => {
          settle();
          reject(error);
        },
      };
      this.#waiters.add(waiter);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  async ready(signal: AbortSignal): Promise<void> {
    await this.session(signal);
  }

  download(order: Download): Promise<void> {
    return download({ ...order, address: this.#options.address, sessions: this });
  }

  upload(order: FileUpload): Promise<void> {
    return upload({ ...order, address: this.#options.address, sessions: this });
  }

  async send(name: string, body: unknown): Promise<unknown> {
    if (this.#session === undefined)
      throw new HansaError('ConnectionLost', 'There is no connection to the coordinator.');
    const timeoutMs = this.#options.acknowledgeTimeoutMs ?? ACKNOWLEDGE_TIMEOUT_MS;
    let reply: unknown;
    try {
      reply = await this.#socket.timeout(timeoutMs).emitWithAck(name, envelope(body));
    } catch (error) {
      throw this.#socket.connected
        ? new HansaError('Timeout', `The coordinator did not acknowledge "${name}".`, {}, { cause: error })
        : new HansaError('ConnectionLost', `The connection was lost before "${name}" was acknowledged.`);
    }
    const parsed = acknowledgementSchema.safeParse(reply);
    if (!parsed.success) throw new HansaError('InvalidMessage', `The acknowledgement of "${name}" is malformed.`);
    if (!parsed.data.ok) throw fromProblem(parsed.data.problem);
    return parsed.data.answer;
  }

  async #received(name: string, payload: unknown, acknowledge: Acknowledge | undefined): Promise<void> {
    try {
      const answer = await this.#handle(name, payload);
      acknowledge?.(answer === undefined ? { ok: true } : { ok: true, answer });
    } catch (error) {
      const level = error instanceof HansaError ? 'warn' : 'error';
      this.#options.log[level]({ name, err: error }, 'refused a message of the coordinator');
      acknowledge?.({ ok: false, problem: problemForPeer(error) });
      // Before the handshake is done these two say that there is nobody here to talk to; later they are one bad message.
      if (this.#session === undefined && error instanceof HansaError && HOPELESS.has(error.code)) this.#refuse(error);
    }
  }

  async #handle(name: string, payload: unknown): Promise<unknown> {
    assertProtocolVersion((payload as { v?: unknown } | null | undefined)?.v, {
      own: 'the node',
      peer: 'the coordinator',
    });
    const { body } = parseMessage(envelopeSchema, payload, name);
    if (name === 'refused') {
      this.#noteRefusal(fromProblem(parseMessage(refusedSchema, body, name)));
      return undefined;
    }
    if (name === 'challenge') return this.#answerChallenge(body);
    if (name === 'welcome') return this.#welcomed(body);
    if (this.#session === undefined)
      throw new HansaError('UnexpectedMessage', `"${name}" came before the handshake was done.`);
    return this.#options.handlers.message(name, body);
  }

  #answerChallenge(body: unknown): unknown {
    const handshake = this.#handshake;
    if (handshake === undefined) throw new HansaError('UnexpectedMessage', 'A second challenge on one connection.');
    const challenge = parseMessage(challengeSchema, body, 'challenge');
    const { signature, session } = handshake.answer(challenge);
    this.#handshake = undefined;
    this.#pending = session;
    return z.encode(challengeAnswerSchema, { signature });
  }

  #welcomed(body: unknown): undefined {
    const session = this.#pending;
    if (session === undefined) throw new HansaError('UnexpectedMessage', 'A welcome without a challenge.');
    parseMessage(welcomeSchema, body, 'welcome');
    this.#pending = undefined;
    this.#session = session;
    this.#attempts = 0;
    this.#cancelTimer();
    this.#options.handlers.ready();
    for (const waiter of [...this.#waiters]) waiter.resolve(session);
    return undefined;
  }

  #connectFailed(error: Error & { data?: unknown }): void {
    const problem = problemSchema.safeParse(error.data);
    if (problem.success) {
      this.#noteRefusal(fromProblem(problem.data));
      if (this.#refusal !== undefined) return;
    }
    this.#lost(problem.success ? problem.data.detail : failureCause(error));
  }

  #lost(reason: string): void {
    const wasReady = this.#session !== undefined;
    this.#session = undefined;
    this.#pending = undefined;
    this.#cancelTimer();
    if (this.#closed || this.#refusal !== undefined) return;
    this.#options.log[wasReady ? 'warn' : 'debug']({ reason }, 'no connection to the coordinator');
    this.#options.handlers.lost(reason);
    const delayMs = retryDelayMs(this.#attempts);
    this.#attempts += 1;
    // Spread by up to half, so that a coordinator that restarts does not meet all its nodes at once.
    const spread = 0.5 + (this.#options.random.bytes(1)[0] ?? 0) / 512;
    this.#cancelTimer = this.#options.clock.schedule(delayMs * spread, () => this.open());
  }

  /** A refusal that a retry cannot change ends this connection; any other is followed by the disconnect that the coordinator announces. */
  #noteRefusal(error: HansaError): void {
    if (!error.retry) this.#refuse(error);
  }

  #refuse(error: HansaError): void {
    this.#refusal = error;
    this.close();
    this.#options.handlers.refused(error);
  }

  /** Starts over where a connection stands without getting any further. */
  #expect(what: string): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#options.clock.schedule(2 * ACKNOWLEDGE_TIMEOUT_MS, () => {
      const stood = this.#socket.connected;
      this.#socket.disconnect();
      // A connection that stood tells of its end itself.
      if (!stood) this.#lost(`${what} took too long`);
    });
  }

  #rejectWaiters(error: HansaError): void {
    for (const waiter of [...this.#waiters]) waiter.reject(this.#refusal ?? error);
  }
}

function envelope(body: unknown): unknown {
  return { v: PROTOCOL_VERSION, id: randomUUID(), body };
}
