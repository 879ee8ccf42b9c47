import { randomUUID } from 'node:crypto';
import type { Server as HttpServer } from 'node:http';
import type { IdentityPort } from '@hansa/aggregation/secagg/server';
import type { Clock } from '@hansa/shared/clock';
import { verifyLabelled } from '@hansa/shared/crypto';
import { fromProblem, HansaError, toProblem } from '@hansa/shared/errors';
import type { Logger } from '@hansa/shared/log';
import {
  type Acknowledgement,
  acknowledgementSchema,
  assertProtocolVersion,
  challengeAnswerSchema,
  challengeSchema,
  envelopeSchema,
  type Hello,
  helloSchema,
  MAX_NODE_MESSAGE_BYTES,
  PROTOCOL_VERSION,
} from '@hansa/shared/protocol';
import { enc } from '@hansa/shared/protocol/secagg';
import type { RandomSource } from '@hansa/shared/random';
import { type ExtendedError, Server, type Socket } from 'socket.io';
import { z } from 'zod';
import { countAuthFailure, guarded } from '../auth/authFailures.ts';
import type { FailureLimit } from '../auth/failureLimit.ts';
import type { NodeSessions } from '../auth/nodeSessions.ts';
import type { Metrics } from '../metrics/createMetrics.ts';
import { metricNames } from '../metrics/metricNames.ts';
import type { ByteLedger } from '../round/byteLedger.ts';
import { parseMessage } from '../round/messages/parseMessage.ts';
import type { NodeConnections } from '../round/ports.ts';
import type { ClientRow, StateStore } from '../storage/stateStore.ts';
import { MessageRate } from './messageRate.ts';

const ACKNOWLEDGE_TIMEOUT_MS = 15_000;
const HEARTBEAT_MS = 10_000;

export interface GatewayPorts {
  readonly federation: string;
  readonly identity: IdentityPort;
  readonly store: StateStore;
  readonly sessions: NodeSessions;
  readonly failures: FailureLimit;
  readonly bytes: ByteLedger;
  readonly metrics: Metrics;
  readonly random: RandomSource;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What the gateway calls. */
export interface NodeEvents {
  connected(clientId: string): Promise<void>;
  disconnected(clientId: string): Promise<void>;
  /** Resolves to the acknowledgement's answer; what it throws becomes the refusal. */
  receive(clientId: string, name: string, body: unknown): Promise<unknown>;
}

interface Arrival {
  readonly hello: Hello;
  readonly client: ClientRow;
}

/**
 * The nodes' control messages over Socket.IO: handshake, envelope, limits. A node's id is what its handshake proved; no message can claim another.
 *
 * One connection a node: a newer one displaces the older.
 */
export class NodeGateway implements NodeConnections {
  readonly #ports: GatewayPorts;
  readonly #io: Server;
  readonly #sockets = new Map<string, Socket>();
  #events: NodeEvents | undefined;
  #draining = false;

  constructor(ports: GatewayPorts) {
    this.#ports = ports;
    this.#io = new Server({
      serveClient: false,
      maxHttpBufferSize: MAX_NODE_MESSAGE_BYTES,
      perMessageDeflate: false,
      httpCompression: false,
      pingInterval: HEARTBEAT_MS,
      pingTimeout: HEARTBEAT_MS,
      connectTimeout: ACKNOWLEDGE_TIMEOUT_MS,
    });
    this.#io.use((socket, next) => {
      this.#admit(socket).then(
        () => next(),
        (error: unknown) => next(refusal(error)),
      );
    });
    this.#io.on('connection', (socket) => {
      this.#handshake(socket, socket.data as Arrival).catch((error: unknown) => this.#refuse(socket, error));
    });
  }

  attach(server: HttpServer, events: NodeEvents): void {
    this.#events = events;
    this.#io.attach(server);
  }

  connected(): readonly string[] {
    return [...this.#sockets.keys()];
  }

  async send(clientId: string, name: string, body: unknown): Promise<void> {
    const socket = this.#sockets.get(clientId);
    if (socket === undefined) throw new HansaError('ConnectionLost', `The node ${clientId} is not connected.`);
    await request(socket, name, body);
  }

  /** No further node is let in. */
  drain(): void {
    this.#draining = true;
  }

  async close(): Promise<void> {
    this.#draining = true;
    this.#io.disconnectSockets(true);
    // What made the HTTP server closes it.
    await new Promise<void>((resolve) => this.#io.engine.close() && resolve());
  }

  async #admit(socket: Socket): Promise<void> {
    await guarded(this.#ports, 'handshake', socket.handshake.address, async () => {
      if (this.#draining || this.#events === undefined) {
        throw new HansaError('Unavailable', 'The coordinator is stopping or not ready yet.');
      }
      const auth: { protocolVersion?: unknown } = socket.handshake.auth;
      assertProtocolVersion(auth.protocolVersion, { own: 'the coordinator', peer: 'the node' });
      const hello = parseMessage(helloSchema, auth, 'hello');
      const client = await this.#ports.store.client(hello.clientId);
      if (client === undefined) {
        throw new HansaError(
          'UnknownClient',
          `No node ${hello.clientId} is enrolled in this federation. Enrol it with a join token from the consortium admin (hansa-client enrol).`,
        );
      }
      const arrival: Arrival = { hello, client };
      Object.assign(socket.data, arrival);
    });
  }

  async #handshake(socket: Socket, { hello, client }: Arrival): Promise<void> {
    const { federation, identity, random, sessions, store, clock, log } = this.#ports;
    const sessionId = random.bytes(32);
    const challenge = {
      federation,
      sessionId,
      signature: identity.sign('challenge', enc(federation, client.id, hello.clientNonce, sessionId)),
    };
    // Nothing but the answer is taken before the handshake is done; a socket without listeners would ignore it silently.
    const early = (_name: string, ...rest: unknown[]) =>
      acknowledge(rest, refused(new HansaError('UnexpectedMessage', 'The handshake is not done yet.')));
    socket.onAny(early);
    const reply = await request(socket, 'challenge', z.encode(challengeSchema, challenge));
    const { signature } = parseMessage(challengeAnswerSchema, reply, 'challenge answer');
    const signed = enc(federation, identity.publicKey, client.id, hello.clientNonce, sessionId);
    if (!verifyLabelled(client.publicKey, 'hello', signed, signature)) {
      throw new HansaError(
        'BadSignature',
        `This node did not sign with the key that ${client.id} enrolled. Is its identity file the one it enrolled with?`,
      );
    }
    socket.offAny(early);
    sessions.open(client.id, client.publicKey, sessionId);
    await store.markSeen(client.id, clock.now());
    if (!socket.connected) return;
    this.#displace(client.id);
    this.#sockets.set(client.id, socket);
    this.#listen(socket, client.id);
    this.#ports.metrics.clientsConnected.set(this.#sockets.size);
    log.info({ client: client.id }, 'node connected');
    await request(socket, 'welcome', {});
    if (this.#sockets.get(client.id) === socket) await this.#events?.connected(client.id);
  }

  #listen(socket: Socket, clientId: string): void {
    const { bytes, clock, log } = this.#ports;
    const rate = new MessageRate(clock);
    // Counted below Socket.IO: what really went over the connection, acknowledgements and heartbeats too.
    socket.conn.on('packet', ({ data }) => bytes.add(clientId, 'up', 'control', sizeOf(data)));
    socket.conn.on('packetCreate', ({ data }) => bytes.add(clientId, 'down', 'control', sizeOf(data)));
    socket.onAny((name: string, ...rest: unknown[]) => {
      if (!rate.take()) {
        this.#refuse(socket, new HansaError('TooManyRequests', 'Too many messages in too short a time.'));
        return;
      }
      void this.#received(clientId, name, rest);
    });
    socket.on('disconnect', (reason) => {
      if (this.#sockets.get(clientId) !== socket) return;
      this.#sockets.delete(clientId);
      this.#ports.metrics.clientsConnected.set(this.#sockets.size);
      log.info({ client: clientId, reason }, 'node disconnected');
      this.#events?.disconnected(clientId).catch((err) => log.error({ err }, 'a disconnection was not noted'));
    });
  }

  async #received(clientId: string, name: string, rest: unknown[]): Promise<void> {
    const { log } = this.#ports;
    try {
      const [payload] = rest;
      assertProtocolVersion((payload as { v?: unknown } | null | undefined)?.v, {
        own: 'the coordinator',
        peer: 'the node',
      });
      const { body, id } = parseMessage(envelopeSchema, payload, name.slice(0, 40));
      log.debug({ client: clientId, name, id }, 'message');
      const answer = await this.#events?.receive(clientId, name, body);
      acknowledge(rest, answer === undefined ? { ok: true } : { ok: true, answer });
    } catch (error) {
      this.#countRefusal(error);
      if (error instanceof HansaError) {
        log.info(
          { client: clientId, name: name.slice(0, 40), code: error.code, reason: error.message },
          'message refused',
        );
      } else {
        log.error({ client: clientId, name: name.slice(0, 40), err: error }, 'a message could not be handled');
      }
      acknowledge(rest, refused(error));
    }
  }

  #countRefusal(error: unknown): void {
    const code = error instanceof HansaError ? error.code : 'other';
    const known = metricNames.hansa_messages_refused_total.labels.code.find((one) => one === code);
    this.#ports.metrics.messagesRefused.inc({ code: known ?? 'other' });
  }

  #displace(clientId: string): void {
    const older = this.#sockets.get(clientId);
    if (older === undefined) return;
    this.#sockets.delete(clientId);
    this.#refuse(
      older,
      new HansaError('IdentityLocked', 'Another process connected as this node; only the newest connection counts.'),
    );
  }

  /** Says why, then disconnects. */
  #refuse(socket: Socket, error: unknown): void {
    if (error instanceof HansaError) {
      countAuthFailure(
        this.#ports,
        'handshake',
        socket.handshake.address,
        error.code === 'TooManyRequests' ? undefined : error,
      );
      this.#countRefusal(error);
    } else {
      this.#ports.log.error({ err: error }, 'a connection failed');
    }
    this.#ports.log.info({ reason: (error as Error).message }, 'connection refused');
    if (!socket.connected) return;
    socket.emit('refused', envelope(toProblem(error)));
    socket.disconnect(true);
  }
}

const envelope = (body: unknown) => ({ v: PROTOCOL_VERSION, id: randomUUID(), body });

/** Sends one message and gives the answer in its acknowledgement. */
async function request(socket: Socket, name: string, body: unknown): Promise<unknown> {
  let reply: unknown;
  try {
    reply = await socket.timeout(ACKNOWLEDGE_TIMEOUT_MS).emitWithAck(name, envelope(body));
  } catch (error) {
    const code = socket.connected ? 'Timeout' : 'ConnectionLost';
    throw new HansaError(code, `The node did not acknowledge "${name}".`, {}, { cause: error });
  }
  const parsed = acknowledgementSchema.safeParse(reply);
  if (!parsed.success) throw new HansaError('InvalidMessage', `The acknowledgement of "${name}" is malformed.`);
  if (!parsed.data.ok) throw fromProblem(parsed.data.problem);
  return parsed.data.answer;
}

function acknowledge(rest: readonly unknown[], acknowledgement: Acknowledgement): void {
  const callback = rest.at(-1);
  if (typeof callback === 'function') callback(acknowledgement);
}

const refused = (error: unknown): Acknowledgement => ({ ok: false, problem: toProblem(error) });

function refusal(error: unknown): ExtendedError {
  const problem = toProblem(error);
  const wrapped: ExtendedError = new Error(problem.detail);
  wrapped.data = problem;
  return wrapped;
}

function sizeOf(data: unknown): number {
  if (typeof data === 'string') return Buffer.byteLength(data);
  return data instanceof Uint8Array || data instanceof ArrayBuffer ? data.byteLength : 0;
}
