import {
  graphOf,
  type ServerEffect,
  type ServerEvent,
  type ServerStage,
  type ServerState,
  type ServerStep,
  type ServerSummary,
  start,
  step,
  thresholdsFor,
} from '@hansa/aggregation/secagg/server';
import { type ErrorCode, HansaError } from '@hansa/shared/errors';
import type { SafetensorsHeader } from '@hansa/shared/numeric';
import {
  type AdminStatus,
  leaveSchema,
  type MemberStage,
  memberStages,
  progressSchema,
  type RoundPhase,
  type RoundRecord,
  type UploadTicket,
} from '@hansa/shared/protocol';
import {
  decodeMessage,
  encodeMessage,
  evidenceId,
  evidenceSchema,
  type NodeSetupMessageName,
  type Roster,
  rosterHash,
  type SecAggConfig,
} from '@hansa/shared/protocol/secagg';
import { z } from 'zod';
import { metricNames } from '../metrics/metricNames.ts';
import type { ModelRow, TaskRow } from '../storage/stateStore.ts';
import type { ByteMark } from './byteLedger.ts';
import { type OpenedModel, openModel } from './openModel.ts';
import { parseMessage } from './parseMessage.ts';
import { PhaseTimes } from './phaseTimes.ts';
import type { RoundPorts, Upload } from './ports.ts';

/** One attempt at a round. */
export interface RoundSpec {
  readonly task: TaskRow;
  readonly round: number;
  readonly attempt: number;
  readonly roster: Roster;
  /** Ids of the members, all in the roster. */
  readonly selected: readonly string[];
  readonly config: SecAggConfig;
  /** Of the model that the round starts from. */
  readonly header: SafetensorsHeader;
}

/** Records how an attempt ended, with its model where it has one: all or nothing. `roundSpent`: the round's number cannot be tried again. */
export type Settle = (record: RoundRecord, roundSpent: boolean, model?: ModelRow) => Promise<void>;

/** A node may take this long to be told that its round is over, or to notice, beside the stages' own deadlines. */
const CLOSING_MS = 60_000;

const phaseOfStage: Record<ServerStage, RoundPhase> = {
  advertiseKeys: 'advertiseKeys',
  shareKeys: 'shareKeys',
  acknowledgeShares: 'shareKeys',
  maskedInput: 'train',
  signSurvivors: 'consistency',
  revealShares: 'unmask',
};

const stageOfMessage: Record<NodeSetupMessageName, MemberStage | undefined> = {
  advertiseKeys: 'keysAdvertised',
  shareKeys: 'sharesSent',
  acknowledgeShares: 'sharesAccepted',
  maskedInputHeader: 'uploading',
  signSurvivors: 'signed',
  revealShares: 'revealed',
};

interface Member {
  readonly clientId: string;
  readonly index: number;
  stage: MemberStage;
  /** Every stage it has been in. */
  readonly reached: Set<MemberStage>;
  done: number;
  total: number;
  droppedIn: RoundPhase | undefined;
  hasHeader: boolean;
  upload: Upload | undefined;
  uploadFault: Error | undefined;
  cancelGrace: (() => void) | undefined;
}

/**
 * Carries one attempt at a round through: feeds the secure aggregation reducer with what nodes send and time brings, and does what it asks for.
 *
 * Steps of the reducer are immediate; their effects run one after another in the order given.
 */
export class RoundDriver {
  readonly #ports: RoundPorts;
  readonly #spec: RoundSpec;
  readonly #settle: Settle;
  readonly #members: readonly Member[];
  readonly #byIndex: ReadonlyMap<number, Member>;
  readonly #byClient: ReadonlyMap<string, Member>;
  readonly #phases: PhaseTimes;
  readonly #mark: ByteMark;
  readonly #notAfterMs: number;
  readonly #ended: { readonly promise: Promise<void>; readonly resolve: () => void };
  #state: ServerState;
  #effects: Promise<void> = Promise.resolve();
  #cancelDeadline: () => void = () => undefined;
  #deadlineAtMs: number | undefined;
  #lastHeaderAtMs: number | undefined;
  #lastBytesAtMs = 0;
  #signing = false;
  #requiredSurvivors = 0;
  #rebuiltMasks: RoundRecord['rebuiltMasks'] = [];
  #record: RoundRecord | undefined;

  constructor(ports: RoundPorts, spec: RoundSpec, settle: Settle) {
    this.#ports = ports;
    this.#spec = spec;
    this.#settle = settle;
    const indexes = new Map(spec.roster.members.map(({ id, index }) => [id, index]));
    this.#members = spec.selected
      .map((clientId) => newMember(clientId, indexes.get(clientId)))
      .sort((left, right) => left.index - right.index);
    this.#byIndex = new Map(this.#members.map((member) => [member.index, member]));
    this.#byClient = new Map(this.#members.map((member) => [member.clientId, member]));
    const nowMs = ports.clock.now();
    this.#phases = new PhaseTimes(nowMs);
    this.#mark = ports.bytes.mark();
    this.#ended = withResolver();
    const { deadlines } = spec.task.file;
    this.#notAfterMs =
      nowMs +
      deadlines.advertiseKeysMs +
      2 * deadlines.shareKeysMs +
      deadlines.trainMs +
      2 * deadlines.maskedInputMs +
      deadlines.consistencyMs +
      deadlines.unmaskMs +
      CLOSING_MS;
    const first = this.#open();
    this.#state = first.state;
    this.#requiredSurvivors = thresholdsFor(spec.config, this.#members.length)?.minSurvivors ?? 0;
    this.#perform(first.effects);
  }

  /** Resolves when the attempt is over and recorded. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** What a node sent; resolves to the acknowledgement's answer. @throws HansaError, by which the message is refused and nothing changed */
  async receive(clientId: string, name: string, body: unknown): Promise<unknown> {
    const member = this.#byClient.get(clientId);
    if (member === undefined) throw new HansaError('UnknownSetup', 'This node was not asked to the round in progress.');
    if (name === 'progress') return this.#noteProgress(member, body);
    if (name === 'leave') return this.#noteLeave(member, body);
    if (!isNodeMessage(name)) throw new HansaError('InvalidMessage', `There is no message "${name.slice(0, 40)}".`);
    const message = decodeMessage(name, body);
    this.#take({ type: 'message', from: member.index, name, message } as ServerEvent);
    const stage = stageOfMessage[name];
    if (stage !== undefined) advance(member, stage);
    if (name !== 'maskedInputHeader') return undefined;
    return this.#ticket(member);
  }

  connected(clientId: string): void {
    const member = this.#byClient.get(clientId);
    if (member === undefined) return;
    member.cancelGrace?.();
    member.cancelGrace = undefined;
    this.#take({ type: 'resumed', index: member.index });
  }

  disconnected(clientId: string): void {
    const member = this.#byClient.get(clientId);
    if (member === undefined || member.cancelGrace !== undefined || this.#isOver()) return;
    member.cancelGrace = this.#ports.clock.schedule(this.#ports.reconnectGraceMs, () =>
      this.#drop(member, 'its connection was lost and did not come back'),
    );
  }

  abort(code: ErrorCode, reason: string): void {
    this.#take({ type: 'abort', code, reason });
  }

  status(): NonNullable<AdminStatus['running']> {
    const { task, round, attempt } = this.#spec;
    return {
      taskId: task.id,
      round,
      attempt,
      phase: this.#livePhase(),
      ...(this.#deadlineAtMs !== undefined && { deadlineAt: new Date(this.#deadlineAtMs).toISOString() }),
      startedAt: new Date(this.#phases.startedAtMs).toISOString(),
      members: this.#members.map((member) => {
        const { up, down } = this.#mark.since(member.clientId);
        const { clientId: client, stage, done, total } = member;
        return { client, stage, done, total, bytesUp: up, bytesDown: down };
      }),
    };
  }

  #open(): ServerStep {
    const { task, attempt, roster, config } = this.#spec;
    const open = {
      federation: this.#ports.federation,
      coordinatorKey: this.#ports.identity.publicKey,
      task: task.id,
      group: 0,
      groupSeedHash: new Uint8Array(32),
      seq: attempt,
      rosterHash: rosterHash(roster),
      config,
      graph: graphOf(config),
      notAfterMs: this.#notAfterMs,
    };
    return start({ roster, open, selected: this.#members.map(({ index }) => index) }, this.#ports);
  }

  /** One step of the reducer. @throws HansaError where the event is refused */
  #take(event: ServerEvent): void {
    const { state, effects, refusal } = step(this.#state, event, this.#ports);
    this.#state = state;
    if (refusal === undefined && event.type === 'message' && event.name === 'maskedInputHeader')
      this.#noteHeader(event.from);
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
    if (this.#isOver()) {
      this.#ports.log.error({ err: error }, 'a round that is over could not be closed cleanly');
      return;
    }
    if (!(error instanceof HansaError)) this.#ports.log.error({ err: error }, 'the round failed');
    const known =
      error instanceof HansaError ? error : new HansaError('Internal', 'Internal error of the coordinator.');
    this.abort(known.code, known.message);
  }

  async #carryOut(effect: ServerEffect): Promise<void> {
    switch (effect.type) {
      case 'send':
        if (effect.name === 'survivors') await this.#beforeSigning();
        this.#send(effect);
        return;
      case 'setDeadline':
        this.#enterStage(effect.stage);
        return;
      case 'clearDeadline':
        this.#clearDeadline();
        return;
      case 'droppedOut':
        await this.#droppedOut(effect.index, effect.stage);
        return;
      case 'ready':
        this.#requiredSurvivors = effect.minSurvivors;
        this.#ports.metrics.participantsRequired.set(effect.minSurvivors);
        if (this.#state.phase !== 'ready') return;
        this.#take({
          type: 'startRound',
          round: this.#spec.round,
          modelHash: new Uint8Array(Buffer.from(this.#spec.task.modelHash, 'hex')),
        });
        return;
      case 'evidence': {
        const { log, store, clock } = this.#ports;
        const { evidence } = effect;
        const { clientId } = this.#member(evidence.member ?? -1);
        const id = Buffer.from(evidenceId(evidence)).toString('hex');
        log.warn({ client: clientId, kind: evidence.kind, evidence: id }, 'caught a member contradicting itself');
        await store.addEvidence({
          id,
          foundAtMs: clock.now(),
          taskId: this.#spec.task.id,
          attempt: this.#spec.attempt,
          clientId,
          wire: JSON.stringify(z.encode(evidenceSchema, evidence)),
        });
        return;
      }
      case 'expectVector':
        await this.#expectVector(effect.index, effect.byteLength, effect.vectorHash);
        return;
      case 'unmask':
        this.#rebuiltMasks = effect.rebuilt.map(({ index, shares, threshold, holders }) => {
          return { client: this.#member(index).clientId, shares, threshold, holders };
        });
        await this.#unmask(effect);
        return;
      case 'committed':
        await this.#end();
        return;
      case 'abandoned':
        await this.#abandoned(effect);
        return;
    }
  }

  #send(effect: Extract<ServerEffect, { type: 'send' }>): void {
    const member = this.#member(effect.to);
    const { name } = effect;
    const body = encodeMessage(name, effect.message as never);
    this.#ports.lines.send(member.clientId, name, body).catch((error: unknown) => {
      const code = error instanceof HansaError ? error.code : 'Internal';
      const unheard = code === 'ConnectionLost' || code === 'Timeout';
      this.#ports.log[unheard ? 'debug' : 'info']({ client: member.clientId, name, code }, 'a message was not taken');
      if (unheard || name === 'result' || name === 'abandoned') return;
      const detail = error instanceof Error ? error.message : '';
      this.#drop(member, `it refused "${name}" (${code}: ${detail})`);
    });
  }

  /** From here on nodes may sign for this round: that must be known after a crash, before the first of them hears it. */
  async #beforeSigning(): Promise<void> {
    if (this.#signing) return;
    await this.#ports.store.markSigning(this.#spec.task.id, this.#spec.attempt);
    this.#signing = true;
  }

  #drop(member: Member, why: string): void {
    member.cancelGrace = undefined;
    if (this.#isOver()) return;
    this.#ports.log.info({ client: member.clientId, phase: this.#livePhase(), why }, 'a member dropped out');
    this.#take({ type: 'dropped', index: member.index });
  }

  async #droppedOut(index: number, stage: ServerStage): Promise<void> {
    const member = this.#member(index);
    if (member.droppedIn !== undefined) return;
    const phase = stage === 'maskedInput' && member.hasHeader ? 'maskedInput' : phaseOfStage[stage];
    member.droppedIn = phase;
    member.stage = 'dropped';
    this.#ports.metrics.dropouts.inc({ stage: phase });
    // A vector that is complete stays in the sum, whatever becomes of its node.
    if (stage !== 'maskedInput' || member.reached.has('committed') || this.#isCommitted(index)) return;
    await member.upload?.discard();
    member.upload = undefined;
  }

  #isCommitted(index: number): boolean {
    return 'committed' in this.#state && this.#state.committed.has(index);
  }

  #enterStage(stage: ServerStage): void {
    const nowMs = this.#ports.clock.now();
    if (stage === 'signSurvivors') this.#closeTraining();
    this.#phases.enter(phaseOfStage[stage], nowMs);
    this.#ports.log.info(
      { task: this.#spec.task.id, round: this.#spec.round, attempt: this.#spec.attempt, stage },
      'stage begins',
    );
    this.#showPhase();
    const { deadlines } = this.#spec.task.file;
    if (stage === 'maskedInput') {
      this.#lastBytesAtMs = 0;
      this.#armMaskedInput(nowMs);
      return;
    }
    const delayMs = {
      advertiseKeys: deadlines.advertiseKeysMs,
      shareKeys: deadlines.shareKeysMs,
      acknowledgeShares: deadlines.shareKeysMs,
      signSurvivors: deadlines.consistencyMs,
      revealShares: deadlines.unmaskMs,
    }[stage];
    this.#arm(stage, nowMs + delayMs);
  }

  #arm(stage: ServerStage, atMs: number): void {
    this.#clearDeadline();
    this.#deadlineAtMs = atMs;
    this.#ports.metrics.roundDeadline.set(atMs / 1000);
    this.#cancelDeadline = this.#ports.clock.schedule(Math.max(0, atMs - this.#ports.clock.now()), () => {
      if (stage === 'maskedInput' && this.#maskedInputEndMs() > this.#ports.clock.now()) {
        this.#armMaskedInput(this.#ports.clock.now());
        return;
      }
      this.#take({ type: 'deadline', stage });
    });
  }

  #armMaskedInput(nowMs: number): void {
    this.#arm('maskedInput', Math.max(nowMs, this.#maskedInputEndMs()));
  }

  /** Training has its time; an upload has its own, which starts anew with every byte; neither outlasts the set-up. */
  #maskedInputEndMs(): number {
    const { deadlines } = this.#spec.task.file;
    const trainEndMs = this.#phases.beganAtMs('train') + deadlines.trainMs;
    const uploadEndMs = this.#lastBytesAtMs + deadlines.maskedInputMs;
    const wantedMs = this.#allAnnounced() ? uploadEndMs : Math.max(trainEndMs, uploadEndMs);
    return Math.min(wantedMs, this.#notAfterMs - deadlines.consistencyMs - deadlines.unmaskMs - CLOSING_MS);
  }

  #clearDeadline(): void {
    this.#cancelDeadline();
    this.#cancelDeadline = () => undefined;
    this.#deadlineAtMs = undefined;
    this.#ports.metrics.roundDeadline.set(0);
  }

  #noteHeader(index: number): void {
    const member = this.#member(index);
    if (member.hasHeader) return;
    member.hasHeader = true;
    const nowMs = this.#ports.clock.now();
    this.#lastHeaderAtMs = nowMs;
    this.#lastBytesAtMs = nowMs;
    this.#armMaskedInput(nowMs);
    this.#showPhase();
  }

  /** Training ends with the last announcement of a vector; that it was the last is known only when the stage closes. */
  #closeTraining(): void {
    if (this.#lastHeaderAtMs !== undefined) this.#phases.enter('maskedInput', this.#lastHeaderAtMs);
  }

  #allAnnounced(): boolean {
    if (!('sharers' in this.#state)) return false;
    return this.#state.sharers.every((index) => {
      const member = this.#member(index);
      return member.hasHeader || member.droppedIn !== undefined;
    });
  }

  #livePhase(): RoundPhase {
    const { current } = this.#phases;
    return current === 'train' && this.#lastHeaderAtMs !== undefined && this.#allAnnounced() ? 'maskedInput' : current;
  }

  async #expectVector(index: number, sizeBytes: number, vectorHash: Uint8Array): Promise<void> {
    const member = this.#member(index);
    // A repeated header is for the vector that is on its way: it goes on where it is.
    if (member.upload !== undefined || member.droppedIn !== undefined) return;
    try {
      member.upload = await this.#ports.uploads.order({
        clientId: member.clientId,
        sizeBytes,
        vectorHash,
        progress: (receivedBytes) => {
          this.#lastBytesAtMs = this.#ports.clock.now();
          advance(member, 'uploading');
          member.done = receivedBytes;
          member.total = sizeBytes;
        },
        finished: () => this.#vectorArrived(member, sizeBytes, vectorHash),
        failed: (error) => this.#drop(member, error.message),
      });
    } catch (error) {
      member.uploadFault = error as Error;
      this.#drop(member, (error as Error).message);
    }
  }

  async #ticket(member: Member): Promise<UploadTicket> {
    await this.#effects;
    if (member.upload !== undefined) return { path: member.upload.path };
    throw member.uploadFault ?? new HansaError('UnexpectedMessage', 'This vector is not wanted any more.');
  }

  async #vectorArrived(member: Member, sizeBytes: number, vectorHash: Uint8Array): Promise<void> {
    const { store, clock, metrics } = this.#ports;
    const { task, attempt } = this.#spec;
    if (this.#state.phase !== 'maskedInput' || member.droppedIn !== undefined) {
      throw new HansaError('UnexpectedMessage', 'This vector comes too late: the round has gone on without it.');
    }
    await store.commitUpdate({ taskId: task.id, attempt, clientId: member.clientId, sizeBytes, atMs: clock.now() });
    this.#take({ type: 'vectorCommitted', index: member.index, byteLength: sizeBytes, vectorHash });
    advance(member, 'committed');
    metrics.updates.inc({ result: 'committed', reason: 'none' });
    this.#showParticipants();
  }

  async #unmask(effect: Extract<ServerEffect, { type: 'unmask' }>): Promise<void> {
    const { clock, metrics, blobs, log } = this.#ports;
    const { task, config, header } = this.#spec;
    const files = new Map<number, string>();
    for (const { index, upload } of this.#members) if (upload !== undefined) files.set(index, upload.file);
    const beganMs = clock.now();
    const opened = await openModel({
      config,
      round: this.#spec.round,
      plan: effect.plan,
      files,
      header,
      baseModelHash: task.modelHash,
      strategy: task.file.strategy,
      blobs,
    });
    const nowMs = clock.now();
    metrics.unmaskDuration.observe((nowMs - beganMs) / 1000);
    this.#phases.enter('publish', nowMs);
    this.#showPhase();
    const { model } = opened;
    try {
      if (this.#state.phase !== 'unmasking') return await this.#forget(model.sha256);
      await this.#publish(opened, effect.plan.survivors);
    } catch (error) {
      await this.#forget(model.sha256).catch((err) => log.warn({ err }, 'an unused model could not be deleted'));
      throw error;
    }
  }

  /** Records the round, then lets the nodes know: what they hear of is there after a crash. */
  async #publish(opened: OpenedModel, survivors: readonly number[]): Promise<void> {
    const { task, round, config } = this.#spec;
    const { model, resultHash, weightSum, means } = opened;
    const record: RoundRecord = {
      ...this.#outcome('committed', { ...this.#summary(), survivors }),
      ...(means.loss !== undefined && { loss: means.loss }),
      ...(means.validationLoss !== undefined && { validationLoss: means.validationLoss }),
      weightSum,
      modelHash: model.sha256,
      sumHash: Buffer.from(resultHash).toString('hex'),
    };
    await this.#settle(record, true, {
      hash: model.sha256,
      sizeBytes: model.sizeBytes,
      parameters: config.vectorLength,
      taskId: task.id,
      round,
      createdAtMs: this.#ports.clock.now(),
    });
    this.#record = record;
    const newModelHash = new Uint8Array(Buffer.from(model.sha256, 'hex'));
    this.#take({ type: 'unmasked', weightSum, resultHash, newModelHash });
  }

  async #forget(modelHash: string): Promise<void> {
    const known = await this.#ports.store.model(modelHash);
    if (known === undefined) await this.#ports.blobs.delete(modelHash);
  }

  async #abandoned(effect: Extract<ServerEffect, { type: 'abandoned' }>): Promise<void> {
    this.#closeTraining();
    const record: RoundRecord = {
      ...this.#outcome('abandoned', effect.summary),
      reason: effect.code,
      message: effect.reason,
    };
    this.#record = record;
    try {
      await this.#settle(record, !effect.retryRound);
    } finally {
      await this.#end();
    }
  }

  async #end(): Promise<void> {
    this.#clearDeadline();
    for (const member of this.#members) member.cancelGrace?.();
    try {
      for (const member of this.#members) await member.upload?.discard();
    } finally {
      this.#showEnd();
      this.#ended.resolve();
    }
  }

  #summary(): ServerSummary {
    const state = this.#state;
    if ('summary' in state) return state.summary;
    return {
      selected: state.setup.selected,
      cohort: 'cohort' in state ? state.cohort.order : [],
      sharers: 'sharers' in state ? state.sharers : [],
      survivors: 'survivors' in state ? state.survivors : [],
    };
  }

  #outcome(outcome: RoundRecord['outcome'], summary: ServerSummary): RoundRecord {
    const { task, round, attempt, config } = this.#spec;
    const nowMs = this.#ports.clock.now();
    const idsOf = (indexes: readonly number[]) => indexes.map((index) => this.#member(index).clientId);
    const delivered = this.#members.filter(({ reached }) => reached.has('committed')).map(({ index }) => index);
    const reported = summary.survivors.length > 0 ? summary.survivors : delivered;
    const dropped = this.#members.filter(({ index, droppedIn }) =>
      outcome === 'committed' ? !reported.includes(index) : droppedIn !== undefined && !reported.includes(index),
    );
    const models = this.#ports.bytes.takeModel(task.modelHash);
    const bytes = this.#members.map(({ clientId }) => {
      const { up, down } = this.#mark.since(clientId);
      return { clientId, up, down: down + (models.get(clientId) ?? 0) };
    });
    const thresholds = thresholdsFor(config, summary.cohort.length || this.#members.length);
    return {
      taskId: task.id,
      round,
      attempt,
      outcome,
      startedAt: new Date(this.#phases.startedAtMs).toISOString(),
      selected: idsOf(summary.selected),
      reported: idsOf(reported),
      dropped: dropped.map(({ clientId }) => clientId),
      droppedIn: Object.fromEntries(
        this.#members.flatMap(({ clientId, droppedIn }) => (droppedIn === undefined ? [] : [[clientId, droppedIn]])),
      ),
      rebuiltMasks: this.#rebuiltMasks,
      requiredSurvivors: this.#requiredSurvivors,
      quorum: thresholds?.quorum ?? 0,
      threshold: thresholds?.threshold ?? 0,
      seconds: (nowMs - this.#phases.startedAtMs) / 1000,
      phaseSeconds: this.#phases.seconds(nowMs),
      bytesUp: bytes.reduce((sum, { up }) => sum + up, 0),
      bytesDown: bytes.reduce((sum, { down }) => sum + down, 0),
      bytesUpByClient: Object.fromEntries(bytes.map(({ clientId, up }) => [clientId, up])),
      bytesDownByClient: Object.fromEntries(bytes.map(({ clientId, down }) => [clientId, down])),
      baseModelHash: task.modelHash,
    };
  }

  #noteProgress(member: Member, body: unknown): undefined {
    const progress = parseMessage(progressSchema, body, 'progress');
    this.#assertCurrent(progress.taskId, progress.round);
    if (progress.stage === 'uploaded' || progress.stage === 'uploading') return undefined;
    advance(member, progress.stage);
    if (member.stage !== progress.stage) return undefined;
    member.done = progress.done;
    member.total = progress.total;
    return undefined;
  }

  #noteLeave(member: Member, body: unknown): undefined {
    const leave = parseMessage(leaveSchema, body, 'leave');
    this.#assertCurrent(leave.taskId, this.#spec.round);
    this.#drop(member, `it left (${leave.code}: ${leave.message})`);
    return undefined;
  }

  #assertCurrent(taskId: string, round: number): void {
    if (taskId === this.#spec.task.id && round === this.#spec.round) return;
    throw new HansaError('WrongRound', `Round ${this.#spec.round} of task ${this.#spec.task.id} is in progress.`);
  }

  #member(index: number): Member {
    const member = this.#byIndex.get(index);
    if (member === undefined) throw new RangeError(`${index} is no member of this round`);
    return member;
  }

  #isOver(): boolean {
    return this.#state.phase === 'committed' || this.#state.phase === 'abandoned';
  }

  #showPhase(): void {
    const { metrics } = this.#ports;
    metrics.roundNumber.set(this.#spec.round);
    showState(metrics, this.#livePhase());
    this.#showParticipants();
  }

  #showParticipants(): void {
    const { participants } = this.#ports.metrics;
    const reached = (stage: MemberStage) => this.#members.filter((member) => member.reached.has(stage)).length;
    participants.set({ stage: 'selected' }, this.#members.length);
    participants.set({ stage: 'keysShared' }, reached('sharesAccepted'));
    participants.set({ stage: 'reported' }, reached('committed'));
    participants.set({ stage: 'signed' }, reached('signed'));
    participants.set({ stage: 'revealed' }, reached('revealed'));
  }

  #showEnd(): void {
    const { metrics, log } = this.#ports;
    const record = this.#record;
    this.#showParticipants();
    showState(metrics, 'idle');
    if (record === undefined) return;
    const { taskId: task, round, attempt, outcome, reason, message, seconds } = record;
    metrics.rounds.inc({ outcome });
    log.info(
      { task, round, attempt, outcome, reason, message, seconds, reported: record.reported.length },
      'round ended',
    );
    if (outcome !== 'committed') return;
    metrics.roundDuration.observe(seconds);
    for (const [phase, value] of Object.entries(record.phaseSeconds)) {
      metrics.phaseDuration.observe({ phase: phase as RoundPhase }, value);
    }
    if (record.loss !== undefined) metrics.evalLoss.set({ split: 'train' }, record.loss);
    if (record.validationLoss !== undefined) metrics.evalLoss.set({ split: 'validation' }, record.validationLoss);
    metrics.modelVersion.set(this.#spec.task.committedRounds + 1);
    metrics.modelPublished.set(this.#ports.clock.now() / 1000);
  }
}

/** Shows one state of the coordinator as 1 and all others as 0. */
export function showState(metrics: RoundPorts['metrics'], state: 'idle' | 'recruiting' | RoundPhase): void {
  for (const other of metricNames.hansa_round_state.labels.state) {
    metrics.roundState.set({ state: other }, other === state ? 1 : 0);
  }
}

function newMember(clientId: string, index: number | undefined): Member {
  if (index === undefined) throw new RangeError(`${clientId} is not in the roster`);
  return {
    clientId,
    index,
    stage: 'selected',
    reached: new Set(),
    done: 0,
    total: 0,
    droppedIn: undefined,
    hasHeader: false,
    upload: undefined,
    uploadFault: undefined,
    cancelGrace: undefined,
  };
}

/** Stages only rise: a message that is repeated does not set a member back, and who dropped out stays so. */
function advance(member: Member, stage: MemberStage): void {
  if (memberStages.indexOf(stage) <= memberStages.indexOf(member.stage)) return;
  member.stage = stage;
  member.reached.add(stage);
}

const isNodeMessage = (name: string): name is NodeSetupMessageName => Object.hasOwn(stageOfMessage, name);

function withResolver(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
