import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSum, rotationSeed } from '@hansa/aggregation/secagg/encoding';
import { type ServerEffect, type ServerEvent, type ServerState, start, step } from '@hansa/aggregation/secagg/server';
import { type LeagueConfig, leagueConfig, unmaskedSum } from '@hansa/aggregation/secagg/testing';
import { IdentityKey, SecretBytes, sha256 } from '@hansa/shared/crypto';
import { HansaError } from '@hansa/shared/errors';
import { createLogger } from '@hansa/shared/log';
import { architectureOf, manifestFor, modelMetadata } from '@hansa/shared/model';
import { encodeFile, parameterCount, readHeader } from '@hansa/shared/numeric';
import {
  decodeMessage,
  encodeMessage,
  type NodeMessageName,
  nodeMessages,
  type Roster,
  rosterBytes,
  rosterHash,
  type SecAggConfig,
} from '@hansa/shared/protocol/secagg';
import { seededRandom } from '@hansa/shared/random';
import { ManualClock, TestApprover } from '@hansa/shared/testing';
import { readNodeConfig } from '../../config/nodeConfig.ts';
import { makeFolder } from '../../ledger/files.ts';
import { writeIdentity } from '../../ledger/identity.ts';
import type { NodeEvent } from '../nodeEvents.ts';
import { type RunSummary, runNode } from '../runNode.ts';
import { FakeTrainer } from './fakeTrainer.ts';
import { InMemoryConnection, type OtherEnd } from './inMemoryConnection.ts';

const federation = '6f0c1d0e-0000-4222-8333-444455556666';
const taskId = '7f0c1d0e-0000-4222-8333-444455556666';
const clientIdOf = (node: number): string => `8f0c1d0e-${String(node).padStart(4, '0')}-4222-8333-444455556666`;
const sha256Hex = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

export interface SessionNode {
  readonly folder: string;
  readonly configFile: string;
  readonly trainer: FakeTrainer;
  readonly events: NodeEvent[];
  connection: InMemoryConnection | undefined;
  stop: AbortController;
  finished: Promise<RunSummary>;
}

export interface LeagueSettings {
  readonly size: number;
  readonly plan?: object;
  readonly config?: LeagueConfig;
  readonly policy?: object;
  /** What a message to a node becomes; undefined loses it. */
  readonly onWire?: (node: number, name: string, wire: unknown) => unknown;
}

/**
 * Real node sessions (messages, ledger, files) in one process, with the real server reducer at the other end of in-memory connections, a clock that the
 * test moves, and trainers that write a known update.
 */
export class SessionLeague implements OtherEnd {
  readonly folder = mkdtempSync(join(tmpdir(), 'hansa-sessions-'));
  readonly blobs = new Map<string, Uint8Array>();
  readonly nodes: SessionNode[];
  readonly roster: Roster;
  readonly planText: string;
  readonly config: SecAggConfig;
  readonly clock = new ManualClock();
  readonly coordinator = new IdentityKey(new SecretBytes(seededRandom('coordinator').bytes(32)));
  readonly approver = new TestApprover();
  readonly federation = federation;
  readonly taskId = taskId;
  readonly settings: LeagueSettings;
  readonly initialModelHash: string;
  /** Refusals that nodes answered with. */
  readonly refusals: { node: number; name: string; code: string }[] = [];
  state: ServerState | undefined;
  seq = 0;
  round = 1;
  committedRounds = 0;
  modelHash: string;
  sum: Int32Array | undefined;
  readonly #vectors = new Map<number, Uint8Array>();
  readonly #watchers = new Set<() => void>();
  #outbox: Promise<unknown> = Promise.resolve();

  constructor(settings: LeagueSettings) {
    this.settings = settings;
    const architecture = architectureOf('nano');
    const manifest = manifestFor(architecture);
    const count = parameterCount(manifest);
    const model = encodeFile(manifest, modelMetadata(architecture), new Float32Array(count));
    this.initialModelHash = sha256Hex(model);
    this.modelHash = this.initialModelHash;
    this.blobs.set(this.modelHash, model);
    this.planText = JSON.stringify({
      job: { kind: 'demand', frequency: 'day' },
      rounds: 3,
      lastRound: 13,
      training: { steps: 5, batchSize: 4, optimizer: 'adamW', learningRate: 0.001 },
      seed: 1,
      initialModelHash: this.initialModelHash,
      evaluation: { fineTuneSteps: 1, learningRates: [0.001] },
      ...settings.plan,
    });
    this.config = leagueConfig(settings.size, {
      vectorLength: count,
      maxCohort: 8,
      weightMax: 1,
      weighting: 'uniform',
      tail: [
        { name: 'loss', low: 0, high: 10, steps: 1000 },
        { name: 'validationLoss', low: 0, high: 10, steps: 1000 },
      ],
      minCohort: 5,
      minSurvivors: 3,
      knownFloor: 3,
      planHash: sha256(Buffer.from(this.planText)),
      architectureHash: sha256(readHeader(model, model.length).headerBytes),
      ...settings.config,
    });
    const seeds = Array.from({ length: settings.size }, (_, node) => seededRandom(`node/${node}`).bytes(32));
    const scope = { federation, coordinatorKey: this.coordinator.publicKey };
    const unsigned = {
      federation,
      epoch: 0,
      prevHash: new Uint8Array(32),
      members: seeds.map((seed, node) => {
        const { publicKey } = new IdentityKey(new SecretBytes(seed.slice()));
        return { index: node, id: clientIdOf(node), publicKey, approval: this.approver.approve(scope, publicKey) };
      }),
    };
    this.roster = { ...unsigned, signature: this.coordinator.sign('roster', rosterBytes(unsigned)) };
    this.nodes = seeds.map((_seed, node) => this.#makeNode(node));
  }

  #makeNode(node: number): SessionNode {
    const folder = join(this.folder, `node-${node}`);
    return {
      folder: join(folder, 'data'),
      configFile: join(folder, 'node.json'),
      trainer: new FakeTrainer(this.updateOf(node)),
      events: [],
      connection: undefined,
      stop: new AbortController(),
      finished: Promise.resolve({ roundsCommitted: 0, roundsIncluded: 0, roundsAbandoned: 0 }),
    };
  }

  updateOf(node: number): Float32Array {
    return Float32Array.from({ length: this.config.vectorLength }, (_, at) => (((at + node) % 7) - 3) / 4096);
  }

  /** Writes the folders of all nodes. */
  async prepare(): Promise<this> {
    for (const [node, { folder, configFile }] of this.nodes.entries()) {
      await makeFolder(folder);
      await writeIdentity(join(folder, 'identity.json'), {
        federation,
        clientId: clientIdOf(node),
        coordinatorPublicKey: this.coordinator.publicKey,
        approvals: { by: 'consortium', approverKey: this.approver.key.publicKey },
        seed: new SecretBytes(seededRandom(`node/${node}`).bytes(32)),
      });
      const data = {
        sources: [{ file: 'orders.csv', columns: { date: 'a', item: 'b', quantity: 'c' } }],
        frequency: 'day',
        returns: 'none',
        validFrom: '2025-01-01',
        testFrom: '2025-02-01',
      };
      writeFileSync(
        configFile,
        JSON.stringify({
          coordinator: 'http://127.0.0.1:1',
          folder: 'data',
          data,
          training: { keepUpdates: true },
          policy: this.settings.policy ?? {},
        }),
      );
    }
    return this;
  }

  /** Starts a node's session; a node that was stopped can be started again. */
  start(node: number, options: { untilTaskEnds?: boolean } = {}): void {
    const entry = this.nodes[node]!;
    entry.stop = new AbortController();
    entry.finished = runNode({
      config: readNodeConfig(entry.configFile),
      clock: this.clock,
      random: seededRandom(`random/${node}/${this.seq}`),
      log: createLogger('test', 'silent'),
      signal: entry.stop.signal,
      untilTaskEnds: options.untilTaskEnds ?? false,
      onEvent: (event) => {
        entry.events.push(event);
        this.#changed();
      },
      connect: ({ handlers }) => {
        entry.connection = new InMemoryConnection(this, node, handlers);
        return entry.connection;
      },
      startTrainer: async () => entry.trainer,
    });
    entry.finished.catch(() => undefined).finally(() => this.#changed());
  }

  /** Starts every node and waits until each has its roster and the task. */
  async assemble(): Promise<void> {
    for (const node of this.nodes.keys()) this.start(node);
    for (const node of this.nodes.keys()) await this.introduce(node);
  }

  async introduce(node: number): Promise<void> {
    await this.until(() => this.nodes[node]?.connection?.isUp === true);
    await this.tell(node, 'roster', encodeMessage('roster', this.roster));
    await this.tell(node, 'assignment', this.assignment);
  }

  get assignment() {
    return { taskId, plan: this.planText, committedRounds: this.committedRounds, modelHash: this.modelHash };
  }

  /** One message to a node; resolves when it has answered. @throws HansaError (what it refused with) */
  async tell(node: number, name: string, wire: unknown): Promise<unknown> {
    const { onWire } = this.settings;
    const body = onWire === undefined ? wire : onWire(node, name, wire);
    const connection = this.nodes[node]?.connection;
    if (body === undefined || connection === undefined || !connection.isUp) return undefined;
    try {
      return await connection.handlers.message(name, JSON.parse(JSON.stringify(body)));
    } catch (error) {
      if (error instanceof HansaError) this.refusals.push({ node, name, code: error.code });
      throw error;
    } finally {
      this.#changed();
    }
  }

  openFields() {
    return {
      federation,
      coordinatorKey: this.coordinator.publicKey,
      task: taskId,
      group: 0,
      groupSeedHash: new Uint8Array(32),
      seq: this.seq,
      rosterHash: rosterHash(this.roster),
      config: this.config,
      graph: 'complete' as const,
      notAfterMs: this.clock.now() + 3_600_000,
    };
  }

  /** Opens a set-up with all nodes. */
  open(): void {
    this.seq += 1;
    this.#vectors.clear();
    const selected = this.roster.members.map(({ index }) => index);
    this.#take(start({ roster: this.roster, open: this.openFields(), selected }, { identity: this.coordinator }));
  }

  /** Runs a round to its end, whatever that is. */
  async runRound(): Promise<ServerState> {
    this.open();
    await this.until(() => this.state?.phase === 'committed' || this.state?.phase === 'abandoned');
    await this.settle();
    return this.state!;
  }

  event(event: ServerEvent): void {
    this.#take(step(this.state!, event, { identity: this.coordinator }));
  }

  /** Resolves when everything that was sent to nodes has been answered. */
  async settle(): Promise<void> {
    let last: unknown;
    while (last !== this.#outbox) {
      last = this.#outbox;
      await last;
    }
  }

  /** Resolves once the condition holds; it is asked again after every event. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#watchers.add(resolve));
  }

  connected(node: number): void {
    if (this.state !== undefined && this.state.phase !== 'committed' && this.state.phase !== 'abandoned') {
      this.event({ type: 'resumed', index: node });
    }
    this.#changed();
  }

  async received(node: number, name: string, wire: unknown): Promise<unknown> {
    try {
      if (name === 'progress') return undefined;
      if (name === 'leave') {
        this.event({ type: 'dropped', index: node });
        return undefined;
      }
      if (!Object.hasOwn(nodeMessages, name)) throw new HansaError('InvalidMessage', `no message ${name}`);
      const message = decodeMessage(name as NodeMessageName, wire);
      this.event({ type: 'message', from: node, name, message } as ServerEvent);
      return name === 'maskedInputHeader' ? { path: `/v1/uploads/${node}` } : undefined;
    } finally {
      this.#changed();
    }
  }

  uploaded(node: number, path: string, bytes: Uint8Array): void {
    if (path !== `/v1/uploads/${node}`) throw new HansaError('NotFound', 'another upload');
    if (this.#vectors.has(node)) return;
    this.#vectors.set(node, bytes);
    this.event({ type: 'vectorCommitted', index: node, byteLength: bytes.length, vectorHash: sha256(bytes) });
    this.#changed();
  }

  #take(result: { state: ServerState; effects: readonly ServerEffect[] }): void {
    this.state = result.state;
    for (const effect of result.effects) this.#carryOut(effect);
    this.#changed();
  }

  #carryOut(effect: ServerEffect): void {
    switch (effect.type) {
      case 'send': {
        const wire = encodeMessage(effect.name, effect.message as never);
        const told = this.tell(effect.to, effect.name, wire).catch(() => undefined);
        this.#outbox = Promise.all([this.#outbox, told]);
        return;
      }
      case 'ready':
        this.event({ type: 'startRound', round: this.round, modelHash: Buffer.from(this.modelHash, 'hex') });
        return;
      case 'unmask': {
        const bytes = unmaskedSum(this.config, effect.plan, (index) => this.#vectors.get(index)!);
        const seed = rotationSeed(this.config, Buffer.from(this.modelHash, 'hex'), this.round);
        const opened = openSum(this.config, effect.plan.survivors.length, bytes, seed);
        const tiles = opened.tiles();
        for (;;) {
          const next = tiles.next();
          if (next.done) {
            this.sum = new Int32Array(bytes.buffer, 0, this.config.vectorLength);
            const old = this.blobs.get(this.modelHash)!;
            const model = old.slice();
            // Any other model of the same architecture: what the strategy makes of the sum is not these tests' matter.
            new DataView(model.buffer).setFloat32(model.length - 4, this.round, true);
            const newModelHash = sha256Hex(model);
            this.blobs.set(newModelHash, model);
            this.modelHash = newModelHash;
            this.committedRounds += 1;
            this.event({
              type: 'unmasked',
              weightSum: opened.weightSum,
              resultHash: next.value.resultHash,
              newModelHash: Buffer.from(newModelHash, 'hex'),
            });
            return;
          }
        }
      }
      default:
        return;
    }
  }

  #changed(): void {
    for (const watcher of [...this.#watchers]) {
      this.#watchers.delete(watcher);
      watcher();
    }
  }

  async end(): Promise<void> {
    for (const node of this.nodes) node.stop.abort(new HansaError('Interrupted', 'the test is over'));
    await Promise.allSettled(this.nodes.map(({ finished }) => finished));
    rmSync(this.folder, { recursive: true });
  }

  /** The update as the node kept it for itself: body words as signed integers, and the tail. */
  keptUpdate(node: number, round: number, attempt: number): Int32Array {
    const bytes = readFileSync(join(this.nodes[node]!.folder, 'updates', `${taskId}-${round}-${attempt}.u32`));
    return new Int32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  }
}
