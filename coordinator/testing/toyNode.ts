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
  waiting,
} from '@hansa/aggregation/secagg/client';
import { DrawDriver, wipeSecrets } from '@hansa/aggregation/secagg/driver';
import type { TailValues } from '@hansa/aggregation/secagg/encoding';
import { type DrawEvent, stepDraw } from '@hansa/aggregation/secagg/grouping';
import {
  equalBytes,
  fingerprintOf,
  IdentityKey,
  newIdentitySeed,
  type SignatureLabel,
  sha256,
} from '@hansa/shared/crypto';
import { fromProblem, HansaError, problemSchema } from '@hansa/shared/errors';
import {
  type EnrolmentRequest,
  enrolmentAnswerSchema,
  enrolmentRequestSchema,
  type MemberApprovalAnswer,
  memberApprovalAnswerSchema,
  PROTOCOL_VERSION,
  parseJoinToken,
  type TaskEnded,
  taskEndedSchema,
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
import { z } from 'zod';
import { ToyConnection, type ToyIdentity } from './toyConnection.ts';
import { ToySetup } from './toySetup.ts';

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
  /** Awaited before whatever takes time: sending, preparing a round, masking, uploading. Where it throws, that is not done. */
  readonly before?: (effect: ClientEffect, node: ToyNode) => void | Promise<void>;
}

/** A node without data or training, over the real wire: it speaks the whole protocol with updates it is given. */
export class ToyNode extends ToyConnection {
  readonly outcomes: ClientOutcome[] = [];
  readonly ended: Promise<TaskEnded>;
  /** Every model this node has downloaded, by hash. */
  readonly models = new Map<string, Uint8Array>();
  readonly #options: ToyNodeOptions;
  readonly #policy: ClientPolicy;
  readonly #memory: JournalledMemory;
  #end: (ended: TaskEnded) => void = () => undefined;
  /** At most two: one in its round and one made ahead. */
  #setups: readonly ToySetup[] = [];
  #draw = new DrawDriver();

  private constructor(
    options: ToyNodeOptions,
    identity: ToyIdentity,
    approvals: ClientPolicy['approvals'],
    memory = createMemory(),
  ) {
    super(options.address, identity);
    this.#options = options;
    this.#memory = memory;
    this.#policy = {
      federation: identity.federation,
      coordinatorKey: identity.coordinatorKey,
      approvals,
      minCohort: 5,
      knownFloor: 3,
      maxRosterChange: 0.34,
      maxCohortAgeMs: 86_400_000,
      ...options.policy,
    };
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  static async enrol(options: ToyNodeOptions): Promise<ToyNode> {
    const key = new IdentityKey(newIdentitySeed(systemRandom));
    const { secret, scope, approvals, approve } = parseJoinToken(options.token);
    const signed = enc(scope.coordinatorKey, secret, key.publicKey);
    const truth = {
      protocolVersion: PROTOCOL_VERSION,
      secret,
      publicKey: key.publicKey,
      approval: approve(key.publicKey),
      signature: key.sign('enrol', signed),
    } as const;
    const request = z.encode(enrolmentRequestSchema, { ...truth, ...options.enrolment?.(key, truth) });
    const answer = await post(`${options.address}/v1/enrolments`, enrolmentAnswerSchema, request);
    const { clientId, federation, coordinatorPublicKey: coordinatorKey } = answer;
    return new ToyNode(options, { clientId, key, federation, coordinatorKey }, pinned(approvals));
  }

  get clientId(): string {
    return this.identity.clientId;
  }

  /** SHA-256 of this node's key. */
  get fingerprint(): string {
    return fingerprintOf(this.identity.key.publicKey);
  }

  /** Approves a newcomer as `hansa-client approve` does. @throws HansaError (what the coordinator refused with) */
  approve(clientId: string, fingerprint: string): Promise<MemberApprovalAnswer> {
    return post(`${this.#options.address}/v1/approvals`, memberApprovalAnswerSchema, {
      protocolVersion: PROTOCOL_VERSION,
      clientId,
      signerId: this.clientId,
      signature: text(approveMember(this.identity.key, this.identity, clientId, fingerprint)),
    });
  }

  /** A second process of the same identity, with its journal: nothing of a live set-up is in its memory. */
  twin(options: Partial<ToyNodeOptions> = {}): ToyNode {
    return new ToyNode({ ...this.#options, ...options }, this.identity, this.#policy.approvals, this.#memory);
  }

  /** Ends as a killed process does: nothing is said. */
  kill(): void {
    this.disconnect();
    this.#setups = [];
    this.#draw = new DrawDriver();
  }

  /** The newest set-up's id, as it stands in messages. */
  get sid(): string {
    return text(this.#setups.at(-1)?.sid ?? new Uint8Array(32));
  }

  /** The newest set-up as this node sees it. */
  get state(): ClientState {
    return this.#setups.at(-1)?.driver.state ?? waiting;
  }

  /** Signs whatever it is given, as a node that cheats would. */
  sign(label: SignatureLabel, bytes: Uint8Array): Uint8Array {
    return this.identity.key.sign(label, bytes);
  }

  protected async receive(name: string, body: unknown, isUp: () => boolean): Promise<void> {
    if (name === 'assignment') return;
    await ownTurn();
    if (name === 'roster') {
      const accepted = acceptRoster(
        this.#memory.roster(),
        decodeMessage('roster', body),
        this.#policy,
        this.identity.key,
      );
      this.#memory.apply({ type: 'roster', roster: accepted });
    } else if (name === 'taskEnded') this.#end(taskEndedSchema.parse(body));
    // Where the connection is down, the node was killed before its turn came.
    else if (isUp()) this.#receiveRound(name, body);
  }

  #receiveRound(name: string, body: unknown): void {
    if (name === 'draw' || name === 'seedCommitments' || name === 'seedReveals') {
      const message = decodeMessage(name, body);
      this.#drawn({ type: 'message', name, message, nowMs: Date.now() } as DrawEvent);
      return;
    }
    if (!isSetupMessage(name)) throw new HansaError('InvalidMessage', `unknown message ${name}`);
    const message = decodeMessage(name, body);
    const event = { type: 'message', name, message, nowMs: Date.now() } as ClientEvent;
    const sid = name === 'open' ? setupId(message as Open) : (message as { sid: Uint8Array }).sid;
    const known = this.#setups.find((one) => equalBytes(one.sid, sid));
    const setup = known ?? this.#newSetup(sid);
    setup.apply(event);
    if (known === undefined) this.#setups = [...this.#setups.slice(-1), setup];
  }

  get #reducer(): ClientPorts {
    return { random: systemRandom, identity: this.identity.key, memory: this.#memory, policy: this.#policy };
  }

  #drawn(event: DrawEvent): void {
    this.#draw.takeNow(stepDraw(this.#draw.state, event, this.#reducer), {
      journal: ({ record }) => this.#memory.apply(record),
      evidence: () => undefined,
      send: ({ name, message }) => void this.send(name, encodeMessage(name, message as never)),
      wipe: wipeSecrets,
    });
  }

  #newSetup(sid: Uint8Array): ToySetup {
    const { update, tail = { loss: 1, validationLoss: 2 }, before } = this.#options;
    return new ToySetup(sid, {
      reducer: this.#reducer,
      journal: (record) => this.#memory.apply(record),
      tail,
      update,
      before: (effect) => before?.(effect, this),
      send: (name, body) => this.send(name, body),
      upload: (path, bytes) => this.upload(path, bytes),
      download: (hash) => this.#download(hash),
      closed: (outcome) => void this.outcomes.push(outcome),
    });
  }

  async #download(hash: string): Promise<void> {
    const response = await this.request('GET', `/v1/blobs/${hash}`);
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (Buffer.from(sha256(bytes)).toString('hex') !== hash) throw new Error('wrong model');
    this.models.set(hash, bytes);
  }
}

const pinned = (approvals: ApprovalRule): ClientPolicy['approvals'] =>
  approvals.by === 'members' ? { by: 'members', atLeast: 2 } : approvals;

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
