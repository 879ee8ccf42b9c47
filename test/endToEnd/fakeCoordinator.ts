import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { IdentityKey, SecretBytes, verifyLabelled } from '@hansa/shared/crypto';
import { challengeAnswerSchema, challengeSchema, helloSchema, PROTOCOL_VERSION } from '@hansa/shared/protocol';
import { enc } from '@hansa/shared/protocol/secagg';
import { seededRandom } from '@hansa/shared/random';
import { listenLocally } from '@hansa/shared/testing';
import { Server, type Socket } from 'socket.io';
import { z } from 'zod';

const random = seededRandom('fake coordinator');
export const federation = '6f0c1d0e-1111-4222-8333-444455556666';
export const clientId = '7f0c1d0e-1111-4222-8333-444455556666';
const sessionId = random.bytes(32);

export const envelope = (body: unknown, change: object = {}) => ({
  v: PROTOCOL_VERSION,
  id: randomUUID(),
  body,
  ...change,
});

export interface FakeSettings {
  readonly transports?: ('websocket' | 'polling')[];
  /** What the challenge becomes on the wire. */
  readonly challenge?: (wire: object) => object;
  /** Sent to a node between the challenge and the welcome. */
  readonly early?: (socket: Socket) => Promise<void>;
  readonly onConnection?: (socket: Socket) => Promise<void>;
}

/** The coordinator's end of the wire in a test's hands: a true handshake, and after it whatever the test wants. */
export class FakeCoordinator {
  readonly key = new IdentityKey(new SecretBytes(random.bytes(32)));
  readonly node = new IdentityKey(new SecretBytes(random.bytes(32)));
  readonly nonces: string[] = [];
  readonly received: { name: string; payload: unknown; acknowledge: (reply: unknown) => void }[] = [];
  readonly io: Server;
  /** Problems with which the next connections are refused before they stand. */
  readonly refusals: object[] = [];
  socket: Socket | undefined;
  welcomed = 0;
  address = '';
  readonly #http = createServer();
  readonly #settings: FakeSettings;
  readonly #watchers = new Set<() => void>();

  constructor(settings: FakeSettings = {}) {
    this.#settings = settings;
    this.io = new Server(this.#http, { transports: settings.transports ?? ['websocket', 'polling'] });
    this.io.use((_socket, next) => {
      const problem = this.refusals.shift();
      next(problem === undefined ? undefined : Object.assign(new Error('refused'), { data: problem }));
    });
    this.io.on('connection', (socket) => {
      this.socket = socket;
      socket.onAny((name: string, payload: unknown, acknowledge: (reply: unknown) => void) => {
        this.received.push({ name, payload, acknowledge });
        this.#changed();
      });
      (this.#settings.onConnection ?? ((one) => this.handshake(one)))(socket).catch(() => undefined);
    });
  }

  async listen(): Promise<this> {
    this.address = await listenLocally(this.#http);
    return this;
  }

  async close(): Promise<void> {
    await this.io.close();
  }

  get identity() {
    const approvals = { by: 'members' as const };
    return { federation, clientId, coordinatorPublicKey: this.key.publicKey, approvals, key: this.node };
  }

  async handshake(socket: Socket): Promise<void> {
    const hello = helloSchema.parse(socket.handshake.auth);
    this.nonces.push(Buffer.from(hello.clientNonce).toString('hex'));
    const signature = this.key.sign('challenge', enc(federation, clientId, hello.clientNonce, sessionId));
    const wire = z.encode(challengeSchema, { federation, sessionId, signature });
    const reply = await this.ask('challenge', wire, this.#settings.challenge);
    await this.#settings.early?.(socket);
    const { signature: answer } = challengeAnswerSchema.parse((reply as { answer: unknown }).answer);
    const signed = enc(federation, this.key.publicKey, clientId, hello.clientNonce, sessionId);
    if (!verifyLabelled(this.node.publicKey, 'hello', signed, answer)) throw new Error('the node signed wrongly');
    await this.ask('welcome', {});
    this.welcomed += 1;
    this.#changed();
  }

  /** Sends a message and gives its acknowledgement. */
  async ask(name: string, body: unknown, change: (wire: object) => object = (wire) => wire): Promise<unknown> {
    return this.socket?.timeout(300_000).emitWithAck(name, change(envelope(body)));
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#watchers.add(resolve));
  }

  #changed(): void {
    for (const watcher of [...this.#watchers]) {
      this.#watchers.delete(watcher);
      watcher();
    }
  }
}
