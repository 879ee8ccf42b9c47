import { createHash } from 'node:crypto';
import { IdentityKey, SecretBytes } from '@hansa/shared/crypto';
import {
  decodeMessage,
  encodeMessage,
  type MessageOf,
  type Open,
  type Roster,
  rosterBytes,
  rosterHash,
  type SecAggConfig,
  type SetupMessageName,
} from '@hansa/shared/protocol/secagg';
import { seededRandom } from '@hansa/shared/random';
import { TestApprover } from '@hansa/shared/testing';
import { acceptRoster } from '../client/roster.ts';
import type { ClientEvent, ClientPolicy } from '../client/types.ts';
import { type Contribution, quantisedTiles, updateOf } from '../encoding/maskedTiles.ts';
import { openSum } from '../encoding/openSum.ts';
import { rotationSeed } from '../encoding/rotation.ts';
import type { TailValues } from '../encoding/tail.ts';
import { graphOf } from '../graph.ts';
import type { UnmaskPlan } from '../masks.ts';
import { start, step as stepServer } from '../server/step.ts';
import type { ServerEffect, ServerEvent, ServerPorts, ServerStage, ServerState } from '../server/types.ts';
import {
  type LeagueConfig,
  leagueConfig,
  leagueFederation,
  leagueModelHash,
  leagueNowMs,
  leagueTask,
  uuidOf,
} from './setting.ts';
import { type DropPoint, SimulatedNode, type Surroundings } from './simulatedNode.ts';
import { collect, unmaskedSum, wordsOf } from './vectors.ts';

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

interface ToNode {
  readonly to: number;
  readonly name: SetupMessageName;
  readonly wire: string;
}

/**
 * The reducers of a coordinator and its nodes in one process: real cryptography, every message over its JSON encoding; no network, disk, clock or training.
 *
 * `exchange` is one request (`ask`) and its answers (`answer`). A league can be forked at any moment, since the reducers change nothing in place.
 */
export class ReducerLeague implements Surroundings {
  readonly options: LeagueOptions;
  readonly config: SecAggConfig;
  readonly coordinator: IdentityKey;
  readonly roster: Roster;
  nodes: ReadonlyMap<number, SimulatedNode>;
  server!: ServerState;
  /** Every effect of the coordinator's reducer, in order. */
  effects: ServerEffect[] = [];
  toNodes: ToNode[] = [];
  toServer: Surroundings['toServer'] = [];
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
        index: ReducerLeague.indexOf(node),
        id: uuidOf(`node-${node}`),
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
        const index = ReducerLeague.indexOf(node);
        const random = seededRandom(`${options.seed}/random/${node}`);
        const contribution = this.contributionOf(node);
        const entry = new SimulatedNode({ index, identity, random, policy, contribution }, this);
        entry.journal({ type: 'roster', roster: accepted });
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

  /** Begins a set-up with all nodes (or some); nodes that ended an earlier one start over. */
  open(selected: readonly number[] = [...this.nodes.keys()]): this {
    this.seq += 1;
    for (const node of this.nodes.values()) node.startAfresh();
    this.vectors = new Map();
    this.plan = undefined;
    this.effects = [];
    this.toNodes = [];
    this.toServer = [];
    this.carryOut(start({ roster: this.roster, open: this.openFields(), selected }, this.serverPorts));
    return this;
  }

  /** A copy that goes its own way; needs `wipes` off. */
  fork(): ReducerLeague {
    if (this.wipes) throw new RangeError('A league that wipes its secrets cannot be forked');
    const copy: ReducerLeague = Object.create(ReducerLeague.prototype);
    Object.assign(copy, this);
    copy.nodes = new Map([...this.nodes].map(([index, node]) => [index, node.fork(copy)]));
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
  deliver<Name extends SetupMessageName>(node: SimulatedNode, name: Name, message: MessageOf<Name>): void {
    node.apply({ type: 'message', name, message, nowMs: leagueNowMs } as ClientEvent);
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
