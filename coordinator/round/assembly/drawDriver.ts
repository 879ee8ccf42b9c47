import {
  type DrawServerEffect,
  type DrawServerEvent,
  type DrawServerState,
  type DrawServerStep,
  type DrawStage,
  startDraw,
  stepDrawServer,
} from '@hansa/aggregation/secagg/grouping';
import { HansaError } from '@hansa/shared/errors';
import {
  decodeMessage,
  type Evidence,
  type NodeDrawMessageName,
  type Roster,
  rosterHash,
  type SecAggConfig,
} from '@hansa/shared/protocol/secagg';
import type { DrawnGroups, TaskRow } from '../../storage/stateStore.ts';
import { keepEvidence } from '../keepEvidence.ts';
import { encodeOnce } from '../messages/encodeOnce.ts';
import type { RoundPorts } from '../ports.ts';

/** One draw of groups. */
export interface DrawSpec {
  readonly task: TaskRow;
  readonly seq: number;
  readonly roster: Roster;
  /** Ids of the members that are asked, all in the roster. */
  readonly selected: readonly string[];
  readonly config: SecAggConfig;
}

/** What came of a draw. */
export type DrawEnd =
  | { readonly type: 'grouped'; readonly groups: DrawnGroups }
  /** `withheld`: ids of the members that committed to a part of the seed and did not reveal it. */
  | { readonly type: 'void'; readonly withheld: readonly string[]; readonly reason: string };

/** Carries one draw through, as a cohort's driver does a set-up: every member commits to a part of the seed, then every one reveals its part. */
export class DrawDriver {
  readonly #ports: RoundPorts;
  readonly #spec: DrawSpec;
  readonly #indexes: ReadonlyMap<string, number>;
  readonly #ids: ReadonlyMap<number, string>;
  readonly #ended: { readonly promise: Promise<DrawEnd>; readonly resolve: (end: DrawEnd) => void };
  readonly #encode = encodeOnce();
  #state: DrawServerState;
  #cancelDeadline: () => void = () => undefined;

  constructor(ports: RoundPorts, spec: DrawSpec) {
    this.#ports = ports;
    this.#spec = spec;
    const { task, seq, roster, config, selected } = spec;
    const listed = new Map(roster.members.map(({ id, index }) => [id, index]));
    this.#indexes = new Map(selected.map((id) => [id, listed.get(id) ?? -1]));
    this.#ids = new Map([...this.#indexes].map(([id, index]) => [index, id]));
    let resolve: (end: DrawEnd) => void = () => undefined;
    const promise = new Promise<DrawEnd>((done) => {
      resolve = done;
    });
    this.#ended = { promise, resolve };
    const { advertiseKeysMs, shareKeysMs } = task.file.deadlines;
    const draw = {
      federation: ports.federation,
      coordinatorKey: ports.identity.publicKey,
      task: task.id,
      seq,
      rosterHash: rosterHash(roster),
      config,
      notAfterMs: ports.clock.now() + 2 * (advertiseKeysMs + shareKeysMs),
    };
    const first = startDraw(roster, draw, [...this.#ids.keys()], ports);
    this.#state = first.state;
    this.#carryOutAll(first);
  }

  /** Resolves when the draw is over; the nodes then know their groups. */
  get ended(): Promise<DrawEnd> {
    return this.#ended.promise;
  }

  /** What a node sent. @throws HansaError (when it is refused; nothing has changed then) */
  receive(clientId: string, name: NodeDrawMessageName, body: unknown): void {
    const from = this.#indexes.get(clientId);
    if (from === undefined) throw new HansaError('UnknownSetup', 'This node was not asked to the draw in progress.');
    this.#take({ type: 'message', from, name, message: decodeMessage(name, body) } as DrawServerEvent);
  }

  connected(clientId: string): void {
    const index = this.#indexes.get(clientId);
    if (index !== undefined) this.#take({ type: 'resumed', index });
  }

  disconnected(clientId: string): void {
    this.#drop(clientId);
  }

  /** Ends it without groups and with nobody at fault. */
  stop(reason: string): void {
    this.#end({ type: 'void', withheld: [], reason });
  }

  #take(event: DrawServerEvent): void {
    const step = stepDrawServer(this.#state, event, this.#ports);
    this.#state = step.state;
    this.#carryOutAll(step);
    if (step.refusal !== undefined) throw step.refusal;
  }

  #carryOutAll({ effects }: DrawServerStep): void {
    for (const effect of effects) this.#carryOut(effect);
  }

  #carryOut(effect: DrawServerEffect): void {
    switch (effect.type) {
      case 'send':
        this.#send(effect);
        return;
      case 'setDeadline':
        this.#arm(effect.stage);
        return;
      case 'clearDeadline':
        this.#cancelDeadline();
        return;
      case 'evidence':
        void this.#keepEvidence(effect.evidence);
        return;
      case 'grouped': {
        const groups = {
          seedHash: Buffer.from(effect.seedHash).toString('hex'),
          groups: effect.groups.map((group) => [...group]),
        };
        this.#end({ type: 'grouped', groups });
        return;
      }
      case 'void': {
        const withheld = effect.withheld.flatMap((index) => this.#ids.get(index) ?? []);
        this.#end({ type: 'void', withheld, reason: effect.reason });
        return;
      }
    }
  }

  #end(end: DrawEnd): void {
    this.#cancelDeadline();
    const { task, seq } = this.#spec;
    this.#ports.log.info({ task: task.id, draw: seq, outcome: end.type }, 'draw ended');
    this.#ended.resolve(end);
  }

  #arm(stage: DrawStage): void {
    this.#cancelDeadline();
    const { advertiseKeysMs, shareKeysMs } = this.#spec.task.file.deadlines;
    const delayMs = stage === 'commitSeed' ? advertiseKeysMs : shareKeysMs;
    this.#cancelDeadline = this.#ports.clock.schedule(delayMs, () => this.#take({ type: 'deadline', stage }));
  }

  #send(effect: Extract<DrawServerEffect, { type: 'send' }>): void {
    const clientId = this.#ids.get(effect.to);
    if (clientId === undefined) throw new RangeError(`${effect.to} is no member of this draw`);
    const body = this.#encode(effect.name, effect.message);
    this.#ports.connections.send(clientId, effect.name, body).catch((error: unknown) => {
      const code = error instanceof HansaError ? error.code : 'Internal';
      this.#ports.log.info({ client: clientId, name: effect.name, code }, 'a message was not taken');
      // Whoever refuses the draw, or cannot be reached, is not in it.
      if (effect.name !== 'seedReveals') this.#drop(clientId);
    });
  }

  #drop(clientId: string): void {
    const index = this.#indexes.get(clientId);
    if (index !== undefined && this.#state.phase !== 'over') this.#take({ type: 'dropped', index });
  }

  async #keepEvidence(evidence: Evidence): Promise<void> {
    const { task, seq } = this.#spec;
    const clientId = this.#ids.get(evidence.member ?? -1) ?? '';
    await keepEvidence(this.#ports, { taskId: task.id, attempt: seq, clientId }, evidence).catch((err) =>
      this.#ports.log.error({ err }, 'evidence could not be kept'),
    );
  }
}
