import { createHash } from 'node:crypto';
import { wipeUnmaskPlan } from '@hansa/aggregation/secagg/server';
import { type ErrorCode, HansaError } from '@hansa/shared/errors';
import { parameterCount, type SafetensorsHeader } from '@hansa/shared/numeric';
import {
  type AdminStatus,
  type Leave,
  type MemberStage,
  type Progress,
  type RoundPhase,
  type RoundRecord,
  roundPhases,
} from '@hansa/shared/protocol';
import type { Roster, SecAggConfig } from '@hansa/shared/protocol/secagg';
import { trainedOf } from '../federation/createTask.ts';
import { metricNames } from '../metrics/metricNames.ts';
import type { ModelRow, TaskRow } from '../storage/stateStore.ts';
import type { ByteMark } from './byteLedger.ts';
import { CohortDriver, type Member } from './cohortDriver.ts';
import { type OpenedModel, openModel } from './openModel.ts';
import { PhaseTimes } from './phaseTimes.ts';
import type { RoundPorts } from './ports.ts';

/** Who takes part in an attempt, and under which terms. */
export interface RoundSpec {
  readonly task: TaskRow;
  readonly attempt: number;
  readonly roster: Roster;
  readonly config: SecAggConfig;
  /** One cohort, or one for each group of the last draw. */
  readonly cohorts: readonly {
    readonly group: number;
    readonly groupSeedHash: Uint8Array;
    /** Ids of the members, all in the roster. */
    readonly selected: readonly string[];
  }[];
}

/** What a committed round made; both are stored already. */
export interface RoundOutput {
  readonly model: ModelRow;
  /** What the task's strategy keeps beside the model; undefined where it keeps nothing. */
  readonly strategyStateHash: string | undefined;
}

/** What a prepared attempt is bound to. */
export interface RoundBinding {
  readonly task: TaskRow;
  readonly round: number;
  /** Of the model that the round starts from. */
  readonly header: SafetensorsHeader;
  /** Records how the attempt ended, with what it made where it committed: all or nothing. `roundSpent`: the round's number cannot be tried again. */
  settle(record: RoundRecord, roundSpent: boolean, made?: RoundOutput): Promise<void>;
  /** Every cohort that is left has been told to train: the next set-up can be made meanwhile. */
  training(): void;
}

/**
 * Carries one attempt at a round through: its cohorts' set-ups, which may be made ahead of the round, then the round itself once it is bound to one.
 *
 * The sums of the cohorts are summed; a cohort that is abandoned is left out, and the round is abandoned where all are.
 */
export class RoundDriver {
  readonly spec: RoundSpec;
  readonly #ports: RoundPorts;
  readonly #cohorts: readonly CohortDriver[];
  readonly #ended: { readonly promise: Promise<void>; readonly resolve: () => void };
  #bound: (RoundBinding & { readonly phases: PhaseTimes; readonly mark: ByteMark }) | undefined;
  #signing: Promise<void> | undefined;
  #settling: Promise<void> | undefined;
  #isTraining = false;
  #endedCohorts = 0;
  #record: RoundRecord | undefined;

  /** Begins the set-ups. */
  constructor(ports: RoundPorts, spec: RoundSpec) {
    this.spec = spec;
    this.#ports = ports;
    this.#ended = withResolver();
    const { task, attempt, roster, config } = spec;
    this.#cohorts = spec.cohorts.map(
      (cohort) =>
        new CohortDriver(
          ports,
          { task, attempt, roster, config, ...cohort },
          {
            changed: () => this.#show(),
            beforeSigning: () => this.#beforeSigning(),
            unmaskable: () => this.#settleIfComplete(),
            ended: () => this.#cohortEnded(),
          },
        ),
    );
  }

  /** Resolves when the attempt is over and, where it was bound to a round, recorded. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  get isOver(): boolean {
    return this.#cohorts.every(({ isOver }) => isOver);
  }

  /** Ids of the members that are still in. */
  get members(): readonly string[] {
    return this.#cohorts
      .filter(({ isOver }) => !isOver)
      .flatMap(({ members }) => members.filter(({ droppedIn }) => droppedIn === undefined))
      .map(({ clientId }) => clientId);
  }

  /** Starts the round on the set-ups, each as soon as it is done. Once only. */
  bind(binding: RoundBinding): void {
    const phases = new PhaseTimes(this.#ports.clock.now());
    this.#bound = { ...binding, phases, mark: this.#ports.bytes.mark() };
    this.#show();
    for (const cohort of this.#cohorts) if (!cohort.isOver) cohort.bind(binding.round, binding.task.modelHash);
    this.#settleIfComplete();
  }

  isSetup(sid: Uint8Array): boolean {
    return this.#cohorts.some((cohort) => cohort.isSetup(sid));
  }

  /** What a node sent within the set-up `sid`; resolves to the acknowledgement's answer. @throws HansaError (when it is refused; nothing has changed then) */
  async receive(clientId: string, sid: Uint8Array, name: string, body: unknown): Promise<unknown> {
    const cohort = this.#cohorts.find((one) => one.isSetup(sid));
    if (cohort === undefined) throw new HansaError('UnknownSetup', 'That set-up is none of the round in progress.');
    return cohort.receive(clientId, name, body);
  }

  note(clientId: string, progress: Progress): void {
    const round = this.#bound?.round;
    if (progress.taskId !== this.spec.task.id || progress.round !== round)
      throw new HansaError('WrongRound', `Round ${round} of task ${this.spec.task.id} is in progress.`);
    for (const cohort of this.#cohorts) cohort.note(clientId, progress);
  }

  leave(clientId: string, leave: Leave): void {
    const cohort = this.#cohorts.find((one) => one.isSetup(leave.sid));
    cohort?.leave(clientId, `it left (${leave.code}: ${leave.message})`);
  }

  connected(clientId: string): void {
    for (const cohort of this.#cohorts) cohort.connected(clientId);
  }

  disconnected(clientId: string): void {
    for (const cohort of this.#cohorts) cohort.disconnected(clientId);
  }

  abort(code: ErrorCode, reason: string): void {
    for (const cohort of this.#cohorts) if (!cohort.isOver) cohort.abort(code, reason);
  }

  /** For an admin's eyes; undefined as long as the attempt is not bound to a round. */
  status(): AdminStatus['running'] {
    if (this.#bound === undefined) return undefined;
    const { task, attempt } = this.spec;
    const { round, phases, mark } = this.#bound;
    const deadlines = this.#cohorts.map(({ deadlineAtMs }) => deadlineAtMs).filter((atMs) => atMs !== undefined);
    return {
      taskId: task.id,
      round,
      attempt,
      phase: this.#livePhase(),
      ...(deadlines.length > 0 && { deadlineAt: new Date(Math.min(...deadlines)).toISOString() }),
      startedAt: new Date(phases.startedAtMs).toISOString(),
      members: this.#members().map((member) => {
        const { up, down } = mark.since(member.clientId);
        const { clientId: client, stage, done, total } = member;
        return { client, stage, done, total, bytesUp: up, bytesDown: down };
      }),
    };
  }

  #members(): readonly Member[] {
    return this.#cohorts.flatMap(({ members }) => members);
  }

  /** From here on nodes may sign for this round: that must be known after a crash, before the first of them hears it. */
  #beforeSigning(): Promise<void> {
    this.#signing ??= this.#ports.store.markSigning(this.spec.task.id, this.spec.attempt);
    return this.#signing;
  }

  #settleIfComplete(): void {
    if (this.#bound === undefined || this.#settling !== undefined) return;
    if (this.#cohorts.some(({ masked, isOver }) => masked === undefined && !isOver)) return;
    this.#settling = this.#settle(this.#bound).catch((error: unknown) =>
      this.#ports.log.error({ err: error }, 'a round could not be closed cleanly'),
    );
  }

  async #settle(bound: RoundBinding): Promise<void> {
    try {
      if (this.#cohorts.some(({ masked, isOver }) => masked !== undefined && !isOver)) await this.#unmask(bound);
    } catch (error) {
      if (!(error instanceof HansaError)) this.#ports.log.error({ err: error }, 'the round failed');
      const known =
        error instanceof HansaError ? error : new HansaError('Internal', 'Internal error of the coordinator.');
      this.abort(known.code, known.message);
    }
    if (this.#record === undefined) await this.#abandoned(bound);
  }

  async #unmask(bound: RoundBinding): Promise<void> {
    const { clock, metrics, blobs, states, threads, log } = this.#ports;
    const { round, task, header } = bound;
    const beganMs = clock.now();
    const opened = await openModel({
      config: this.spec.config,
      round,
      cohorts: this.#cohorts.flatMap((cohort) =>
        cohort.masked === undefined || cohort.isOver
          ? []
          : [
              {
                plan: cohort.masked.plan,
                sum: (survivors: readonly number[]) => cohort.foldedSum(survivors),
                refuse: (error: HansaError) => cohort.abort(error.code, error.message),
              },
            ],
      ),
      taskId: task.id,
      strategy: task.file.strategy,
      localSteps: task.file.plan.training.steps,
      trained: trainedOf(task.file),
      modelHash: task.modelHash,
      header,
      strategyStateHash: task.strategyStateHash,
      blobs,
      states,
      threads,
    });
    const nowMs = clock.now();
    metrics.unmaskDuration.observe((nowMs - beganMs) / 1000);
    this.#bound?.phases.enter('publish', nowMs);
    this.#show();
    const { model } = opened;
    try {
      // Given up meanwhile.
      if (this.isOver) return await this.#forget(model.sha256);
      await this.#publish(bound, opened);
    } catch (error) {
      await this.#forget(model.sha256).catch((err) => log.warn({ err }, 'an unused model could not be deleted'));
      throw error;
    }
  }

  /** Records the round, then lets the nodes know: what they hear of is there after a crash. */
  async #publish(bound: RoundBinding, opened: OpenedModel): Promise<void> {
    const { round, task, header, settle } = bound;
    const { model, strategyStateHash, sums, means } = opened;
    const { loss, validationLoss, weightedSteps: _, ...metrics } = means;
    const live = this.#cohorts.filter(({ masked, isOver }) => masked !== undefined && !isOver);
    const [only] = sums;
    const resultHash =
      only !== undefined && sums.length === 1
        ? Buffer.from(only.resultHash)
        : sums.reduce((hash, sum) => hash.update(sum.resultHash), createHash('sha256')).digest();
    const record: RoundRecord = {
      ...this.#outcome(
        'committed',
        live.flatMap(({ masked }) => masked?.plan.survivors ?? []),
      ),
      ...(loss !== undefined && { loss }),
      ...(validationLoss !== undefined && { validationLoss }),
      ...(Object.keys(metrics).length > 0 && { metrics }),
      weightSum: sums.reduce((total, { weightSum }) => total + weightSum, 0),
      modelHash: model.sha256,
      sumHash: resultHash.toString('hex'),
    };
    const row = {
      hash: model.sha256,
      sizeBytes: model.sizeBytes,
      parameters: parameterCount(header.manifest),
      taskId: task.id,
      round,
      createdAtMs: this.#ports.clock.now(),
    };
    await settle(record, true, { model: row, strategyStateHash });
    this.#record = record;
    const newModelHash = new Uint8Array(Buffer.from(model.sha256, 'hex'));
    for (const [place, cohort] of live.entries()) {
      const { weightSum, resultHash: own } = sums[place]!;
      cohort.publish(weightSum, own, newModelHash);
    }
  }

  async #forget(modelHash: string): Promise<void> {
    const known = await this.#ports.store.model(modelHash);
    if (known === undefined) await this.#ports.blobs.delete(modelHash);
  }

  async #abandoned(bound: RoundBinding): Promise<void> {
    const ends = this.#cohorts.flatMap(({ abandonment }) => (abandonment === undefined ? [] : [abandonment]));
    for (const { masked } of this.#cohorts) if (masked !== undefined) wipeUnmaskPlan(masked.plan);
    const record: RoundRecord = {
      ...this.#outcome('abandoned', []),
      reason: ends[0]?.code,
      message: ends[0]?.reason,
    };
    this.#record = record;
    try {
      await bound.settle(
        record,
        ends.some(({ retryRound }) => !retryRound),
      );
    } finally {
      this.#finishIfOver();
    }
  }

  async #cohortEnded(): Promise<void> {
    this.#endedCohorts += 1;
    this.#show();
    this.#settleIfComplete();
    this.#finishIfOver();
  }

  /** Over is an attempt whose cohorts are, and whose record is written; set-ups that were never bound leave none. */
  #finishIfOver(): void {
    if (this.#endedCohorts < this.#cohorts.length) return;
    if (this.#bound !== undefined && this.#record === undefined) return;
    this.#showEnd();
    this.#ended.resolve();
  }

  #outcome(outcome: RoundRecord['outcome'], survivors: readonly number[]): RoundRecord {
    const { task, attempt } = this.spec;
    const bound = this.#bound!;
    const { round, phases, mark } = bound;
    const nowMs = this.#ports.clock.now();
    const members = this.#members();
    const delivered = members.filter(({ reached }) => reached.has('committed')).map(({ index }) => index);
    const reported = survivors.length > 0 ? survivors : delivered;
    const dropped = members.filter(({ index, droppedIn }) =>
      outcome === 'committed' ? !reported.includes(index) : droppedIn !== undefined && !reported.includes(index),
    );
    const idsOf = (indexes: readonly number[]) =>
      members.filter(({ index }) => indexes.includes(index)).map(({ clientId }) => clientId);
    const models = this.#ports.bytes.takeModel(bound.task.modelHash);
    const bytes = members.map(({ clientId }) => {
      const { up, down } = mark.since(clientId);
      return { clientId, up, down: down + (models.get(clientId) ?? 0) };
    });
    const thresholds = this.#cohorts.map((cohort) => cohort.thresholds);
    return {
      taskId: task.id,
      round,
      attempt,
      outcome,
      startedAt: new Date(phases.startedAtMs).toISOString(),
      selected: members.map(({ clientId }) => clientId),
      reported: idsOf(reported),
      dropped: dropped.map(({ clientId }) => clientId),
      droppedIn: Object.fromEntries(
        members.flatMap(({ clientId, droppedIn }) => (droppedIn === undefined ? [] : [[clientId, droppedIn]])),
      ),
      rebuiltMasks: this.#cohorts.flatMap((cohort) =>
        (cohort.masked?.rebuilt ?? []).map(({ index, shares, threshold, holders }) => {
          return { client: cohort.member(index).clientId, shares, threshold, holders };
        }),
      ),
      requiredSurvivors: thresholds.reduce((sum, one) => sum + (one?.minSurvivors ?? 0), 0),
      quorum: Math.max(0, ...thresholds.map((one) => one?.quorum ?? 0)),
      threshold: Math.max(0, ...thresholds.map((one) => one?.threshold ?? 0)),
      seconds: (nowMs - phases.startedAtMs) / 1000,
      phaseSeconds: phases.seconds(nowMs),
      bytesUp: bytes.reduce((sum, { up }) => sum + up, 0),
      bytesDown: bytes.reduce((sum, { down }) => sum + down, 0),
      bytesUpByClient: Object.fromEntries(bytes.map(({ clientId, up }) => [clientId, up])),
      bytesDownByClient: Object.fromEntries(bytes.map(({ clientId, down }) => [clientId, down])),
      baseModelHash: bound.task.modelHash,
    };
  }

  /** The phase of the cohort that is furthest behind. */
  #livePhase(): RoundPhase {
    const current = this.#bound?.phases.current ?? 'advertiseKeys';
    if (current === 'publish') return current;
    const live = this.#cohorts.filter(({ isOver }) => !isOver).map(({ phase }) => roundPhases.indexOf(phase));
    return live.length === 0 ? current : (roundPhases[Math.min(...live)] ?? current);
  }

  /** Notes the phase that the round has come to, and tells the metrics. */
  #show(): void {
    const bound = this.#bound;
    if (bound === undefined) return;
    const phase = this.#livePhase();
    const nowMs = this.#ports.clock.now();
    if (roundPhases.indexOf(phase) > roundPhases.indexOf('maskedInput')) {
      // Training ends with the last announcement of a vector; that it was the last is known only when the stage closes.
      const headers = this.#cohorts.map(({ lastHeaderAtMs }) => lastHeaderAtMs ?? 0);
      const lastMs = Math.max(0, ...headers);
      if (lastMs > 0) bound.phases.enter('maskedInput', lastMs);
    }
    if (phase !== 'maskedInput') bound.phases.enter(phase, nowMs);
    const { metrics } = this.#ports;
    metrics.roundNumber.set(bound.round);
    const deadlines = this.#cohorts.map(({ deadlineAtMs }) => deadlineAtMs).filter((atMs) => atMs !== undefined);
    metrics.roundDeadline.set(deadlines.length === 0 ? 0 : Math.min(...deadlines) / 1000);
    const required = this.#cohorts.reduce((sum, { thresholds }) => sum + (thresholds?.minSurvivors ?? 0), 0);
    metrics.participantsRequired.set(required);
    showState(metrics, phase);
    this.#showParticipants();
    const isTraining = roundPhases.indexOf(phase) >= roundPhases.indexOf('train') && !this.isOver;
    if (!isTraining || this.#isTraining) return;
    this.#isTraining = true;
    bound.training();
  }

  #showParticipants(): void {
    const { participants } = this.#ports.metrics;
    const members = this.#members();
    const reached = (stage: MemberStage) => members.filter((member) => member.reached.has(stage)).length;
    participants.set({ stage: 'selected' }, members.length);
    participants.set({ stage: 'keysShared' }, reached('sharesAccepted'));
    participants.set({ stage: 'reported' }, reached('committed'));
    participants.set({ stage: 'signed' }, reached('signed'));
    participants.set({ stage: 'revealed' }, reached('revealed'));
  }

  #showEnd(): void {
    const { metrics, log } = this.#ports;
    const record = this.#record;
    if (record === undefined) {
      const end = this.#cohorts[0]?.abandonment;
      log.info({ attempt: this.spec.attempt, code: end?.code, reason: end?.reason }, 'a prepared set-up was given up');
      return;
    }
    this.#showParticipants();
    showState(metrics, 'idle');
    metrics.roundDeadline.set(0);
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
    metrics.modelVersion.set((this.#bound?.task.committedRounds ?? 0) + 1);
    metrics.modelPublished.set(this.#ports.clock.now() / 1000);
  }
}

/** Shows one state of the coordinator as 1 and all others as 0. */
export function showState(metrics: RoundPorts['metrics'], state: 'idle' | 'recruiting' | RoundPhase): void {
  for (const other of metricNames.hansa_round_state.labels.state) {
    metrics.roundState.set({ state: other }, other === state ? 1 : 0);
  }
}

function withResolver(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
