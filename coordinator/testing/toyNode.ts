import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  acceptRoster,
  type ClientEffect,
  type ClientEvent,
  type ClientOutcome,
  type ClientPolicy,
  type ClientPorts,
  type ClientState,
  createMemory,
  type JournalledMemory,
  type MaskPlan,
  step,
  waiting,
} from '@hansa/aggregation/secagg/client';
import { maskedTiles, rotationSeed, type TailValues, updateOf } from '@hansa/aggregation/secagg/encoding';
import { type DrawEvent, type DrawState, idleDraw, stepDraw } from '@hansa/aggregation/secagg/grouping';
import {
  equalBytes,
  fingerprintOf,
  IdentityKey,
  newIdentitySeed,
  type SignatureLabel,
  sha256,
} from '@hansa/shared/crypto';
import { fromProblem, HansaError, problemSchema, toProblem } from '@hansa/shared/errors';
import {
  acknowledgementSchema,
  challengeSchema,
  type EnrolmentRequest,
  enrolmentAnswerSchema,
  enrolmentRequestSchema,
  httpSignatureHeaders,
  type MemberApprovalAnswer,
  memberApprovalAnswerSchema,
  PROTOCOL_VERSION,
  parseJoinToken,
  type TaskEnded,
  taskEndedSchema,
  uploadTicketSchema,
} from '@hansa/shared/protocol';
import {
  type ApprovalRule,
  approveMember,
  coordinatorMessages,
  decodeMessage,
  enc,
  encodeMessage,
  type Open,
  type SecAggConfig,
  type SetupMessageName,
  setupId,
} from '@hansa/shared/protocol/secagg';
import { systemRandom } from '@hansa/shared/random';
import { io, type Socket } from 'socket.io-client';
import { z } from 'zod';

/** Longer than any coordinator needs, on any machine; the timeout is what lets a request end with its connection. */
const ACKNOWLEDGE_TIMEOUT_MS = 600_000;

/**
 * Many toy nodes share a process with their coordinator, and each must stay able to answer: they compute one after the other, with a turn of the
 * event loop between them, or a hundred would keep the coordinator's heartbeats waiting until it hangs up.
 */
const ownTurn = (() => {
  let last = Promise.resolve();
  return (): Promise<void> => {
    last = last.then(() => nextTurn());
    return last;
  };
})();

export interface ToyNodeOptions {
  readonly address: string;
  readonly token: string;
  /** The update of a round; the node does not train. */
  readonly update: (round: number, config: SecAggConfig) => Float32Array;
  readonly tail?: TailValues;
  readonly policy?: Partial<ClientPolicy>;
  /** What stands in the enrolment request instead of the truth. */
  readonly enrolment?: (identity: IdentityKey, request: EnrolmentRequest) => Partial<EnrolmentRequest>;
  /** Called before each effect of the node's reducer; what it throws is thrown away with the effect. */
  readonly before?: (effect: ClientEffect, node: ToyNode) => void | Promise<void>;
}

/** One set-up of a toy node: at most two at once, one in its round and one made ahead. */
interface ToySetup {
  readonly sid: Uint8Array;
  state: ClientState;
  masks: MaskPlan | undefined;
  vector: Uint8Array | undefined;
  effects: Promise<void>;
}

/** A node without data or training, over the real wire: it speaks the whole protocol with updates it is given. */
export class ToyNode {
  readonly clientId: string;
  readonly outcomes: ClientOutcome[] = [];
  readonly ended: Promise<TaskEnded>;
  /** Every model this node has downloaded, by hash. */
  readonly models = new Map<string, Uint8Array>();
  readonly #options: ToyNodeOptions;
  readonly #identity: IdentityKey;
  readonly #federation: string;
  readonly #coordinatorKey: Uint8Array;
  readonly #approvals: ApprovalRule;
  readonly #memory: JournalledMemory;
  readonly #ready: Promise<void>;
  #markReady: () => void = () => undefined;
  #end: (ended: TaskEnded) => void = () => undefined;
  #socket: Socket | undefined;
  #nonce: Uint8Array = new Uint8Array(0);
  #sessionId: Uint8Array = new Uint8Array(0);
  #counter = 0;
  #setups: ToySetup[] = [];
  #draw: DrawState = idleDraw;

  private constructor(
    options: ToyNodeOptions,
    identity: IdentityKey,
    answer: { clientId: string; federation: string; coordinatorPublicKey: Uint8Array; approvals: ApprovalRule },
    memory = createMemory(),
  ) {
    this.#memory = memory;
    this.#options = options;
    this.#identity = identity;
    this.clientId = answer.clientId;
    this.#federation = answer.federation;
    this.#coordinatorKey = answer.coordinatorPublicKey;
    this.#approvals = answer.approvals;
    this.#ready = new Promise((resolve) => {
      this.#markReady = resolve;
    });
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  static async enrol(options: ToyNodeOptions): Promise<ToyNode> {
    const identity = new IdentityKey(newIdentitySeed(systemRandom));
    const { secret, scope, approvals, approve } = parseJoinToken(options.token);
    const signed = enc(scope.coordinatorKey, secret, identity.publicKey);
    const truth = {
      protocolVersion: PROTOCOL_VERSION,
      secret,
      publicKey: identity.publicKey,
      approval: approve(identity.publicKey),
      signature: identity.sign('enrol', signed),
    } as const;
    const request = z.encode(enrolmentRequestSchema, { ...truth, ...options.enrolment?.(identity, truth) });
    const answer = await post(`${options.address}/v1/enrolments`, enrolmentAnswerSchema, request);
    return new ToyNode(options, identity, { ...answer, approvals });
  }

  /** SHA-256 of this node's key. */
  get fingerprint(): string {
    return fingerprintOf(this.#identity.publicKey);
  }

  /** Approves a newcomer as `hansa-client approve` does. @throws HansaError (what the coordinator refused with) */
  approve(clientId: string, fingerprint: string): Promise<MemberApprovalAnswer> {
    const scope = { federation: this.#federation, coordinatorKey: this.#coordinatorKey };
    return post(`${this.#options.address}/v1/approvals`, memberApprovalAnswerSchema, {
      protocolVersion: PROTOCOL_VERSION,
      clientId,
      signerId: this.clientId,
      signature: text(approveMember(this.#identity, scope, clientId, fingerprint)),
    });
  }

  /** A second process of the same identity, with its journal: nothing of a live set-up is in its memory. */
  twin(options: Partial<ToyNodeOptions> = {}): ToyNode {
    return new ToyNode(
      { ...this.#options, ...options },
      this.#identity,
      {
        clientId: this.clientId,
        federation: this.#federation,
        coordinatorPublicKey: this.#coordinatorKey,
        approvals: this.#approvals,
      },
      this.#memory,
    );
  }

  /** Connects; resolves once the handshake is done, rejects with the coordinator's refusal. */
  connect(auth: Record<string, unknown> = {}): Promise<void> {
    this.#nonce = systemRandom.bytes(32);
    const socket = io(this.#options.address, {
      forceNew: true,
      reconnection: false,
      transports: ['websocket'],
      auth: {
        protocolVersion: PROTOCOL_VERSION,
        clientId: this.clientId,
        clientNonce: text(this.#nonce),
        ...auth,
      },
    });
    this.#socket = socket;
    return new Promise((resolve, reject) => {
      socket.on('connect_error', (error: Error & { data?: unknown }) => {
        const problem = problemSchema.safeParse(error.data);
        reject(problem.success ? fromProblem(problem.data) : error);
      });
      socket.on('refused', (payload: { body: unknown }) => reject(fromProblem(problemSchema.parse(payload.body))));
      socket.onAny((name: string, payload: { body: unknown }, acknowledge?: (reply: unknown) => void) => {
        this.#receive(name, payload.body, socket).then(
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
    const signed = enc(this.#federation, this.#sessionId, String(counter), method, path);
    return fetch(`${this.#options.address}${path}`, {
      ...init,
      method,
      headers: {
        ...init.headers,
        [httpSignatureHeaders.sessionId]: text(this.#sessionId),
        [httpSignatureHeaders.counter]: String(counter),
        [httpSignatureHeaders.signature]: text(this.#identity.sign('http', signed)),
      },
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

  /** Ends as a killed process does: nothing is said. */
  kill(): void {
    this.#socket?.disconnect();
    this.#setups = [];
    this.#draw = idleDraw;
  }

  /** Breaks the connection; the process lives on. */
  disconnect(): void {
    this.#socket?.disconnect();
  }

  async #receive(name: string, body: unknown, from: Socket): Promise<unknown> {
    switch (name) {
      case 'challenge':
        return this.#answerChallenge(body);
      case 'welcome':
        this.#markReady();
        return undefined;
      case 'assignment':
      case 'refused':
        return undefined;
    }
    await ownTurn();
    switch (name) {
      case 'roster': {
        const roster = decodeMessage('roster', body);
        const accepted = acceptRoster(this.#memory.roster(), roster, this.#policy(), this.#identity);
        this.#memory.apply({ type: 'roster', roster: accepted });
        return undefined;
      }
      case 'taskEnded':
        this.#end(taskEndedSchema.parse(body));
        return undefined;
    }
    // It was killed before its turn came.
    if (!from.connected) return undefined;
    if (name === 'draw' || name === 'seedCommitments' || name === 'seedReveals') {
      await this.#drawn({ type: 'message', name, message: decodeMessage(name, body), nowMs: Date.now() } as DrawEvent);
      return undefined;
    }
    if (!isSetupMessage(name)) throw new HansaError('InvalidMessage', `unknown message ${name}`);
    const message = decodeMessage(name, body);
    const event = { type: 'message', name, message, nowMs: Date.now() } as ClientEvent;
    const sid = name === 'open' ? setupId(message as Open) : (message as { sid: Uint8Array }).sid;
    let setup = this.#setups.find((one) => equalBytes(one.sid, sid));
    if (setup === undefined) {
      setup = { sid, state: waiting, masks: undefined, vector: undefined, effects: Promise.resolve() };
      this.#step(setup, event);
      this.#setups = [...this.#setups.slice(-1), setup];
    } else this.#step(setup, event);
    return undefined;
  }

  /** The newest set-up's id, as it stands in messages. */
  get sid(): string {
    return text(this.#setups.at(-1)?.sid ?? new Uint8Array(32));
  }

  /** The newest set-up as this node sees it. */
  get state(): ClientState {
    return this.#setups.at(-1)?.state ?? waiting;
  }

  /** Signs whatever it is given, as a node that cheats would. */
  sign(label: SignatureLabel, bytes: Uint8Array): Uint8Array {
    return this.#identity.sign(label, bytes);
  }

  get #ports(): ClientPorts {
    return { random: systemRandom, identity: this.#identity, memory: this.#memory, policy: this.#policy() };
  }

  async #drawn(event: DrawEvent): Promise<void> {
    const { state, effects, refusal } = stepDraw(this.#draw, event, this.#ports);
    this.#draw = state;
    for (const effect of effects) {
      if (effect.type === 'journal') this.#memory.apply(effect.record);
      else if (effect.type === 'send') void this.send(effect.name, encodeMessage(effect.name, effect.message as never));
    }
    if (refusal !== undefined) throw refusal;
  }

  #step(setup: ToySetup, event: ClientEvent): void {
    const { state, effects, refusal } = step(setup.state, event, this.#ports);
    setup.state = state;
    setup.effects = setup.effects.then(async () => {
      for (const effect of effects) await this.#carryOut(setup, effect);
    });
    setup.effects = setup.effects.catch(() => undefined);
    if (refusal !== undefined) throw refusal;
  }

  async #carryOut(setup: ToySetup, effect: ClientEffect): Promise<void> {
    await this.#options.before?.(effect, this);
    switch (effect.type) {
      case 'journal':
        this.#memory.apply(effect.record);
        return;
      case 'send':
        await this.send(effect.name, encodeMessage(effect.name, effect.message as never));
        return;
      case 'prepareRound':
        await this.#download(Buffer.from(effect.modelHash).toString('hex'));
        this.#step(setup, { type: 'prepared', modelHash: effect.modelHash, nowMs: Date.now() });
        return;
      case 'expandMasks':
        setup.masks = effect.plan;
        return;
      case 'mask': {
        const { round } = setup.state as { round: { round: number; modelHash: Uint8Array } };
        const chunks: Uint8Array[] = [];
        const contribution = {
          config: effect.config,
          update: updateOf(this.#options.update(round.round, effect.config)),
          weight: effect.config.weightMax,
          tail: this.#options.tail ?? { loss: 1, validationLoss: 2 },
          rotationSeed: rotationSeed(effect.config, round.modelHash, round.round),
        };
        const tiles = maskedTiles(contribution, setup.masks!);
        let tile = tiles.next();
        for (; !tile.done; tile = tiles.next()) {
          chunks.push(Uint8Array.from(tile.value));
          if (chunks.length % 16 === 0) await nextTurn();
        }
        setup.vector = Buffer.concat(chunks);
        const { byteLength, vectorHash } = tile.value;
        this.#step(setup, { type: 'maskedVector', byteLength, vectorHash, nowMs: Date.now() });
        return;
      }
      case 'upload': {
        const answer = await this.send('maskedInputHeader', encodeMessage('maskedInputHeader', effect.header));
        // Told before the coordinator can have it: the answer to the last byte may come after the next message.
        this.#step(setup, { type: 'vectorSent' });
        await this.upload(uploadTicketSchema.parse(answer).path, setup.vector);
        return;
      }
      case 'wipe':
        for (const secret of effect.secrets) secret.wipe();
        return;
      case 'closed':
        this.outcomes.push(effect.outcome);
        return;
    }
  }

  async #download(hash: string): Promise<void> {
    const response = await this.request('GET', `/v1/blobs/${hash}`);
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (text(sha256(bytes)) !== Buffer.from(hash, 'hex').toString('base64url')) throw new Error('wrong model');
    this.models.set(hash, bytes);
  }

  /** Uploads the frozen vector, or other bytes, from where the coordinator says it stands. */
  async upload(
    path: string,
    bytes = this.#setups.find(({ vector }) => vector)?.vector ?? new Uint8Array(0),
  ): Promise<Response> {
    const head = await this.request('HEAD', path, { headers: { 'tus-resumable': '1.0.0' } });
    const offset = Number(head.headers.get('upload-offset'));
    if (!head.ok || offset === bytes.length) return head;
    return this.patch(path, offset, bytes.subarray(offset));
  }

  patch(path: string, offset: number, bytes: Uint8Array): Promise<Response> {
    return this.request('PATCH', path, {
      headers: {
        'tus-resumable': '1.0.0',
        'upload-offset': String(offset),
        'content-type': 'application/offset+octet-stream',
      },
      body: Buffer.from(bytes),
    });
  }

  #answerChallenge(body: unknown): unknown {
    const challenge = challengeSchema.parse(body);
    this.#sessionId = Uint8Array.from(challenge.sessionId);
    this.#counter = 0;
    const signed = enc(this.#federation, this.#coordinatorKey, this.clientId, this.#nonce, challenge.sessionId);
    return { signature: text(this.#identity.sign('hello', signed)) };
  }

  #policy(): ClientPolicy {
    return {
      federation: this.#federation,
      coordinatorKey: this.#coordinatorKey,
      approvals: this.#approvals.by === 'members' ? { by: 'members', atLeast: 2 } : this.#approvals,
      minCohort: 5,
      knownFloor: 3,
      maxRosterChange: 0.34,
      maxCohortAgeMs: 86_400_000,
      ...this.#options.policy,
    };
  }
}

async function post<Schema extends z.ZodType>(url: string, schema: Schema, body: unknown): Promise<z.output<Schema>> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw fromProblem(problemSchema.parse(answer));
  return schema.parse(answer);
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');

const isSetupMessage = (name: string): name is SetupMessageName =>
  name !== 'roster' && Object.hasOwn(coordinatorMessages, name);
