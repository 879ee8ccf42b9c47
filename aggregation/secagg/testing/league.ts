import { createHash } from 'node:crypto';
import { IdentityKey, SecretBytes } from '@hansa/shared/crypto';
import {
  decodeMessage,
  type Evidence,
  encodeMessage,
  type MessageOf,
  type NodeSetupMessageName,
  type Open,
  type Roster,
  rosterBytes,
  rosterHash,
  type SecAggConfig,
  type SetupMessageName,
} from '@hansa/shared/protocol/secagg';
import { type RandomSource, seededRandom } from '@hansa/shared/random';
import { TestApprover } from '@hansa/shared/testing';
import { createMemory, type JournalledMemory } from '../client/memory.ts';
import { acceptRoster } from '../client/roster.ts';
import { step as stepClient } from '../client/step.ts';
import type {
  ClientEffect,
  ClientEvent,
  ClientOutcome,
  ClientPolicy,
  ClientPorts,
  ClientState,
  JournalRecord,
} from '../client/types.ts';
import { waiting } from '../client/waiting.ts';
import type { ClippedPart } from '../encoding/fits.ts';
import { FoldedSum } from '../encoding/foldedSum.ts';
import { type LayoutConfig, layoutOf } from '../encoding/layout.ts';
import { type Contribution, maskedTiles, quantisedTiles, updateOf } from '../encoding/maskedTiles.ts';
import { expandMasks } from '../encoding/masks.ts';
import { openSum } from '../encoding/openSum.ts';
import { scaledParts } from '../encoding/parts.ts';
import { rotationSeed } from '../encoding/rotation.ts';
import type { TailValues } from '../encoding/tail.ts';
import { graphOf } from '../graph.ts';
import type { MaskPlan, UnmaskPlan } from '../masks.ts';
import { start, step as stepServer } from '../server/step.ts';
import type { ServerEffect, ServerEvent, ServerPorts, ServerStage, ServerState } from '../server/types.ts';

/** The moment at which every simulated set-up happens. */
export const leagueNowMs = 1_800_000_000_000;

const uuid = (name: string): string => {
  const hex = createHash('sha256').update(name).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
};

export const leagueFederation = uuid('federation');
const leagueTask = uuid('task');

/** Where a simulated node dies: before it answers that stage; `startRound`: between ACK and M3; `vector`: after its header, before its vector is complete. */
export type DropPoint = Exclude<ServerStage, 'maskedInput'> | 'startRound' | 'maskedInputHeader' | 'vector';

/** All of them, in the order in which a node passes them. */
export const dropPoints: readonly DropPoint[] = [
  'advertiseKeys',
  'shareKeys',
  'acknowledgeShares',
  'startRound',
  'maskedInputHeader',
  'vector',
  'signSurvivors',
  'revealShares',
];

export interface LeagueOptions {
  readonly size: number;
  readonly seed: string | number;
  readonly config?: LeagueConfig;
  readonly policy?: Partial<ClientPolicy>;
  /** Of node n (0-based); a small pseudo-random one where left out. */
  readonly update?: (node: number) => Float32Array;
  readonly weight?: (node: number) => number;
  readonly tail?: (node: number) => TailValues;
}

/** What a test fixes of a configuration: with `clipNorm` and `vectorLength` an update of one part, or its `parts`. */
export type LeagueConfig = Partial<Omit<SecAggConfig, 'parts'>> & {
  readonly clipNorm?: number;
  readonly parts?: readonly ClippedPart[];
};

/** A configuration for short vectors; `overrides` last. */
export function leagueConfig(
  size: number,
  { clipNorm = 4, parts: clipped, ...overrides }: LeagueConfig = {},
): SecAggConfig {
  const { maxCohort = Math.max(size, 2), wordBits = 32 } = overrides;
  const parts = scaledParts(
    { wordBits, maxCohort },
    clipped ?? [{ name: 'update', length: overrides.vectorLength ?? 37, clipNorm }],
  );
  return {
    suite: 'SA-1',
    vectorLength: parts.reduce((sum, { length }) => sum + length, 0),
    wordBits,
    parts,
    maxCohort,
    grouped: false,
    weightMax: 4,
    weighting: 'buckets',
    tail: [{ name: 'loss', low: 0, high: 10, steps: 1_000_000 }],
    dp: 'none',
    rule: 'complete-two-thirds',
    gammaPermille: 0,
    deltaPermille: 340,
    minCohort: Math.min(size, 4),
    minSurvivors: 2,
    knownFloor: 2,
    planHash: new Uint8Array(32).fill(1),
    architectureHash: new Uint8Array(32).fill(2),
    ...overrides,
  };
}

/** The configuration with other scales: `of` gives a part's log2 of one from what it was. */
export const withScales = (config: SecAggConfig, of: (scaleLog2: number) => number): SecAggConfig => ({
  ...config,
  parts: config.parts.map((part) => ({ ...part, scaleLog2: of(part.scaleLog2) })),
});

/** One simulated node: its reducer's state and what a driver keeps beside it. */
export interface LeagueNode {
  readonly index: number;
  readonly identity: IdentityKey;
  readonly random: RandomSource;
  readonly policy: ClientPolicy;
  readonly contribution: Contribution;
  readonly records: JournalRecord[];
  readonly evidence: Evidence[];
  memory: JournalledMemory;
  state: ClientState;
  alive: boolean;
  masks: MaskPlan | undefined;
  vector: Uint8Array | undefined;
  outcome: ClientOutcome | undefined;
}

interface ToNode {
  readonly to: number;
  readonly name: SetupMessageName;
  readonly wire: string;
}

interface ToServer {
  readonly from: number;
  readonly name: NodeSetupMessageName | 'vector';
  readonly wire: string;
}

/**
 * A whole league in one process: the real reducers, the real cryptography, every message over its JSON encoding; drivers without a network.
 *
 * `exchange` is one request (`ask`) and its answers (`answer`). A league can be forked at any moment, since the reducers change nothing in place.
 */
export class League {
  readonly options: LeagueOptions;
  readonly config: SecAggConfig;
  readonly coordinator: IdentityKey;
  readonly roster: Roster;
  nodes: ReadonlyMap<number, LeagueNode>;
  server!: ServerState;
  /** Everything the coordinator's driver was told to do, in order. */
  effects: ServerEffect[] = [];
  toNodes: ToNode[] = [];
  toServer: ToServer[] = [];
  vectors = new Map<number, Uint8Array>();
  fates = new Map<number, DropPoint>();
  plan: UnmaskPlan | undefined;
  round = 1;
  seq = 0;
  /** What the next OPEN names: a group of a draw, or none. */
  group = 0;
  groupSeedHash: Uint8Array = new Uint8Array(32);
  /** Whether `wipe` effects overwrite secrets; off, a league can be forked and both branches go on. */
  wipes = true;

  constructor(options: LeagueOptions) {
    this.options = options;
    this.config = leagueConfig(options.size, options.config);
    const identity = (name: string) =>
      new IdentityKey(new SecretBytes(seededRandom(`${options.seed}/identity/${name}`).bytes(32)));
    this.coordinator = identity('coordinator');
    const identities = Array.from({ length: options.size }, (_, node) => identity(`${node}`));
    const approver = new TestApprover();
    const scope = { federation: leagueFederation, coordinatorKey: this.coordinator.publicKey };
    const unsigned = {
      federation: leagueFederation,
      epoch: 1,
      prevHash: new Uint8Array(32),
      members: identities.map(({ publicKey }, node) => ({
        index: League.indexOf(node),
        id: uuid(`node-${node}`),
        publicKey,
        approval: approver.approve(scope, publicKey),
      })),
    };
    this.roster = { ...unsigned, signature: this.coordinator.sign('roster', rosterBytes(unsigned)) };
    const policy: ClientPolicy = {
      ...scope,
      approvals: { by: 'consortium', approverKey: approver.key.publicKey },
      minCohort: this.config.minCohort,
      knownFloor: 2,
      maxRosterChange: 0.34,
      maxCohortAgeMs: 86_400_000,
      ...options.policy,
    };
    // What each of them accepts is the same: its n approvals are checked once.
    const accepted = acceptRoster(undefined, this.roster, policy, identities[0]!);
    this.nodes = new Map(
      identities.map((identity, node) => {
        const index = League.indexOf(node);
        const entry: LeagueNode = {
          index,
          identity,
          random: seededRandom(`${options.seed}/random/${node}`),
          policy,
          contribution: this.contributionOf(node),
          records: [],
          evidence: [],
          memory: createMemory(),
          state: waiting,
          alive: true,
          masks: undefined,
          vector: undefined,
          outcome: undefined,
        };
        this.journal(entry, { type: 'roster', roster: accepted });
        return [index, entry];
      }),
    );
  }

  /** Roster indexes have gaps, so that no code confuses an index with a position. */
  static indexOf(node: number): number {
    return 3 * node + 7;
  }

  private contributionOf(node: number): Contribution {
    const { seed, size, update, weight, tail } = this.options;
    const random = seededRandom(`${seed}/update/${node}/${size}`);
    const drawn = () =>
      Float32Array.from(
        new Int16Array(random.bytes(2 * this.config.vectorLength).buffer.slice(0)),
        (value) => value / 65_536,
      );
    return {
      config: this.config,
      update: updateOf(update?.(node) ?? drawn()),
      weight:
        weight?.(node) ??
        (this.config.weighting === 'uniform' ? this.config.weightMax : 1 + (node % this.config.weightMax)),
      tail: tail?.(node) ?? { loss: 1 + node / 100 },
      rotationSeed: this.rotationSeed,
    };
  }

  /** One for all of a league's rounds: a node's contribution is made before its first. */
  get rotationSeed(): Uint8Array {
    return rotationSeed(this.config, leagueModelHash(1), 1);
  }

  get serverPorts(): ServerPorts {
    return { identity: this.coordinator };
  }

  portsOf(node: LeagueNode): ClientPorts {
    return { random: node.random, identity: node.identity, memory: node.memory, policy: node.policy };
  }

  /** OPEN as the next set-up would have it. */
  openFields(): Omit<Open, 'signature'> {
    return {
      federation: leagueFederation,
      coordinatorKey: this.coordinator.publicKey,
      task: leagueTask,
      group: this.group,
      groupSeedHash: this.groupSeedHash,
      seq: this.seq,
      rosterHash: rosterHash(this.roster),
      config: this.config,
      graph: graphOf(this.config),
      notAfterMs: leagueNowMs + 3_600_000,
    };
  }

  /** Begins a set-up with all nodes (or some); nodes that ended an earlier one start afresh. */
  open(selected: readonly number[] = [...this.nodes.keys()]): this {
    this.seq += 1;
    for (const node of this.nodes.values()) {
      node.state = waiting;
      node.vector = undefined;
      node.outcome = undefined;
    }
    this.vectors = new Map();
    this.plan = undefined;
    this.effects = [];
    this.toNodes = [];
    this.toServer = [];
    this.carryOut(start({ roster: this.roster, open: this.openFields(), selected }, this.serverPorts));
    return this;
  }

  /** A copy that goes its own way; needs `wipes` off. */
  fork(): League {
    if (this.wipes) throw new RangeError('A league that wipes its secrets cannot be forked');
    const copy: League = Object.create(League.prototype);
    Object.assign(copy, this);
    copy.nodes = new Map([...this.nodes].map(([index, node]) => [index, forkNode(node)]));
    copy.effects = [...this.effects];
    copy.toNodes = [...this.toNodes];
    copy.toServer = [...this.toServer];
    copy.vectors = new Map(this.vectors);
    copy.fates = new Map(this.fates);
    return copy;
  }

  /** One request and its answers. */
  exchange(): void {
    this.ask();
    this.answer();
  }

  /** Delivers what was asked of the nodes; their answers wait in `toServer`. */
  ask(): void {
    for (const { to, name, wire } of this.toNodes.splice(0)) {
      const node = this.nodes.get(to)!;
      if (node.alive) this.deliver(node, name, decodeMessage(name, JSON.parse(wire)));
    }
  }

  /** Delivers the nodes' answers; a stage that still waits then has its deadline. */
  answer(): void {
    const before = this.server.phase;
    for (const { from, name, wire } of this.toServer.splice(0)) {
      if (name === 'vector') this.commitVector(from);
      else
        this.tellServer({ type: 'message', from, name, message: decodeMessage(name, JSON.parse(wire)) } as ServerEvent);
    }
    if (this.server.phase === before && before !== 'ready' && before !== 'unmasking')
      this.tellServer({ type: 'deadline', stage: before as ServerStage });
  }

  /** From wherever it is to the end: committed or abandoned. */
  run(): this {
    while (this.server.phase !== 'committed' && this.server.phase !== 'abandoned') {
      if (this.server.phase === 'ready') this.startRound();
      else if (this.server.phase === 'unmasking') this.finish();
      else this.exchange();
    }
    this.exchange();
    return this;
  }

  /** The set-up's M3; nodes whose fate is `startRound` are gone by then, and the coordinator knows. */
  startRound(): void {
    for (const [index, fate] of this.fates) if (fate === 'startRound') this.kill(index, true);
    if (this.server.phase === 'ready')
      this.tellServer({ type: 'startRound', round: this.round, modelHash: leagueModelHash(this.round) });
  }

  kill(index: number, told = false): void {
    this.nodes.get(index)!.alive = false;
    if (told) this.tellServer({ type: 'dropped', index });
  }

  tellServer(event: ServerEvent): void {
    const result = stepServer(this.server, event, this.serverPorts);
    this.carryOut(result);
    if (result.refusal !== undefined) throw result.refusal;
  }

  /** One message to one node, its answer queued. */
  deliver<Name extends SetupMessageName>(node: LeagueNode, name: Name, message: MessageOf<Name>): void {
    this.tellNode(node, { type: 'message', name, message, nowMs: leagueNowMs } as ClientEvent);
  }

  tellNode(node: LeagueNode, event: ClientEvent): void {
    const result = stepClient(node.state, event, this.portsOf(node));
    node.state = result.state;
    for (const effect of result.effects) this.carryOutFor(node, effect);
    if (result.refusal !== undefined) throw result.refusal;
  }

  private journal(node: LeagueNode, record: JournalRecord): void {
    node.records.push(record);
    node.memory.apply(record);
  }

  private carryOutFor(node: LeagueNode, effect: ClientEffect): void {
    switch (effect.type) {
      case 'journal':
        this.journal(node, effect.record);
        return;
      case 'evidence':
        node.evidence.push(effect.evidence);
        return;
      case 'send':
        if (this.dies(node, effect.name)) return;
        this.toServer.push({
          from: node.index,
          name: effect.name,
          wire: JSON.stringify(encodeMessage(effect.name, effect.message as never)),
        });
        return;
      case 'prepareRound':
        this.tellNode(node, { type: 'prepared', modelHash: effect.modelHash, nowMs: leagueNowMs });
        return;
      case 'expandMasks':
        node.masks = effect.plan;
        return;
      case 'mask': {
        const tiles = maskedTiles(node.contribution, node.masks!);
        const { bytes, result } = collect(tiles);
        node.vector = bytes;
        this.tellNode(node, { type: 'maskedVector', ...result, nowMs: leagueNowMs });
        return;
      }
      case 'upload':
        if (this.dies(node, 'maskedInputHeader')) return;
        this.toServer.push({
          from: node.index,
          name: 'maskedInputHeader',
          wire: JSON.stringify(encodeMessage('maskedInputHeader', effect.header)),
        });
        if (this.dies(node, 'vector')) return;
        this.toServer.push({ from: node.index, name: 'vector', wire: '' });
        this.tellNode(node, { type: 'vectorSent' });
        return;
      case 'wipe':
        if (this.wipes) for (const secret of effect.secrets) secret.wipe();
        return;
      case 'closed':
        node.outcome = effect.outcome;
        return;
    }
  }

  private dies(node: LeagueNode, point: DropPoint): boolean {
    if (this.fates.get(node.index) === point) node.alive = false;
    return !node.alive;
  }

  private commitVector(index: number): void {
    if (this.server.phase !== 'maskedInput') return;
    const bytes = this.nodes.get(index)!.vector!;
    this.vectors.set(index, bytes);
    const vectorHash = new Uint8Array(createHash('sha256').update(bytes).digest());
    this.tellServer({ type: 'vectorCommitted', index, byteLength: bytes.length, vectorHash });
  }

  private carryOut({ state, effects }: { state: ServerState; effects: readonly ServerEffect[] }): void {
    this.server = state;
    let last: { readonly message: object; readonly wire: string } | undefined;
    for (const effect of effects) {
      this.effects.push(effect);
      if (effect.type === 'send') {
        const { to, name, message } = effect;
        if (last?.message !== message) last = { message, wire: JSON.stringify(encodeMessage(name, message as never)) };
        this.toNodes.push({ to, name, wire: last.wire });
      }
      if (effect.type === 'unmask') this.plan = effect.plan;
    }
  }

  /** Lays the sum open and tells the coordinator's reducer; the words of the whole sum, body and tail. */
  finish(): Uint32Array {
    const sum = this.openedSum(this.plan!);
    const words = wordsOf(this.config, sum);
    this.tellServer({
      type: 'unmasked',
      weightSum: words[this.config.vectorLength]!,
      resultHash: new Uint8Array(createHash('sha256').update(sum).digest()),
      newModelHash: leagueModelHash(this.round + 1),
    });
    return words;
  }

  /** Every word of the sum under a plan, which may be a wrong one. @throws HansaError SumOutOfRange (likely under a wrong plan) */
  openedWords(plan: UnmaskPlan): Uint32Array {
    return wordsOf(this.config, this.openedSum(plan));
  }

  private openedSum(plan: UnmaskPlan): Uint8Array {
    const sum = unmaskedSum(this.config, plan, (index) => this.vectors.get(index)!);
    const tiles = openSum(this.config, plan.survivors.length, sum, this.rotationSeed).tiles();
    while (tiles.next().done !== true);
    return sum;
  }

  /** What the sum of some nodes must be, word for word, from their own quantised updates. */
  exactSum(indexes: readonly number[]): Uint32Array {
    const { vectorLength, wordBits } = this.config;
    const sum = new Uint32Array(vectorLength + 1 + this.config.tail.length);
    for (const index of indexes) {
      const words = wordsOf(this.config, collect(quantisedTiles(this.nodes.get(index)!.contribution)).bytes);
      for (let word = 0; word < sum.length; word++) sum[word] = sum[word]! + words[word]!;
    }
    if (wordBits === 16) for (let word = 0; word < vectorLength; word++) sum[word] = sum[word]! & 0xffff;
    return sum;
  }
}

/** The words of a vector's bytes: body, weight, tail; without the filler. */
export function wordsOf(config: LayoutConfig, bytes: Uint8Array): Uint32Array {
  const { wordSizeBytes, bodySizeBytes } = layoutOf(config);
  const { buffer } = Uint8Array.from(bytes);
  const body = wordSizeBytes === 2 ? new Uint16Array(buffer, 0, bodySizeBytes / 2) : new Uint32Array(buffer);
  const words = new Uint32Array(config.vectorLength + 1 + config.tail.length);
  words.set(body.subarray(0, config.vectorLength));
  words.set(new Uint32Array(buffer, bodySizeBytes), config.vectorLength);
  return words;
}

/** The survivors' vectors added and their masks taken away, in one go. */
export function unmaskedSum(
  config: LayoutConfig,
  plan: UnmaskPlan,
  vectorOf: (index: number) => Uint8Array,
): Uint8Array {
  const sum = new FoldedSum(config);
  for (const index of plan.survivors) sum.add(0, vectorOf(index));
  sum.subtract(0, expandMasks(config, plan.masks));
  return Uint8Array.from(sum.bytes);
}

const forkNode = (node: LeagueNode): LeagueNode => {
  const memory = createMemory();
  for (const record of node.records) memory.apply(record);
  return { ...node, records: [...node.records], evidence: [...node.evidence], memory };
};

/** The hash that stands for the model of a round. */
export const leagueModelHash = (round: number): Uint8Array =>
  new Uint8Array(createHash('sha256').update(`model/${round}`).digest());

/** All bytes of a generator of tiles, and what it returned. */
export function collect<Result>(tiles: Generator<Uint8Array, Result, void>): { bytes: Uint8Array; result: Result } {
  const parts: Uint8Array[] = [];
  for (;;) {
    const next = tiles.next();
    if (next.done === true) return { bytes: Uint8Array.from(Buffer.concat(parts)), result: next.value };
    parts.push(Uint8Array.from(next.value));
  }
}
