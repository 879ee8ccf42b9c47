import type { IdentityKey } from '@hansa/shared/crypto';
import {
  type Evidence,
  encodeMessage,
  type NodeMessageName,
  type NodeSetupMessageName,
} from '@hansa/shared/protocol/secagg';
import type { RandomSource } from '@hansa/shared/random';
import { createMemory, type JournalledMemory } from '../client/memory.ts';
import type {
  ClientEvent,
  ClientOutcome,
  ClientPolicy,
  ClientPorts,
  ClientState,
  JournalRecord,
} from '../client/types.ts';
import { waiting } from '../client/waiting.ts';
import { SetupDriver, type SetupPorts, wipeSecrets } from '../driver/index.ts';
import { type Contribution, maskedTiles } from '../encoding/maskedTiles.ts';
import type { MaskPlan } from '../masks.ts';
import type { ServerStage } from '../server/types.ts';
import { leagueNowMs } from './setting.ts';
import { collect } from './vectors.ts';

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

/** The league around a node. */
export interface Surroundings {
  /** Whether `wipe` effects overwrite secrets. */
  readonly wipes: boolean;
  /** Where each node dies. */
  readonly fates: ReadonlyMap<number, DropPoint>;
  /** What nodes have sent, as it goes on the wire. */
  readonly toServer: { readonly from: number; readonly name: NodeSetupMessageName | 'vector'; readonly wire: string }[];
}

interface Facts {
  readonly index: number;
  readonly identity: IdentityKey;
  readonly random: RandomSource;
  readonly policy: ClientPolicy;
  readonly contribution: Contribution;
}

/** A message as it goes on the wire. */
export const wireOf = (name: NodeMessageName, message: unknown): string =>
  JSON.stringify(encodeMessage(name, message as never));

/** A node without disk, network or training: the real reducer and its driver, whose ports wait for nothing. */
export class SimulatedNode {
  readonly index: number;
  readonly identity: IdentityKey;
  readonly random: RandomSource;
  readonly policy: ClientPolicy;
  readonly contribution: Contribution;
  readonly records: JournalRecord[] = [];
  readonly evidence: Evidence[] = [];
  readonly memory: JournalledMemory = createMemory();
  alive = true;
  vector: Uint8Array | undefined;
  outcome: ClientOutcome | undefined;
  #masks: MaskPlan | undefined;
  #driver: SetupDriver;
  readonly #facts: Facts;
  readonly #league: Surroundings;

  constructor(facts: Facts, league: Surroundings) {
    this.index = facts.index;
    this.identity = facts.identity;
    this.random = facts.random;
    this.policy = facts.policy;
    this.contribution = facts.contribution;
    this.#facts = facts;
    this.#league = league;
    this.#driver = this.#driverAt(waiting);
  }

  /** A copy that goes its own way, in another league or beside this node. */
  fork(league: Surroundings = this.#league): SimulatedNode {
    const copy = new SimulatedNode(this.#facts, league);
    for (const record of this.records) copy.journal(record);
    copy.evidence.push(...this.evidence);
    copy.alive = this.alive;
    copy.vector = this.vector;
    copy.outcome = this.outcome;
    copy.#masks = this.#masks;
    copy.state = this.state;
    return copy;
  }

  get state(): ClientState {
    return this.#driver.state;
  }

  set state(state: ClientState) {
    this.#driver = this.#driverAt(state);
  }

  /** What the reducer needs. */
  get reducerPorts(): ClientPorts {
    return { random: this.random, identity: this.identity, memory: this.memory, policy: this.policy };
  }

  /** Forgets the set-up before, as for a new one. */
  startAfresh(): void {
    this.state = waiting;
    this.vector = undefined;
    this.outcome = undefined;
  }

  journal(record: JournalRecord): void {
    this.records.push(record);
    this.memory.apply(record);
  }

  /** @throws HansaError (which refuses the event) */
  apply(event: ClientEvent): void {
    this.#driver.applyNow(event);
  }

  #driverAt(state: ClientState): SetupDriver {
    const { index } = this;
    const send = (name: NodeSetupMessageName, message: unknown): void => {
      if (this.#dies(name as DropPoint)) return;
      this.#league.toServer.push({ from: index, name, wire: wireOf(name, message) });
    };
    const ports: SetupPorts = {
      journal: ({ record }) => this.journal(record),
      evidence: ({ evidence }) => void this.evidence.push(evidence),
      send: ({ name, message }) => send(name, message),
      prepareRound: ({ modelHash }) => this.apply({ type: 'prepared', modelHash, nowMs: leagueNowMs }),
      expandMasks: ({ plan }) => {
        this.#masks = plan;
      },
      mask: () => {
        const { bytes, result } = collect(maskedTiles(this.contribution, this.#masks!));
        this.vector = bytes;
        this.apply({ type: 'maskedVector', ...result, nowMs: leagueNowMs });
      },
      upload: ({ header }) => {
        send('maskedInputHeader', header);
        if (this.#dies('vector')) return;
        this.#league.toServer.push({ from: index, name: 'vector', wire: '' });
        this.apply({ type: 'vectorSent' });
      },
      wipe: (effect) => {
        if (this.#league.wipes) wipeSecrets(effect);
      },
      closed: ({ outcome }) => {
        this.outcome = outcome;
      },
      failed: () => undefined,
    };
    return new SetupDriver(this.reducerPorts, ports, state);
  }

  #dies(point: DropPoint): boolean {
    if (this.#league.fates.get(this.index) === point) this.alive = false;
    return !this.alive;
  }
}
