import { randomUUID } from 'node:crypto';
import type { IdentityKey } from '@hansa/shared/crypto';
import { fromProblem, type HansaError, problemSchema, toProblem } from '@hansa/shared/errors';
import { acknowledgementSchema, challengeSchema, httpSignatureHeaders, PROTOCOL_VERSION } from '@hansa/shared/protocol';
import { enc } from '@hansa/shared/protocol/secagg';
import { systemRandom } from '@hansa/shared/random';
import { io, type Socket } from 'socket.io-client';

/** Longer than any coordinator needs, on any machine; the timeout is what lets a request end with its connection. */
const ACKNOWLEDGE_TIMEOUT_MS = 600_000;

/** Who connects, and to whom. */
export interface ToyIdentity {
  readonly clientId: string;
  readonly key: IdentityKey;
  readonly federation: string;
  readonly coordinatorKey: Uint8Array;
}

/** A node's connection to the coordinator: the handshake, messages both ways, signed HTTP requests. It is made once and not made again when it breaks. */
export abstract class ToyConnection {
  readonly identity: ToyIdentity;
  readonly #address: string;
  readonly #ready: Promise<void>;
  #markReady: () => void = () => undefined;
  #socket: Socket | undefined;
  #nonce: Uint8Array = new Uint8Array(0);
  #sessionId: Uint8Array = new Uint8Array(0);
  #counter = 0;

  protected constructor(address: string, identity: ToyIdentity) {
    this.#address = address;
    this.identity = identity;
    this.#ready = new Promise((resolve) => {
      this.#markReady = resolve;
    });
  }

  /** A message of the coordinator after the handshake; `isUp` tells whether the connection that it came on still stands. @throws HansaError (which refuses it) */
  protected abstract receive(name: string, body: unknown, isUp: () => boolean): Promise<void>;

  /** Connects; resolves once the handshake is done, rejects with the coordinator's refusal. */
  connect(auth: Record<string, unknown> = {}): Promise<void> {
    this.#nonce = systemRandom.bytes(32);
    const { clientId } = this.identity;
    const socket = io(this.#address, {
      forceNew: true,
      reconnection: false,
      transports: ['websocket'],
      auth: { protocolVersion: PROTOCOL_VERSION, clientId, clientNonce: text(this.#nonce), ...auth },
    });
    this.#socket = socket;
    return new Promise((resolve, reject) => {
      socket.on('connect_error', (error: Error & { data?: unknown }) => {
        const problem = problemSchema.safeParse(error.data);
        reject(problem.success ? fromProblem(problem.data) : error);
      });
      socket.on('refused', (payload: { body: unknown }) => reject(fromProblem(problemSchema.parse(payload.body))));
      socket.onAny((name: string, { body }: { body: unknown }, acknowledge?: (reply: unknown) => void) => {
        this.#received(name, body, socket).then(
          (answer) => acknowledge?.(answer === undefined ? { ok: true } : { ok: true, answer }),
          (error: unknown) => acknowledge?.({ ok: false, problem: toProblem(error) }),
        );
      });
      void this.#ready.then(resolve);
    });
  }

  /** Sends a message as it is given and resolves to the acknowledgement's answer. @throws HansaError (what the coordinator refused with) */
  async send(name: string, body: unknown, v: unknown = PROTOCOL_VERSION): Promise<unknown> {
    const reply = await this.#socket?.timeout(ACKNOWLEDGE_TIMEOUT_MS).emitWithAck(name, { v, id: randomUUID(), body });
    const parsed = acknowledgementSchema.parse(reply);
    if (!parsed.ok) throw fromProblem(parsed.problem);
    return parsed.answer;
  }

  /** A signed HTTP request. */
  request(method: string, path: string, init: RequestInit = {}, counter = ++this.#counter): Promise<Response> {
    const { federation, key } = this.identity;
    const signed = enc(federation, this.#sessionId, String(counter), method, path);
    return fetch(`${this.#address}${path}`, {
      ...init,
      method,
      headers: {
        ...init.headers,
        [httpSignatureHeaders.sessionId]: text(this.#sessionId),
        [httpSignatureHeaders.counter]: String(counter),
        [httpSignatureHeaders.signature]: text(key.sign('http', signed)),
      },
    });
  }

  /** Uploads bytes from where the coordinator says their upload stands. */
  async upload(path: string, bytes: Uint8Array): Promise<void> {
    const head = await this.request('HEAD', path, { headers: { 'tus-resumable': '1.0.0' } });
    const offset = Number(head.headers.get('upload-offset'));
    if (!head.ok || offset === bytes.length) return;
    await this.request('PATCH', path, {
      headers: {
        'tus-resumable': '1.0.0',
        'upload-offset': String(offset),
        'content-type': 'application/offset+octet-stream',
      },
      body: Buffer.from(bytes.subarray(offset)),
    });
  }

  /** Calls back with the reason when the coordinator hangs up. */
  onRefused(callback: (error: HansaError) => void): void {
    this.#socket?.once('refused', (payload: { body: unknown }) =>
      callback(fromProblem(problemSchema.parse(payload.body))),
    );
  }

  onDisconnect(callback: () => void): void {
    this.#socket?.once('disconnect', callback);
  }

  /** Breaks the connection; the process lives on. */
  disconnect(): void {
    this.#socket?.disconnect();
  }

  async #received(name: string, body: unknown, from: Socket): Promise<unknown> {
    if (name === 'challenge') return this.#answerChallenge(body);
    if (name === 'welcome') this.#markReady();
    else if (name !== 'refused') await this.receive(name, body, () => from.connected);
    return undefined;
  }

  #answerChallenge(body: unknown): unknown {
    const { federation, coordinatorKey, clientId, key } = this.identity;
    const challenge = challengeSchema.parse(body);
    this.#sessionId = Uint8Array.from(challenge.sessionId);
    this.#counter = 0;
    const signed = enc(federation, coordinatorKey, clientId, this.#nonce, challenge.sessionId);
    return { signature: text(key.sign('hello', signed)) };
  }
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
