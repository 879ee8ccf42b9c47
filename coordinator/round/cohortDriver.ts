import type { FoldedSum } from '@hansa/aggregation/secagg/encoding';
import {
  graphOf,
  type RebuiltMask,
  type ServerEffect,
  type ServerEvent,
  type ServerStage,
  type ServerState,
  type ServerSummary,
  start,
  step,
  type Thresholds,
  thresholdsFor,
  type UnmaskPlan,
} from '@hansa/aggregation/secagg/server';
import { type ErrorCode, HansaError } from '@hansa/shared/errors';
import {
  type MemberStage,
  memberStages,
  type Progress,
  type RoundPhase,
  type UploadTicket,
} from '@hansa/shared/protocol';
import {
  decodeMessage,
  type Evidence,
  type NodeSetupMessageName,
  type Roster,
  rosterHash,
  type SecAggConfig,
} from '@hansa/shared/protocol/secagg';
import type { TaskRow } from '../storage/stateStore.ts';
import { CohortSum } from './cohortSum.ts';
import { encodeOnce } from './encodeOnce.ts';
import { keepEvidence } from './keepEvidence.ts';
import type { RoundPorts, Upload } from './ports.ts';

/** One set-up and, later, its part in a round. */
export interface CohortSpec {
  readonly task: TaskRow;
  /** `seq` of OPEN. */
  readonly attempt: number;
  /** The group's number in the last draw, from 1; 0 where the task has one group only. */
  readonly group: number;
  /** What names that draw; zeros without groups. */
  readonly groupSeedHash: Uint8Array;
  readonly roster: Roster;
  /** Ids of the members, all in the roster. */
  readonly selected: readonly string[];
  readonly config: SecAggConfig;
}

/** Whom a cohort's driver tells. */
export interface CohortWatcher {
  /** Where the cohort or one of its members is has changed. */
  changed(): void;
  /** Awaited before the first node hears of a U3: from there on it may sign. */
  beforeSigning(): Promise<void>;
  /** The masks of the sum can be taken away; `publish` or `abort` must follow. */
  unmaskable(): void;
  /** The cohort is over and every node that waits was told. */
  ended(): Promise<void>;
}

/** How a cohort ended without a sum. */
export interface Abandonment {
  readonly code: ErrorCode;
  readonly reason: string;
  /** Whether the round's number can be tried again. */
  readonly retryRound: boolean;
}

/** What is opened: a sum and how its masks go. */
export interface MaskedSum {
  readonly plan: UnmaskPlan;
  readonly rebuilt: readonly RebuiltMask[];
}

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

/** A member as people see it. */
export interface Member {
  readonly clientId: string;
  readonly index: number;
  readonly stage: MemberStage;
  /** Every stage it has been in. */
  readonly reached: ReadonlySet<MemberStage>;
  readonly done: number;
  readonly total: number;
  readonly droppedIn: RoundPhase | undefined;
}

interface LiveMember extends Member {
  stage: MemberStage;
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
 * Carries one cohort through its set-up and, once it is bound to a round, through that: feeds the secure aggregation reducer with what nodes send and
 * time brings, and does what it asks for.
 *
 * Steps of the reducer are immediate; their effects run one after another in the order given.
 */
export class CohortDriver {
  readonly #ports: RoundPorts;
  readonly #spec: CohortSpec;
  readonly #watcher: CohortWatcher;
  readonly #members: readonly LiveMember[];
  readonly #byIndex: ReadonlyMap<number, LiveMember>;
  readonly #byClient: ReadonlyMap<string, LiveMember>;
  readonly #notAfterMs: number;
  readonly #sum: CohortSum;
  readonly #encode = encodeOnce();
  #state: ServerState;
  #phase: RoundPhase = 'advertiseKeys';
  #effects: Promise<void> = Promise.resolve();
  #cancelDeadline: () => void = () => undefined;
  #deadlineAtMs: number | undefined;
  #trainBeganAtMs = 0;
  #lastHeaderAtMs: number | undefined;
  #lastBytesAtMs = 0;
  #binding: { readonly round: number; readonly modelHash: string } | undefined;
  #masked: MaskedSum | undefined;
  #abandonment: Abandonment | undefined;

  constructor(ports: RoundPorts, spec: CohortSpec, watcher: CohortWatcher) {
    this.#ports = ports;
    this.#spec = spec;
    this.#watcher = watcher;
    const indexes = new Map(spec.roster.members.map(({ id, index }) => [id, index]));
    this.#members = spec.selected
      .map((clientId) => newMember(clientId, indexes.get(clientId)))
      .sort((left, right) => left.index - right.index);
    this.#byIndex = new Map(this.#members.map((member) => [member.index, member]));
    this.#byClient = new Map(this.#members.map((member) => [member.clientId, member]));
    const { deadlines } = spec.task.file;
    // Twice, since a set-up that is made ahead waits for the round before to end.
    this.#notAfterMs =
      ports.clock.now() +
      deadlines.advertiseKeysMs +
      2 * deadlines.shareKeysMs +
      2 * (deadlines.trainMs + 2 * deadlines.maskedInputMs + deadlines.consistencyMs + deadlines.unmaskMs + CLOSING_MS);
    const { task, attempt, group, groupSeedHash, roster, config } = spec;
    const open = {
      federation: ports.federation,
      coordinatorKey: ports.identity.publicKey,
      task: task.id,
      group,
      groupSeedHash,
      seq: attempt,
      rosterHash: rosterHash(roster),
      config,
      graph: graphOf(config),
      notAfterMs: this.#notAfterMs,
    };
    this.#sum = new CohortSum(config);
    const first = start({ roster, open, selected: this.#members.map(({ index }) => index) }, ports);
    this.#state = first.state;
    this.#perform(first.effects);
  }

  get config(): SecAggConfig {
    return this.#spec.config;
  }

  get members(): readonly Member[] {
    return this.#members;
  }

  /** Where it is; while nobody can start on it yet, the set-up's phases. */
  get phase(): RoundPhase {
    return this.#phase === 'train' && this.#lastHeaderAtMs !== undefined && this.#allAnnounced()
      ? 'maskedInput'
      : this.#phase;
  }

  get deadlineAtMs(): number | undefined {
    return this.#deadlineAtMs;
  }

  /** When the last member so far announced its vector. */
  get lastHeaderAtMs(): number | undefined {
    return this.#lastHeaderAtMs;
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

  /** Whether the set-up is done and nothing keeps it from starting. */
  get isReady(): boolean {
    return this.#state.phase === 'ready';
  }

  get thresholds(): Thresholds | undefined {
    if ('cohort' in this.#state) return this.#state.cohort.thresholds;
    return thresholdsFor(this.#spec.config, this.#members.length);
  }

  /** Who got how far, as roster indexes. */
  get summary(): ServerSummary {
    const state = this.#state;
    if ('summary' in state) return state.summary;
    return {
      selected: state.setup.selected,
      cohort: 'cohort' in state ? state.cohort.order : [],
      sharers: 'sharers' in state ? state.sharers : [],
      survivors: 'survivors' in state ? state.survivors : [],
    };
  }

  member(index: number): Member {
    return this.#member(index);
  }

  has(clientId: string): boolean {
    return this.#byClient.has(clientId);
  }

  isSetup(sid: Uint8Array): boolean {
    return Buffer.from(this.#state.setup.sid).equals(sid);
  }

  /** Binds the set-up to a round: M3 leaves as soon as the set-up is done. Once only. */
  bind(round: number, modelHash: string): void {
    this.#binding = { round, modelHash };
    this.#startIfReady();
  }

  /** What a member sent; resolves to the acknowledgement's answer. @throws HansaError (when it is refused; nothing has changed then) */
  async receive(clientId: string, name: string, body: unknown): Promise<unknown> {
    if (!isSetupMessage(name)) throw new HansaError('InvalidMessage', `There is no message "${name.slice(0, 40)}".`);
    const member = this.#byClient.get(clientId);
    if (member === undefined) throw new HansaError('UnknownSetup', 'This node was not asked to that set-up.');
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
    if (member === undefined || member.cancelGrace !== undefined || this.isOver) return;
    member.cancelGrace = this.#ports.clock.schedule(this.#ports.reconnectGraceMs, () =>
      this.#drop(member, 'its connection was lost and did not come back'),
    );
  }

  /** The member's own word that it is out. */
  leave(clientId: string, why: string): void {
    const member = this.#byClient.get(clientId);
    if (member !== undefined) this.#drop(member, why);
  }

  /** How far a member says it is. */
  note(clientId: string, progress: Progress): void {
    const member = this.#byClient.get(clientId);
    if (member === undefined || progress.stage === 'uploaded' || progress.stage === 'uploading') return;
    advance(member, progress.stage);
    if (member.stage !== progress.stage) return;
    member.done = progress.done;
    member.total = progress.total;
  }

  abort(code: ErrorCode, reason: string): void {
    this.#take({ type: 'abort', code, reason });
  }

  /** The sum of these members' masked vectors, which the caller may change. Once only. */
  foldedSum(survivors: readonly number[]): Promise<FoldedSum> {
    const files = new Map<number, string>();
    for (const { index, upload } of this.#members) if (upload !== undefined) files.set(index, upload.file);
    return this.#sum.complete(survivors, files);
  }

  /** The sum is open and the round recorded: every member of U2 hears of it. */
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
    if (this.isOver) {
      this.#ports.log.error({ err: error }, 'a cohort that is over could not be closed cleanly');
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
        if (effect.name === 'survivors') await this.#watcher.beforeSigning();
        this.#send(effect);
        return;
      case 'setDeadline':
        this.#enterStage(effect.stage);
        return;
      case 'clearDeadline':
        this.#clearDeadline();
        this.#watcher.changed();
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
        await this.#expectVector(effect.index, effect.byteLength, effect.vectorHash);
        return;
      case 'unmask':
        this.#masked = { plan: effect.plan, rebuilt: effect.rebuilt };
        this.#watcher.unmaskable();
        return;
      case 'committed':
        await this.#end();
        return;
      case 'abandoned':
        await this.#end();
        return;
    }
  }

  #startIfReady(): void {
    if (this.#binding === undefined || this.#state.phase !== 'ready') return;
    const { round, modelHash } = this.#binding;
    this.#take({ type: 'startRound', round, modelHash: new Uint8Array(Buffer.from(modelHash, 'hex')) });
  }

  #send(effect: Extract<ServerEffect, { type: 'send' }>): void {
    const member = this.#member(effect.to);
    const { name } = effect;
    const body = this.#encode(name, effect.message);
    this.#ports.lines.send(member.clientId, name, body).catch((error: unknown) => {
      const code = error instanceof HansaError ? error.code : 'Internal';
      const unheard = code === 'ConnectionLost' || code === 'Timeout';
      this.#ports.log[unheard ? 'debug' : 'info']({ client: member.clientId, name, code }, 'a message was not taken');
      if (unheard || name === 'result' || name === 'abandoned') return;
      const detail = error instanceof Error ? error.message : '';
      this.#drop(member, `it refused "${name}" (${code}: ${detail})`);
    });
  }

  #drop(member: LiveMember, why: string): void {
    member.cancelGrace = undefined;
    if (this.isOver) return;
    this.#ports.log.info({ client: member.clientId, phase: this.phase, why }, 'a member dropped out');
    this.#take({ type: 'dropped', index: member.index });
  }

  async #droppedOut(index: number, stage: ServerStage): Promise<void> {
    const member = this.#member(index);
    if (member.droppedIn !== undefined) return;
    const phase = stage === 'maskedInput' && member.hasHeader ? 'maskedInput' : phaseOfStage[stage];
    member.droppedIn = phase;
    member.stage = 'dropped';
    this.#ports.metrics.dropouts.inc({ stage: phase });
    this.#watcher.changed();
    // A vector that is complete stays in the sum, whatever becomes of its node.
    if (stage !== 'maskedInput' || member.reached.has('committed') || this.#isCommitted(index)) return;
    await member.upload?.discard();
    member.upload = undefined;
  }

  #isCommitted(index: number): boolean {
    return 'committed' in this.#state && this.#state.committed.has(index);
  }

  #keepEvidence(evidence: Evidence): Promise<void> {
    const { task, attempt } = this.#spec;
    const { clientId } = this.#member(evidence.member ?? -1);
    return keepEvidence(this.#ports, { taskId: task.id, attempt, clientId }, evidence);
  }

  #enterStage(stage: ServerStage): void {
    const nowMs = this.#ports.clock.now();
    this.#phase = phaseOfStage[stage];
    const { task, attempt, group } = this.#spec;
    this.#ports.log.info({ task: task.id, attempt, ...(group > 0 && { group }), stage }, 'stage begins');
    if (stage === 'maskedInput') {
      this.#trainBeganAtMs = nowMs;
      this.#lastBytesAtMs = 0;
      this.#armMaskedInput(nowMs);
    } else {
      const { deadlines } = task.file;
      const delayMs = {
        advertiseKeys: deadlines.advertiseKeysMs,
        shareKeys: deadlines.shareKeysMs,
        acknowledgeShares: deadlines.shareKeysMs,
        signSurvivors: deadlines.consistencyMs,
        revealShares: deadlines.unmaskMs,
      }[stage];
      this.#arm(stage, nowMs + delayMs);
    }
    this.#watcher.changed();
  }

  #arm(stage: ServerStage, atMs: number): void {
    this.#clearDeadline();
    this.#deadlineAtMs = atMs;
    this.#cancelDeadline = this.#ports.clock.schedule(Math.max(0, atMs - this.#ports.clock.now()), () => {
      if (stage === 'maskedInput' && this.#maskedInputEndMs() > this.#ports.clock.now()) {
        this.#armMaskedInput(this.#ports.clock.now());
        this.#watcher.changed();
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
    const trainEndMs = this.#trainBeganAtMs + deadlines.trainMs;
    const uploadEndMs = this.#lastBytesAtMs + deadlines.maskedInputMs;
    const wantedMs = this.#allAnnounced() ? uploadEndMs : Math.max(trainEndMs, uploadEndMs);
    return Math.min(wantedMs, this.#notAfterMs - deadlines.consistencyMs - deadlines.unmaskMs - CLOSING_MS);
  }

  #clearDeadline(): void {
    this.#cancelDeadline();
    this.#cancelDeadline = () => undefined;
    this.#deadlineAtMs = undefined;
  }

  #noteHeader(index: number): void {
    const member = this.#member(index);
    if (member.hasHeader) return;
    member.hasHeader = true;
    const nowMs = this.#ports.clock.now();
    this.#lastHeaderAtMs = nowMs;
    this.#lastBytesAtMs = nowMs;
    this.#armMaskedInput(nowMs);
    this.#watcher.changed();
  }

  #allAnnounced(): boolean {
    if (!('sharers' in this.#state)) return false;
    return this.#state.sharers.every((index) => {
      const member = this.#member(index);
      return member.hasHeader || member.droppedIn !== undefined;
    });
  }

  async #expectVector(index: number, sizeBytes: number, vectorHash: Uint8Array): Promise<void> {
    const member = this.#member(index);
    // A repeated header is for the vector that is on its way: it goes on where it is.
    if (member.upload !== undefined || member.droppedIn !== undefined) return;
    // Where there is no memory for a vector the cohort ends here.
    this.#sum.begin();
    try {
      member.upload = await this.#ports.uploads.order({
        clientId: member.clientId,
        sizeBytes,
        vectorHash,
        received: (byteOffset, chunk) => {
          this.#sum.fold(index, byteOffset, chunk);
          this.#lastBytesAtMs = this.#ports.clock.now();
          advance(member, 'uploading');
          member.done = byteOffset + chunk.length;
          member.total = sizeBytes;
        },
        deleting: (file) => this.#sum.takeOut(index, file),
        finished: () => this.#vectorArrived(member, sizeBytes, vectorHash),
        failed: (error) => this.#drop(member, error.message),
      });
    } catch (error) {
      member.uploadFault = error as Error;
      this.#drop(member, (error as Error).message);
    }
  }

  async #ticket(member: LiveMember): Promise<UploadTicket> {
    await this.#effects;
    if (member.upload !== undefined) return { path: member.upload.path };
    throw member.uploadFault ?? new HansaError('UnexpectedMessage', 'This vector is not wanted any more.');
  }

  async #vectorArrived(member: LiveMember, sizeBytes: number, vectorHash: Uint8Array): Promise<void> {
    const { store, clock, metrics } = this.#ports;
    const { task, attempt } = this.#spec;
    if (this.#state.phase !== 'maskedInput' || member.droppedIn !== undefined) {
      throw new HansaError('UnexpectedMessage', 'This vector comes too late: the round has gone on without it.');
    }
    await store.commitUpdate({ taskId: task.id, attempt, clientId: member.clientId, sizeBytes, atMs: clock.now() });
    this.#take({ type: 'vectorCommitted', index: member.index, byteLength: sizeBytes, vectorHash });
    advance(member, 'committed');
    metrics.updates.inc({ result: 'committed', reason: 'none' });
    this.#watcher.changed();
  }

  async #end(): Promise<void> {
    this.#sum.drop();
    this.#clearDeadline();
    for (const member of this.#members) member.cancelGrace?.();
    try {
      for (const member of this.#members) await member.upload?.discard();
    } finally {
      await this.#watcher.ended();
    }
  }

  #member(index: number): LiveMember {
    const member = this.#byIndex.get(index);
    if (member === undefined) throw new RangeError(`${index} is no member of this cohort`);
    return member;
  }
}

function newMember(clientId: string, index: number | undefined): LiveMember {
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
function advance(member: LiveMember, stage: MemberStage): void {
  if (memberStages.indexOf(stage) <= memberStages.indexOf(member.stage)) return;
  member.stage = stage;
  member.reached.add(stage);
}

const isSetupMessage = (name: string): name is NodeSetupMessageName => Object.hasOwn(stageOfMessage, name);
