import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { IdentityKey, newIdentitySeed, sha256, verifyLabelled } from '@hansa/shared/crypto';
import {
  acknowledgementSchema,
  challengeAnswerSchema,
  challengeSchema,
  enrolmentAnswerSchema,
  enrolmentRequestSchema,
  helloSchema,
  newJoinToken,
  PROTOCOL_VERSION,
} from '@hansa/shared/protocol';
import { type Approval, enc } from '@hansa/shared/protocol/secagg';
import { systemRandom } from '@hansa/shared/random';
import { listenLocally } from '@hansa/shared/testing';
import { Server, type Socket } from 'socket.io';
import { z } from 'zod';

/** How long the attacker waits before it counts a node as silent. No row expects silence, so no run waits this long. */
const PATIENCE_MS = 300_000;

/** A node did not do what the attacker wanted of it. */
export class Refused extends Error {
  /** The code with which the node answered or abandoned its set-up; `silence` where it did neither. */
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** What a node sent. */
interface Heard {
  readonly name: string;
  readonly body: unknown;
}

/** A member as the roster lists it. */
export interface Enrolled {
  readonly id: string;
  readonly publicKey: Uint8Array;
  readonly approval: Approval;
}

/**
 * A coordinator under an attacker's control: keys, handshake and transfers are genuine, and a script decides every other message.
 *
 * Roster indexes name the nodes.
 */
export class Rogue {
  readonly key = new IdentityKey(newIdentitySeed(systemRandom));
  readonly federation = randomUUID();
  /** Models by SHA-256, hexadecimal. */
  readonly blobs = new Map<string, Uint8Array>();
  readonly enrolled = new Map<number, Enrolled>();
  /** Masked vectors as they arrived, newest last. */
  readonly uploads: { readonly node: number; readonly bytes: Uint8Array }[] = [];
  /** The session id of the next challenges: an attacker may choose the bytes that a node signs. */
  nextSessionId: ((node: number) => Uint8Array) | undefined;
  /** The nodes' answers to their last challenge. */
  readonly helloSignatures = new Map<number, Uint8Array>();
  address = '';
  readonly #http = createServer((request, response) => void this.#serve(request, response));
  readonly #io = new Server(this.#http, { serveClient: false, maxHttpBufferSize: 8 << 20 });
  readonly #tokens = new Map<string, number>();
  readonly #sockets = new Map<number, Socket>();
  readonly #inbox = new Map<number, Heard[]>();
  readonly #gaveUp = new Map<number, string>();
  readonly #watchers = new Set<() => void>();

  constructor() {
    this.#io.on('connection', (socket) => void this.#handshake(socket).catch(() => socket.disconnect(true)));
  }

  async listen(): Promise<this> {
    this.address = await listenLocally(this.#http);
    return this;
  }

  async close(): Promise<void> {
    await this.#io.close();
  }

  /** A join token of the consortium's approver, whose key the attacker does not have, for the member that gets this index. */
  joinToken(node: number, approver: IdentityKey): string {
    const scope = { federation: this.federation, coordinatorKey: this.key.publicKey };
    const { text, registration } = newJoinToken({ scope, expiresAtMs: Date.now() + 3_600_000, approver }, systemRandom);
    this.#tokens.set(Buffer.from(registration.secretHash).toString('hex'), node);
    return text;
  }

  /** Stores a model and gives its hash. */
  keep(model: Uint8Array): Uint8Array {
    const hash = sha256(model);
    this.blobs.set(Buffer.from(hash).toString('hex'), model);
    return hash;
  }

  /** Resolves once the node has connected and finished its handshake. */
  async connected(node: number): Promise<void> {
    await this.#until(() => this.#sockets.has(node), `node ${node} does not connect`);
  }

  /** Closes a node's connection; the node reconnects by itself. */
  hangUp(node: number): void {
    const socket = this.#sockets.get(node);
    this.#sockets.delete(node);
    socket?.disconnect(true);
  }

  /** Sends one message unchanged. @throws Refused (with the code that the node answers) */
  async tell(node: number, name: string, body: unknown, envelope: object = {}): Promise<unknown> {
    const socket = this.#sockets.get(node);
    if (socket === undefined) throw new Refused('ConnectionLost', `node ${node} is not connected`);
    let hungUp: () => void = () => undefined;
    const end = new Promise<never>((_, reject) => {
      hungUp = () => reject(new Refused('ConnectionLost', `node ${node} hung up at "${name}"`));
    });
    socket.once('disconnect', hungUp);
    const message = { v: PROTOCOL_VERSION, id: randomUUID(), body, ...envelope };
    const silence = () => Promise.reject(new Refused('silence', `node ${node} did not acknowledge "${name}"`));
    const asked = socket.timeout(PATIENCE_MS).emitWithAck(name, message).catch(silence);
    // The one that comes second is ignored.
    asked.catch(() => undefined);
    const reply = await Promise.race([asked, end]).finally(() => socket.off('disconnect', hungUp));
    const parsed = acknowledgementSchema.parse(reply);
    if (!parsed.ok) throw new Refused(parsed.problem.code, parsed.problem.detail);
    return parsed.answer;
  }

  /** The next message of that name from a node. @throws Refused (when the node abandons its set-up instead, or stays silent) */
  async hear(node: number, name: string, matches: (body: unknown) => boolean = () => true): Promise<unknown> {
    const find = () => this.#inbox.get(node)?.findIndex((one) => one.name === name && matches(one.body)) ?? -1;
    await this.#until(() => find() >= 0 || this.#gaveUp.has(node), `node ${node} sends no "${name}"`);
    const at = find();
    if (at < 0) throw new Refused(this.#gaveUp.get(node)!, `node ${node} gave its set-up up`);
    return this.#inbox.get(node)!.splice(at, 1)[0]!.body;
  }

  /** Notes that the node has abandoned its set-up. */
  noteGivenUp(node: number, code: string): void {
    this.#gaveUp.set(node, code);
    this.#changed();
  }

  /** Drops the messages of nodes so far. */
  startAfresh(): void {
    this.#inbox.clear();
    this.#gaveUp.clear();
  }

  async #until(condition: () => boolean, otherwise: string): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    while (!condition()) {
      const leftMs = deadline - Date.now();
      if (leftMs <= 0) throw new Refused('silence', otherwise);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#watchers.add(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  #changed(): void {
    const watchers = [...this.#watchers];
    this.#watchers.clear();
    for (const watcher of watchers) watcher();
  }

  async #handshake(socket: Socket): Promise<void> {
    const hello = helloSchema.parse(socket.handshake.auth);
    const [node] = [...this.enrolled].find(([, { id }]) => id === hello.clientId) ?? [];
    if (node === undefined) throw new Error('a stranger connects');
    const sessionId = this.nextSessionId?.(node) ?? systemRandom.bytes(32);
    const signature = this.key.sign('challenge', enc(this.federation, hello.clientId, hello.clientNonce, sessionId));
    const challenge = z.encode(challengeSchema, { federation: this.federation, sessionId, signature });
    const ask = (name: string, body: unknown) =>
      socket.timeout(PATIENCE_MS).emitWithAck(name, { v: PROTOCOL_VERSION, id: randomUUID(), body });
    const reply = acknowledgementSchema.parse(await ask('challenge', challenge));
    if (!reply.ok) throw new Error('the challenge was refused');
    this.helloSignatures.set(node, challengeAnswerSchema.parse(reply.answer).signature);
    socket.onAny((name: string, payload: { body: unknown }, acknowledge?: (reply: unknown) => void) => {
      acknowledge?.(this.#received(node, name, payload.body));
    });
    socket.on('disconnect', () => {
      if (this.#sockets.get(node) === socket) this.#sockets.delete(node);
    });
    await ask('welcome', {});
    this.#sockets.set(node, socket);
    this.#changed();
  }

  #received(node: number, name: string, body: unknown): object {
    if (name === 'leave') {
      this.noteGivenUp(node, (body as { code: string }).code);
      return { ok: true };
    }
    const heard = this.#inbox.get(node) ?? [];
    heard.push({ name, body });
    this.#inbox.set(node, heard);
    this.#changed();
    if (name !== 'maskedInputHeader') return { ok: true };
    const { byteLength } = body as { byteLength: number };
    return { ok: true, answer: { path: `/v1/uploads/${node}-${byteLength}-${randomUUID()}` } };
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '';
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk as Uint8Array);
    const body = Buffer.concat(chunks);
    if (path === '/v1/enrolments') return this.#enrol(JSON.parse(body.toString()), response);
    if (path.startsWith('/v1/blobs/')) {
      const model = this.blobs.get(path.slice('/v1/blobs/'.length));
      response.writeHead(model === undefined ? 404 : 200, { 'content-length': model?.length ?? 0 });
      response.end(model);
      return;
    }
    // PATH: member, length, something unique.
    const [node, length] = path.slice('/v1/uploads/'.length).split('-').map(Number) as [number, number];
    const tus = { 'tus-resumable': '1.0.0', 'cache-control': 'no-store' };
    if (request.method === 'HEAD') {
      response.writeHead(200, { ...tus, 'upload-offset': '0', 'upload-length': String(length) }).end();
      return;
    }
    this.uploads.push({ node, bytes: body });
    response.writeHead(204, { ...tus, 'upload-offset': String(body.length) }).end();
    this.#changed();
  }

  #enrol(value: unknown, response: ServerResponse): void {
    const request = enrolmentRequestSchema.parse(value);
    const signed = enc(this.key.publicKey, request.secret, request.publicKey);
    if (!verifyLabelled(request.publicKey, 'enrol', signed, request.signature)) throw new Error('a bad enrolment');
    const node = this.#tokens.get(Buffer.from(sha256(request.secret)).toString('hex'));
    const { approval } = request;
    if (node === undefined || approval === undefined) throw new Error('an unknown token');
    const clientId = randomUUID();
    this.enrolled.set(node, { id: clientId, publicKey: request.publicKey, approval });
    const answer = z.encode(enrolmentAnswerSchema, {
      federation: this.federation,
      clientId,
      coordinatorPublicKey: this.key.publicKey,
      signature: this.key.sign('enrolled', enc(this.federation, clientId, request.publicKey)),
    });
    response.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  }
}
