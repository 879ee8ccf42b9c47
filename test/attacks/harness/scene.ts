import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClientPolicy } from '@hansa/aggregation/secagg/client';
import { thresholdsFor } from '@hansa/aggregation/secagg/server';
import { type LeagueConfig, leagueConfig, wordsOf } from '@hansa/aggregation/secagg/testing';
import { IdentityKey, newIdentitySeed, sha256 } from '@hansa/shared/crypto';
import { encodeFile, layOut, readHeader } from '@hansa/shared/numeric';
import { parseJoinToken } from '@hansa/shared/protocol';
import {
  encodeMessage,
  type Open,
  type Roster,
  rosterBytes,
  rosterHash,
  type SecAggConfig,
} from '@hansa/shared/protocol/secagg';
import { systemRandom } from '@hansa/shared/random';
import { difference, type OpenedSum } from './attackerView.ts';
import { Colluder } from './colluder.ts';
import { HonestNode } from './honestNode.ts';
import { NodesProcess } from './nodesProcess.ts';
import { Rogue } from './rogue.ts';
import { SetUp } from './setUp.ts';
import { modelLength, zeroUpdateModel } from './trainer.ts';

export interface SceneOptions {
  readonly honest?: number;
  readonly colluders?: number;
  readonly config?: LeagueConfig;
  /** Settings besides those that follow from the number of colluders. */
  readonly policy?: Partial<Omit<ClientPolicy, 'federation' | 'coordinatorKey' | 'approvals'>>;
  /** Honest nodes run in a separate process, which can be killed and searched. */
  readonly apart?: true;
  /** The script, and not the scene, sends nodes the roster. */
  readonly unintroduced?: true;
  /** The update of each honest member, by its place; a different one for each where left out. */
  readonly update?: (place: number) => Float32Array;
  /** Windows that each honest member trains on, by its place. */
  readonly windows?: (place: number) => number;
}

/** The fewest members that a sum may have in a cohort of this size. */
const leastSurvivors = (config: SecAggConfig, size: number): number =>
  thresholdsFor(config, size)?.minSurvivors ?? config.minSurvivors;

/** A league under attack: honest nodes of the product over real sockets, colluders, and a coordinator that follows a script. */
export class Scene {
  readonly rogue = new Rogue();
  readonly taskId = '7f0c1d0e-0000-4222-8333-444455556666';
  readonly colluders = new Map<number, Colluder>();
  readonly setUps: SetUp[] = [];
  round = 1;
  seq = 0;
  modelHash!: Uint8Array;
  roster!: Roster;
  config!: SecAggConfig;
  /** Offline: the attacker does not have its key. */
  readonly #approver = new IdentityKey(newIdentitySeed(systemRandom));
  /** Holds the folders of all honest nodes. */
  readonly folder = mkdtempSync(join(tmpdir(), 'hansa-attack-'));
  readonly #nodes = new Map<number, HonestNode>();
  readonly #options: SceneOptions;
  #planText = '';
  #process: NodesProcess | undefined;

  private constructor(options: SceneOptions) {
    this.#options = options;
  }

  static async start(options: SceneOptions = {}): Promise<Scene> {
    const scene = new Scene(options);
    try {
      await scene.#assemble();
    } catch (error) {
      await scene.stop();
      throw error;
    }
    return scene;
  }

  /** Roster indexes of the honest members; the first is the victim. */
  get honest(): readonly number[] {
    return [...this.#nodes.keys()];
  }

  /** Roster indexes of all. */
  get members(): readonly number[] {
    return [...this.#nodes.keys(), ...this.colluders.keys()].sort((left, right) => left - right);
  }

  /** All but some. */
  without(...members: readonly number[]): readonly number[] {
    return this.members.filter((member) => !members.includes(member));
  }

  get colluding(): readonly number[] {
    return [...this.colluders.keys()];
  }

  get victim(): number {
    return this.honest[0]!;
  }

  isHonest(member: number): boolean {
    return this.#nodes.has(member);
  }

  node(member: number): HonestNode {
    return this.#nodes.get(member)!;
  }

  knowledgeOf(member: number): Colluder['knowledge'] {
    return this.colluders.get(member)?.knowledge;
  }

  async #assemble(): Promise<void> {
    const { honest = 5, colluders = 2 } = this.#options;
    await this.rogue.listen();
    const ports = this.#policy();
    const indexOf = (place: number) => 3 * place + 7;
    for (let place = 0; place < honest; place++) {
      const member = indexOf(place);
      this.#nodes.set(
        member,
        await HonestNode.enrol({
          folder: join(this.folder, `node-${member}`),
          address: this.rogue.address,
          joinToken: this.rogue.joinToken(member, this.#approver),
          policy: ports,
          member,
          windows: () => this.#options.windows?.(place) ?? 10,
          update: this.#options.update?.(place),
          gaveUp: (code) => this.rogue.noteGivenUp(member, code),
        }),
      );
    }
    const { federation, key } = this.rogue;
    for (let place = honest; place < honest + colluders; place++) {
      const approvals = { by: 'consortium', approverKey: this.#approver.publicKey } as const;
      const colluder = new Colluder({ ...ports, federation, coordinatorKey: key.publicKey, approvals });
      const { publicKey } = colluder.identity;
      const approval = parseJoinToken(this.rogue.joinToken(indexOf(place), this.#approver)).approve(publicKey)!;
      this.colluders.set(indexOf(place), colluder);
      this.rogue.enrolled.set(indexOf(place), { id: randomUUID(), publicKey, approval });
    }
    this.#makeTask();
    this.roster = this.signRoster({ epoch: 0, prevHash: new Uint8Array(32), members: this.members });
    for (const colluder of this.colluders.values()) colluder.join(this.roster);
    await this.startNodes();
    await Promise.all(
      this.honest.map((member) => (this.#options.unintroduced ? this.rogue.connected(member) : this.introduce(member))),
    );
  }

  /** Starts every honest node, in this process or in one of their own. */
  async startNodes(): Promise<void> {
    if (!this.#options.apart) {
      for (const node of this.#nodes.values()) node.start();
      return;
    }
    this.#process = await NodesProcess.start(
      [...this.#nodes].map(([member, { configFile }]) => ({ member, configFile })),
      (member, code) => this.rogue.noteGivenUp(member, code),
    );
  }

  /** The process of the nodes that run apart. */
  get process(): NodesProcess {
    if (this.#process === undefined) throw new RangeError('this scene has no process of its own');
    return this.#process;
  }

  /** Kills all honest nodes and starts them again; they get roster and task again. */
  async killAndRestart(): Promise<void> {
    await this.process.kill();
    for (const member of this.honest) this.rogue.hangUp(member);
    await this.startNodes();
    await Promise.all(this.honest.map((member) => this.introduce(member)));
  }

  /** Adds a member that the attacker made and nobody approved. */
  addSybil(): number {
    const member = Math.max(...this.members) + 3;
    const impostor = new IdentityKey(newIdentitySeed(systemRandom));
    const approvals = { by: 'consortium', approverKey: impostor.publicKey } as const;
    const { federation, key } = this.rogue;
    const sybil = new Colluder({ ...this.#policy(), federation, coordinatorKey: key.publicKey, approvals });
    const { publicKey } = sybil.identity;
    const approval = parseJoinToken(this.rogue.joinToken(member, impostor)).approve(publicKey)!;
    this.colluders.set(member, sybil);
    this.rogue.enrolled.set(member, { id: randomUUID(), publicKey, approval });
    return member;
  }

  #policy() {
    return { minCohort: 5, knownFloor: 3, maxRosterChange: 0.34, maxCohortAgeMs: 86_400_000, ...this.#options.policy };
  }

  #makeTask(): void {
    const { honest = 5, colluders = 2, config = {} } = this.#options;
    const model = this.#model(0);
    this.modelHash = this.rogue.keep(model);
    this.#planText = JSON.stringify({
      job: { kind: 'demand', frequency: 'day' },
      rounds: 3,
      lastRound: 100,
      training: { steps: 1, batchSize: 4, optimizer: 'adamW', learningRate: 0.001 },
      seed: 1,
      initialModelHash: Buffer.from(this.modelHash).toString('hex'),
      weighting: config.weighting === 'buckets' ? { kind: 'examples', cap: 1600, levels: 16 } : { kind: 'uniform' },
      evaluation: { fineTuneSteps: 1, learningRates: [0.001] },
    });
    this.config = leagueConfig(honest + colluders, {
      vectorLength: modelLength,
      weightMax: 1,
      weighting: 'uniform',
      tail: [
        { name: 'loss', low: 0, high: 10, steps: 1000 },
        { name: 'validationLoss', low: 0, high: 10, steps: 1000 },
      ],
      // γ: as many as collude. δ: what the quorum allows.
      gammaPermille: Math.floor((1000 * colluders) / (honest + colluders)),
      deltaPermille: 333,
      minCohort: 5,
      minSurvivors: 3,
      knownFloor: 3,
      planHash: sha256(Buffer.from(this.#planText)),
      architectureHash: sha256(readHeader(model, model.length).headerBytes),
      ...config,
    });
  }

  #model(first: number): Uint8Array {
    const manifest = layOut([{ name: 'demand.weight', shape: [modelLength] }]);
    return encodeFile(manifest, { format: 'hansa' }, new Float32Array(modelLength).fill(first, 0, 1));
  }

  /** A model from which every honest update is zero. */
  zeroUpdateModelHash(): Uint8Array {
    return this.rogue.keep(this.#model(zeroUpdateModel));
  }

  /** Another good model. */
  otherModelHash(): Uint8Array {
    return this.rogue.keep(this.#model(1));
  }

  signRoster({
    epoch,
    prevHash,
    members,
  }: {
    readonly epoch: number;
    readonly prevHash: Uint8Array;
    readonly members: readonly number[];
  }): Roster {
    const unsigned = {
      federation: this.rogue.federation,
      epoch,
      prevHash,
      members: members.map((index) => ({ index, ...this.rogue.enrolled.get(index)! })),
    };
    return { ...unsigned, signature: this.rogue.key.sign('roster', rosterBytes(unsigned)) };
  }

  /** Sends a connected node the roster and the task. */
  async introduce(member: number): Promise<void> {
    await this.rogue.connected(member);
    await this.rogue.tell(member, 'roster', encodeMessage('roster', this.roster));
    await this.rogue.tell(member, 'assignment', {
      taskId: this.taskId,
      plan: this.#planText,
      committedRounds: 0,
      modelHash: Buffer.from(this.modelHash).toString('hex'),
    });
  }

  openFields(change: Partial<Open> = {}): Omit<Open, 'signature'> {
    return {
      federation: this.rogue.federation,
      coordinatorKey: this.rogue.key.publicKey,
      task: this.taskId,
      group: 0,
      groupSeedHash: new Uint8Array(32),
      seq: this.seq,
      rosterHash: rosterHash(this.roster),
      config: this.config,
      graph: 'complete',
      notAfterMs: Date.now() + 3_600_000,
      ...change,
    };
  }

  /** The next set-up, before its OPEN is sent. */
  setUp(change: Partial<Open> = {}): SetUp {
    this.seq += 1;
    this.rogue.startAfresh();
    const setUp = new SetUp(this, this.openFields(change));
    this.setUps.push(setUp);
    return setUp;
  }

  /** A set-up that has followed the protocol from OPEN to ACK. */
  async shared(): Promise<SetUp> {
    return this.setUp().share();
  }

  /** The worst leak to the attacker: the smallest sum with fewer members than a round may have. */
  leak(): string | undefined {
    const opened = this.setUps.flatMap((setUp) => setUp.view.openedSums());
    const differences = opened.flatMap((larger) =>
      opened.flatMap((smaller) => {
        const found = difference(larger, smaller);
        return found !== undefined && this.#isTruth(found) ? [found] : [];
      }),
    );
    // For the cohort that was sent, and for the smallest that the nodes' policy allows.
    const sizes = this.setUps.flatMap(({ cohorts }) => [...cohorts.values()].map(({ members }) => members.length));
    const allowed = leastSurvivors(this.config, Math.max(this.#policy().minCohort, ...sizes));
    const forbidden = [...opened, ...differences].filter(
      ({ hidden }) => hidden.length > 0 && hidden.length + (this.#options.colluders ?? 2) < allowed,
    );
    const fewest = Math.min(...forbidden.map(({ hidden }) => hidden.length));
    if (forbidden.length === 0) return undefined;
    return fewest === 1 ? 'one update' : `a sum of ${fewest}`;
  }

  /** Whether the words equal the sum of the members' own updates in one of the set-ups. */
  #isTruth({ members, words }: OpenedSum): boolean {
    return this.setUps.some(({ open, rounds }) => {
      if (!members.every((member) => rounds.has(member))) return false;
      const vectors = members.map((member) =>
        wordsOf(this.config, this.node(member).truth(open.task, rounds.get(member)!.round, open.seq)),
      );
      return words.every((word, place) => word === vectors.reduce((sum, vector) => (sum + vector[place]!) >>> 0, 0));
    });
  }

  /** Stops a node and starts it again; it gets roster and task again. */
  async restart(member: number): Promise<void> {
    await this.node(member).stop();
    this.rogue.hangUp(member);
    this.node(member).start();
    await this.introduce(member);
  }

  async stop(): Promise<void> {
    await this.#process?.kill();
    await Promise.all([...this.#nodes.values()].map((node) => node.stop()));
    await this.rogue.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
