import { createHash } from 'node:crypto';
import { wipeUnmaskPlan } from '@hansa/aggregation/secagg/server';
import { type ErrorCode, HansaError } from '@hansa/shared/errors';
import { jobTerms, meansOfKnown } from '@hansa/shared/model';
import { parameterCount } from '@hansa/shared/numeric';
import {
  type AdminStatus,
  type Leave,
  type Progress,
  type RoundPhase,
  type RoundRecord,
  roundPhases,
} from '@hansa/shared/protocol';
import { handedOutState } from '../../storage/strategyStates.ts';
import type { ByteMark } from '../byteLedger.ts';
import { CohortDriver } from '../cohort/cohortDriver.ts';
import type { Member } from '../cohort/member.ts';
import type { OpenedModel } from '../model/openModel.ts';
import type { RoundPorts } from '../ports.ts';
import type { AttemptSpec, RoundBinding } from './attemptSpec.ts';
import { firstDeadline, livePhase } from './livePhase.ts';
import { openCohorts } from './openCohorts.ts';
import { PhaseTimes } from './phaseTimes.ts';
import { showEnd, showRound } from './roundMetrics.ts';
import { type RoundEnd, roundRecord } from './roundRecord.ts';

/** An attempt's round, once it has one. */
interface Bound extends RoundBinding {
  readonly phases: PhaseTimes;
  readonly mark: ByteMark;
}

/**
 * Carries one attempt at a round through: its cohorts' set-ups, which may be made ahead of the round, then the round itself once it is bound to one.
 *
 * The sums of the cohorts are summed; a cohort that is abandoned is left out, and the round is abandoned where all are.
 */
export class AttemptDriver {
  readonly spec: AttemptSpec;
  readonly #ports: RoundPorts;
  readonly #cohorts: readonly CohortDriver[];
  readonly #ended: { readonly promise: Promise<void>; readonly resolve: () => void };
  #bound: Bound | undefined;
  #signing: Promise<void> | undefined;
  #concluding: Promise<void> | undefined;
  #isTraining = false;
  #endedCohorts = 0;
  #record: RoundRecord | undefined;

  /** Begins the set-ups. */
  constructor(ports: RoundPorts, spec: AttemptSpec) {
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
            changed: () => this.#noteStatus(),
            beforeSigning: () => this.#beforeSigning(),
            unmaskable: () => this.#concludeIfComplete(),
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
    this.#noteStatus();
    for (const cohort of this.#cohorts) if (!cohort.isOver) cohort.bind(binding.round, binding.task);
    this.#concludeIfComplete();
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

  /** For an admin's status; undefined as long as the attempt is not bound to a round. */
  status(): AdminStatus['running'] {
    if (this.#bound === undefined) return undefined;
    const { task, attempt } = this.spec;
    const { round, phases, mark } = this.#bound;
    const deadlineAtMs = firstDeadline(this.#cohorts);
    return {
      taskId: task.id,
      round,
      attempt,
      phase: this.#phase(),
      ...(deadlineAtMs !== undefined && { deadlineAt: new Date(deadlineAtMs).toISOString() }),
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

  /** From here on nodes may sign for this round: that must be on disk before the first of them is told. */
  #beforeSigning(): Promise<void> {
    this.#signing ??= this.#ports.store.markSigning(this.spec.task.id, this.spec.attempt);
    return this.#signing;
  }

  #concludeIfComplete(): void {
    if (this.#bound === undefined || this.#concluding !== undefined) return;
    if (this.#cohorts.some(({ masked, isOver }) => masked === undefined && !isOver)) return;
    this.#concluding = this.#conclude(this.#bound).catch((error: unknown) =>
      this.#ports.log.error({ err: error }, 'a round could not be ended cleanly'),
    );
  }

  async #conclude(bound: Bound): Promise<void> {
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

  async #unmask(bound: Bound): Promise<void> {
    const { clock, metrics, log } = this.#ports;
    const beganMs = clock.now();
    const opened = await openCohorts(this.#ports, bound, this.spec.config, this.#cohorts);
    const nowMs = clock.now();
    metrics.unmaskDuration.observe((nowMs - beganMs) / 1000);
    bound.phases.enter('publish', nowMs);
    this.#noteStatus();
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

  /** Stores the round's record, then tells the nodes: what they are told is there after a crash. */
  async #publish(bound: Bound, opened: OpenedModel): Promise<void> {
    const { round, task, header } = bound;
    const { model, strategyStateHash, sums, means } = opened;
    const live = this.#cohorts.filter(({ masked, isOver }) => masked !== undefined && !isOver);
    const survivors = live.flatMap((cohort) => {
      return (cohort.masked?.plan.survivors ?? []).map((index) => cohort.member(index).clientId);
    });
    const record = this.#recordOf(bound, {
      outcome: 'committed',
      survivors,
      loss: means.loss,
      validationLoss: means.validationLoss,
      metrics: meansOfKnown(jobTerms(task.file.plan.job.kind).tail, means, survivors.length),
      weightSum: sums.reduce((total, { weightSum }) => total + weightSum, 0),
      modelHash: model.sha256,
      sumHash: hashOfSums(sums).toString('hex'),
    });
    const row = {
      hash: model.sha256,
      sizeBytes: model.sizeBytes,
      parameters: parameterCount(header.manifest),
      taskId: task.id,
      round,
      createdAtMs: this.#ports.clock.now(),
    };
    await bound.storeEnd(record, true, { model: row, strategyStateHash });
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

  async #abandoned(bound: Bound): Promise<void> {
    const ends = this.#cohorts.flatMap(({ abandonment }) => (abandonment === undefined ? [] : [abandonment]));
    for (const { masked } of this.#cohorts) if (masked !== undefined) wipeUnmaskPlan(masked.plan);
    const [first] = ends;
    const record = this.#recordOf(bound, { outcome: 'abandoned', code: first?.code, message: first?.reason });
    this.#record = record;
    try {
      await bound.storeEnd(
        record,
        ends.some(({ retryRound }) => !retryRound),
      );
    } finally {
      this.#finishIfOver();
    }
  }

  async #cohortEnded(): Promise<void> {
    this.#endedCohorts += 1;
    this.#noteStatus();
    this.#concludeIfComplete();
    this.#finishIfOver();
  }

  /** Over is an attempt whose cohorts are, and whose record is written; set-ups that were never bound leave none. */
  #finishIfOver(): void {
    if (this.#endedCohorts < this.#cohorts.length) return;
    if (this.#bound !== undefined && this.#record === undefined) return;
    this.#tellEnd();
    this.#ended.resolve();
  }

  #recordOf({ round, task, phases, mark }: Bound, end: RoundEnd): RoundRecord {
    const endedAtMs = this.#ports.clock.now();
    const models = this.#ports.bytes.takeModels([task.modelHash, handedOutState(task)]);
    return roundRecord(
      {
        taskId: task.id,
        round,
        attempt: this.spec.attempt,
        baseModelHash: task.modelHash,
        startedAtMs: phases.startedAtMs,
        endedAtMs,
        phaseSeconds: phases.seconds(endedAtMs),
        members: this.#members().map((member) => {
          const { clientId, droppedIn } = member;
          const { up: bytesUp, down } = mark.since(clientId);
          const bytesDown = down + (models.get(clientId) ?? 0);
          return { clientId, droppedIn, committed: member.reached('committed'), bytesUp, bytesDown };
        }),
        thresholds: this.#cohorts.flatMap(({ thresholds }) => thresholds ?? []),
        rebuilt: this.#cohorts.flatMap((cohort) =>
          (cohort.masked?.rebuilt ?? []).map((rebuilt) => ({
            ...rebuilt,
            clientId: cohort.member(rebuilt.index).clientId,
          })),
        ),
      },
      end,
    );
  }

  #phase(): RoundPhase {
    return livePhase(this.#cohorts, this.#bound?.phases.current ?? roundPhases[0]);
  }

  /** Notes the phase that the round has come to, and shows it in the metrics. */
  #noteStatus(): void {
    const bound = this.#bound;
    if (bound === undefined) return;
    const phase = this.#phase();
    const nowMs = this.#ports.clock.now();
    if (isAfter(phase, 'maskedInput')) {
      // Training ends with the last announcement of a vector; that it was the last is known only when the stage is over.
      const lastMs = Math.max(0, ...this.#cohorts.map(({ lastAnnouncedAtMs }) => lastAnnouncedAtMs ?? 0));
      if (lastMs > 0) bound.phases.enter('maskedInput', lastMs);
    }
    if (phase !== 'maskedInput') bound.phases.enter(phase, nowMs);
    showRound(this.#ports.metrics, {
      round: bound.round,
      phase,
      deadlineAtMs: firstDeadline(this.#cohorts),
      requiredSurvivors: this.#cohorts.reduce((sum, { thresholds }) => sum + (thresholds?.minSurvivors ?? 0), 0),
      members: this.#members(),
    });
    if (this.#isTraining || this.isOver || isAfter('train', phase)) return;
    this.#isTraining = true;
    bound.training();
  }

  #tellEnd(): void {
    const { metrics, log, clock } = this.#ports;
    const record = this.#record;
    if (record === undefined) {
      const end = this.#cohorts[0]?.abandonment;
      log.info({ attempt: this.spec.attempt, code: end?.code, reason: end?.reason }, 'a prepared set-up was given up');
      return;
    }
    const { taskId: task, round, attempt, outcome, reason, message, seconds } = record;
    const version = (this.#bound?.task.committedRounds ?? 0) + 1;
    showEnd(metrics, record, this.#members(), version, clock.now());
    log.info(
      { task, round, attempt, outcome, reason, message, seconds, reported: record.reported.length },
      'round ended',
    );
  }
}

const isAfter = (phase: RoundPhase, other: RoundPhase): boolean =>
  roundPhases.indexOf(phase) > roundPhases.indexOf(other);

/** Of one cohort, its sum's own hash; of several, the hash of theirs. */
function hashOfSums(sums: OpenedModel['sums']): Buffer {
  const [only] = sums;
  if (only !== undefined && sums.length === 1) return Buffer.from(only.resultHash);
  return sums.reduce((hash, { resultHash }) => hash.update(resultHash), createHash('sha256')).digest();
}

function withResolver(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
