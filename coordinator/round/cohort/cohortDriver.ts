import type { FoldedSum } from '@hansa/aggregation/secagg/encoding';
import {
  type ServerEffect,
  type ServerEvent,
  type ServerState,
  start,
  step,
  type Thresholds,
  thresholdsFor,
} from '@hansa/aggregation/secagg/server';
import { type ErrorCode, HansaError } from '@hansa/shared/errors';
import { type Progress, phaseOfStage, type RoundPhase, type Stage, type UploadTicket } from '@hansa/shared/protocol';
import { decodeMessage, type Evidence } from '@hansa/shared/protocol/secagg';
import type { TaskRow } from '../../storage/stateStore.ts';
import { handedOutState } from '../../storage/strategyStates.ts';
import { keepEvidence } from '../keepEvidence.ts';
import { encodeOnce } from '../messages/encodeOnce.ts';
import type { RoundPorts } from '../ports.ts';
import type { CohortListener } from './cohortListener.ts';
import type { Abandonment, MaskedSum } from './cohortOutcome.ts';
import { type CohortSpec, openOf } from './cohortSpec.ts';
import { CohortUploads } from './cohortUploads.ts';
import { notAfter } from './deadlines.ts';
import { Member, Members } from './member.ts';
import { isSetupMessage, memberStageOf } from './memberStageOf.ts';
import { ReconnectGrace } from './reconnectGrace.ts';
import { StageTimer } from './stageTimer.ts';

/**
 * Carries one cohort through its set-up and, once it is bound to a round, through that: feeds the secure aggregation reducer with what nodes send and
 * time brings, and does what it asks for.
 *
 * Steps of the reducer are immediate; their effects run one after another in the order given.
 */
export class CohortDriver {
  readonly #ports: RoundPorts;
  readonly #spec: CohortSpec;
  readonly #listener: CohortListener;
  readonly #members: Members;
  readonly #uploads: CohortUploads;
  readonly #timer: StageTimer;
  readonly #grace: ReconnectGrace;
  readonly #encode = encodeOnce();
  #state: ServerState;
  #stage: Stage = 'advertiseKeys';
  #effects: Promise<void> = Promise.resolve();
  #lastAnnouncedAtMs: number | undefined;
  #binding: { readonly round: number; readonly task: TaskRow } | undefined;
  #masked: MaskedSum | undefined;
  #abandonment: Abandonment | undefined;

  /** Begins the set-up. @throws RangeError (when a member is not in the roster) */
  constructor(ports: RoundPorts, spec: CohortSpec, listener: CohortListener) {
    this.#ports = ports;
    this.#spec = spec;
    this.#listener = listener;
    const indexes = new Map(spec.roster.members.map(({ id, index }) => [id, index]));
    this.#members = new Members(spec.selected.map((clientId) => new Member(clientId, indexes.get(clientId))));
    const { deadlines } = spec.task.file;
    const notAfterMs = notAfter(deadlines, ports.clock.now());
    this.#timer = new StageTimer(ports.clock, deadlines, notAfterMs, {
      passed: (stage) => this.#take({ type: 'deadline', stage }),
      putOff: () => listener.changed(),
      allAnnounced: () => this.#allAnnounced(),
    });
    this.#grace = new ReconnectGrace(ports.clock, ports.reconnectGraceMs, (member) =>
      this.#drop(member, 'its connection was lost and did not come back'),
    );
    this.#uploads = new CohortUploads(ports.uploads, spec.config, {
      bytesArrived: () => this.#timer.bytesArrived(),
      arrived: (member, sizeBytes, vectorHash) => this.#vectorArrived(member, sizeBytes, vectorHash),
      failed: (member, why) => this.#drop(member, why),
    });
    const setup = {
      roster: spec.roster,
      open: openOf(spec, ports, notAfterMs),
      selected: this.#members.all.map(({ index }) => index),
    };
    const first = start(setup, ports);
    this.#state = first.state;
    this.#perform(first.effects);
  }

  get members(): readonly Member[] {
    return this.#members.all;
  }

  /** The phase it is in. */
  get phase(): RoundPhase {
    const isUploading = this.#stage === 'maskedInput' && this.#lastAnnouncedAtMs !== undefined && this.#allAnnounced();
    return isUploading ? 'maskedInput' : phaseOfStage[this.#stage];
  }

  get deadlineAtMs(): number | undefined {
    return this.#timer.deadlineAtMs;
  }

  /** When the last member so far announced its vector. */
  get lastAnnouncedAtMs(): number | undefined {
    return this.#lastAnnouncedAtMs;
  }

  /** The sum that waits to be opened. */
  get masked(): MaskedSum | undefined {
    return this.#masked;
  }

  /** Why there is no sum. */
  get abandonment(): Abandonment | undefined {
    return this.#abandonment;
  }

  get isOver(): boolean {
    return this.#state.phase === 'committed' || this.#state.phase === 'abandoned';
  }

  get thresholds(): Thresholds | undefined {
    if ('cohort' in this.#state) return this.#state.cohort.thresholds;
    return thresholdsFor(this.#spec.config, this.#members.all.length);
  }

  /** @throws RangeError (when no member has that place in the roster) */
  member(index: number): Member {
    return this.#members.at(index);
  }

  isSetup(sid: Uint8Array): boolean {
    return Buffer.from(this.#state.setup.sid).equals(sid);
  }

  /** Binds the set-up to a round: M3 leaves as soon as the set-up is done. Once only. */
  bind(round: number, task: TaskRow): void {
    this.#binding = { round, task };
    this.#startIfReady();
  }

  /** What a member sent; resolves to the acknowledgement's answer. @throws HansaError (when it is refused; nothing has changed then) */
  async receive(clientId: string, name: string, body: unknown): Promise<unknown> {
    if (!isSetupMessage(name)) throw new HansaError('InvalidMessage', `There is no message "${name.slice(0, 40)}".`);
    const member = this.#members.of(clientId);
    if (member === undefined) throw new HansaError('UnknownSetup', 'This node was not asked to that set-up.');
    const message = decodeMessage(name, body);
    this.#take({ type: 'message', from: member.index, name, message } as ServerEvent);
    member.advance(memberStageOf[name]);
    return name === 'maskedInputHeader' ? this.#ticket(member) : undefined;
  }

  connected(clientId: string): void {
    const member = this.#members.of(clientId);
    if (member === undefined) return;
    this.#grace.back(member);
    this.#take({ type: 'resumed', index: member.index });
  }

  disconnected(clientId: string): void {
    const member = this.#members.of(clientId);
    if (member !== undefined && !this.isOver) this.#grace.lost(member);
  }

  /** A member says that it drops out. */
  leave(clientId: string, why: string): void {
    const member = this.#members.of(clientId);
    if (member !== undefined) this.#drop(member, why);
  }

  /** How far a member says it is; what it has uploaded is known better here. */
  note(clientId: string, { stage, done, total }: Progress): void {
    if (stage !== 'uploaded' && stage !== 'uploading') this.#members.of(clientId)?.count(stage, done, total);
  }

  abort(code: ErrorCode, reason: string): void {
    this.#take({ type: 'abort', code, reason });
  }

  /** The sum of these members' masked vectors, which the caller may change. Once only. */
  foldedSum(survivors: readonly number[]): Promise<FoldedSum> {
    return this.#uploads.foldedSum(survivors);
  }

  /** The sum is open and the round recorded: every member of U2 is told. */
  publish(weightSum: number, resultHash: Uint8Array, newModelHash: Uint8Array): void {
    this.#take({ type: 'unmasked', weightSum, resultHash, newModelHash });
  }

  /** One step of the reducer. @throws HansaError (when the event is refused) */
  #take(event: ServerEvent): void {
    const { state, effects, refusal } = step(this.#state, event, this.#ports);
    this.#state = state;
    const end = effects.find((effect) => effect.type === 'abandoned');
    if (end !== undefined) this.#abandonment = { code: end.code, reason: end.reason, retryRound: end.retryRound };
    if (refusal === undefined && event.type === 'message' && event.name === 'maskedInputHeader')
      this.#announced(this.#members.at(event.from));
    this.#perform(effects);
    if (refusal !== undefined) throw refusal;
  }

  #perform(effects: readonly ServerEffect[]): void {
    this.#effects = this.#effects.then(async () => {
      try {
        for (const effect of effects) await this.#carryOut(effect);
      } catch (error) {
        this.#fail(error);
      }
    });
  }

  #fail(error: unknown): void {
    if (this.isOver) {
      this.#ports.log.error({ err: error }, 'a cohort that is over could not be ended cleanly');
      return;
    }
    if (!(error instanceof HansaError)) this.#ports.log.error({ err: error }, 'the cohort failed');
    const known =
      error instanceof HansaError ? error : new HansaError('Internal', 'Internal error of the coordinator.');
    this.abort(known.code, known.message);
  }

  async #carryOut(effect: ServerEffect): Promise<void> {
    switch (effect.type) {
      case 'send':
        if (effect.name === 'survivors') await this.#listener.beforeSigning();
        this.#send(effect);
        return;
      case 'setDeadline':
        this.#enterStage(effect.stage);
        return;
      case 'clearDeadline':
        this.#timer.clear();
        this.#listener.changed();
        return;
      case 'droppedOut':
        await this.#droppedOut(effect.index, effect.stage);
        return;
      case 'ready':
        this.#startIfReady();
        return;
      case 'evidence':
        await this.#keepEvidence(effect.evidence);
        return;
      case 'expectVector':
        await this.#uploads.expect(this.#members.at(effect.index), effect.byteLength, effect.vectorHash);
        return;
      case 'unmask':
        this.#masked = { plan: effect.plan, rebuilt: effect.rebuilt };
        this.#listener.unmaskable();
        return;
      case 'committed':
      case 'abandoned':
        await this.#end();
        return;
    }
  }

  #startIfReady(): void {
    if (this.#binding === undefined || this.#state.phase !== 'ready') return;
    const { round, task } = this.#binding;
    const [modelHash, controlHash] = [bytesOf(task.modelHash), bytesOf(handedOutState(task))];
    this.#take({ type: 'startRound', round, modelHash, controlHash });
  }

  #send(effect: Extract<ServerEffect, { type: 'send' }>): void {
    const member = this.#members.at(effect.to);
    const { name } = effect;
    const body = this.#encode(name, effect.message);
    this.#ports.connections.send(member.clientId, name, body).catch((error: unknown) => {
      const code = error instanceof HansaError ? error.code : 'Internal';
      const unheard = code === 'ConnectionLost' || code === 'Timeout';
      this.#ports.log[unheard ? 'debug' : 'info']({ client: member.clientId, name, code }, 'a message was not taken');
      if (unheard || name === 'result' || name === 'abandoned') return;
      const detail = error instanceof Error ? error.message : '';
      this.#drop(member, `it refused "${name}" (${code}: ${detail})`);
    });
  }

  #drop(member: Member, why: string): void {
    this.#grace.back(member);
    if (this.isOver) return;
    this.#ports.log.info({ client: member.clientId, phase: this.phase, why }, 'a member dropped out');
    this.#take({ type: 'dropped', index: member.index });
  }

  async #droppedOut(index: number, stage: Stage): Promise<void> {
    const member = this.#members.at(index);
    if (member.droppedIn !== undefined) return;
    const phase = stage === 'maskedInput' && member.announced ? 'maskedInput' : phaseOfStage[stage];
    member.drop(phase);
    this.#ports.metrics.dropouts.inc({ stage: phase });
    this.#listener.changed();
    // A vector that is complete stays in the sum, whatever becomes of its node.
    if (stage !== 'maskedInput' || member.reached('committed') || this.#isCommitted(index)) return;
    await this.#uploads.discard(member);
  }

  #isCommitted(index: number): boolean {
    return 'committed' in this.#state && this.#state.committed.has(index);
  }

  #keepEvidence(evidence: Evidence): Promise<void> {
    const { task, attempt } = this.#spec;
    const { clientId } = this.#members.at(evidence.member ?? -1);
    return keepEvidence(this.#ports, { taskId: task.id, attempt, clientId }, evidence);
  }

  #enterStage(stage: Stage): void {
    this.#stage = stage;
    const { task, attempt, group } = this.#spec;
    this.#ports.log.info({ task: task.id, attempt, ...(group > 0 && { group }), stage }, 'stage begins');
    this.#timer.enter(stage);
    this.#listener.changed();
  }

  #announced(member: Member): void {
    if (member.announced) return;
    member.announce();
    this.#lastAnnouncedAtMs = this.#ports.clock.now();
    this.#timer.announced();
    this.#listener.changed();
  }

  #allAnnounced(): boolean {
    if (!('sharers' in this.#state)) return false;
    return this.#state.sharers.every((index) => {
      const { announced, droppedIn } = this.#members.at(index);
      return announced || droppedIn !== undefined;
    });
  }

  async #ticket(member: Member): Promise<UploadTicket> {
    await this.#effects;
    return this.#uploads.ticket(member);
  }

  async #vectorArrived(member: Member, sizeBytes: number, vectorHash: Uint8Array): Promise<void> {
    const { store, clock, metrics } = this.#ports;
    const { task, attempt } = this.#spec;
    if (this.#state.phase !== 'maskedInput' || member.droppedIn !== undefined) {
      throw new HansaError('UnexpectedMessage', 'This vector comes too late: the round has gone on without it.');
    }
    await store.commitUpdate({ taskId: task.id, attempt, clientId: member.clientId, sizeBytes, atMs: clock.now() });
    this.#take({ type: 'vectorCommitted', index: member.index, byteLength: sizeBytes, vectorHash });
    member.advance('committed');
    metrics.updates.inc({ result: 'committed', reason: 'none' });
    this.#listener.changed();
  }

  async #end(): Promise<void> {
    this.#timer.clear();
    this.#grace.clear();
    try {
      await this.#uploads.end();
    } finally {
      await this.#listener.ended();
    }
  }
}

function bytesOf(hash: string): Uint8Array;
function bytesOf(hash: string | undefined): Uint8Array | undefined;
function bytesOf(hash: string | undefined): Uint8Array | undefined {
  return hash === undefined ? undefined : new Uint8Array(Buffer.from(hash, 'hex'));
}
