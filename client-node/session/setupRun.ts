import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type ClientEffect,
  type ClientEvent,
  type ClientOutcome,
  type ClientPorts,
  type ClientState,
  type ClientStep,
  type JournalRecord,
  step,
  wipeMaskPlan,
} from '@hansa/aggregation/secagg/client';
import { byteLengthOf, rotationSeed } from '@hansa/aggregation/secagg/encoding';
import type { MaskThreads } from '@hansa/aggregation/secagg/threads';
import type { Clock } from '@hansa/shared/clock';
import { equalBytes } from '@hansa/shared/crypto';
import { type ErrorCode, HansaError } from '@hansa/shared/errors';
import type { Logger } from '@hansa/shared/log';
import { MOST_WORD_BYTES } from '@hansa/shared/model';
import { leaveSchema, type Plan, type Progress, progressSchema, uploadTicketSchema } from '@hansa/shared/protocol';
import {
  type Evidence,
  encodeMessage,
  type MaskedInputHeader,
  type Open,
  setupId,
} from '@hansa/shared/protocol/secagg';
import { z } from 'zod';
import type { NodeConfig } from '../config/nodeConfig.ts';
import type { NodeFolder } from '../ledger/nodeFolder.ts';
import type { Trainer } from '../trainer/index.ts';
import type { Line } from './line.ts';
import { checkModel, keepUpdate, maskToFile, openContribution } from './localRound.ts';
import { adapterOf, MAX_MODEL_BYTES, type ModelStore } from './modelStore.ts';
import type { NodeStage, OnNodeEvent } from './nodeEvents.ts';
import { pause } from './transport/pause.ts';

/** Bytes that a model's or an adapter's file may have beside the numbers that a round trains: its header, and what lies in it untrained. */
const HEADER_ROOM_BYTES = 1024 * 1024 + 8;
const ROOM_BYTES: Readonly<Record<Plan['mode']['kind'], (trained: number) => number>> = {
  full: () => HEADER_ROOM_BYTES + MOST_WORD_BYTES,
  headOnly: () => HEADER_ROOM_BYTES,
  lora: () => HEADER_ROOM_BYTES,
  // The other factor, which is at most as large.
  roLora: (trained) => HEADER_ROOM_BYTES + trained * 4,
};
/** How often the coordinator is told how far a stage is. */
const PROGRESS_EVERY_MS = 500;

/** How long a node that leaves waits for the coordinator to hear it. */
const LEAVE_MS = 1_000;

/** What a set-up needs of the node around it. */
export interface SetupPorts {
  readonly reducer: ClientPorts;
  readonly clock: Clock;
  readonly log: Logger;
  readonly folder: NodeFolder;
  readonly training: NodeConfig['training'];
  readonly models: ModelStore;
  /** Expand a round's masks while it trains. */
  readonly threads: MaskThreads;
  /** Appends to the journal, forced to disk, then to the reducer's memory. */
  journal(record: JournalRecord): Promise<void>;
  /** Keeps it for good, forced to disk, and tells of it. */
  keepEvidence(taskId: string, evidence: Evidence): Promise<void>;
  readonly line: Line;
  trainer(): Promise<Trainer>;
  /** A trainer that failed is not asked again. */
  trainerFailed(): Promise<void>;
  /** Runs an action of this set-up after everything that is under way, alone. */
  inTurn(action: () => Promise<void>): void;
  onEvent: OnNodeEvent;
  closed(run: SetupRun, outcome: ClientOutcome): Promise<void>;
}

/**
 * One set-up of one task: holds the reducer's state, in memory only, and carries out its effects in order.
 *
 * What takes long (download, training, masking, upload) runs beside it and comes back as an event; messages are answered meanwhile.
 */
export class SetupRun {
  readonly taskId: string;
  /** The set-up's number within the task: `seq` of its OPEN. */
  readonly attempt: number;
  readonly #ports: SetupPorts;
  readonly #sid: Uint8Array;
  readonly #plan: Plan;
  readonly #over = new AbortController();
  readonly #jobs = new Set<Promise<void>>();
  readonly #updateFile: string;
  readonly #maskedFile: string;
  readonly #checkpointFile: string;
  #state: ClientState;
  #lastSent: { name: string; body: unknown } | undefined;
  #uploading = false;
  #lastProgressMs = 0;
  #masks: Promise<Uint8Array> | undefined;
  #contributed: ReturnType<typeof openContribution> | undefined;
  #cancelExpiry: () => void = () => undefined;

  private constructor(open: Open, plan: Plan, opened: ClientStep, ports: SetupPorts) {
    this.taskId = open.task;
    this.#sid = setupId(open);
    this.attempt = open.seq;
    this.#plan = plan;
    this.#ports = ports;
    this.#state = opened.state;
    this.#updateFile = join(ports.folder.spool, `${open.task}-${open.seq}.update.f32`);
    this.#checkpointFile = join(ports.folder.spool, `${open.task}-${open.seq}.checkpoint`);
    this.#maskedFile = join(ports.folder.spool, `${open.task}-${open.seq}.masked`);
  }

  /** Starts a set-up whose OPEN the reducer has accepted in `opened`. */
  static async begin(open: Open, plan: Plan, opened: ClientStep, ports: SetupPorts): Promise<SetupRun> {
    const run = new SetupRun(open, plan, opened, ports);
    const remainingMs = Math.min(open.notAfterMs - ports.clock.now(), 2 ** 31 - 1);
    run.#cancelExpiry = ports.clock.schedule(Math.max(0, remainingMs), () =>
      ports.inTurn(() => run.stop('Timeout', 'The set-up has expired.')),
    );
    ports.onEvent({ type: 'setupOpened', taskId: open.task, attempt: open.seq });
    await run.#carryOutOrFail(opened.effects);
    return run;
  }

  isSetup(sid: Uint8Array): boolean {
    return equalBytes(sid, this.#sid);
  }

  get isOver(): boolean {
    return this.#state.phase === 'closed';
  }

  /** Whether it is bound to a round that is not over. */
  get hasBegun(): boolean {
    return 'round' in this.#state;
  }

  /** The model that this set-up's round started from, hexadecimal; undefined before there is a round. */
  get baseModelHash(): string | undefined {
    return 'round' in this.#state ? hex(this.#state.round.modelHash) : this.#baseModelHash;
  }
  #baseModelHash: string | undefined;

  /** A message of the coordinator. @throws HansaError (when the message is refused; nothing has changed then) */
  async receive(event: ClientEvent): Promise<void> {
    if (event.type === 'message' && event.name === 'startRound' && event.message.round > this.#plan.lastRound) {
      throw new HansaError(
        'PolicyRefused',
        `Round ${event.message.round} is beyond the last one of the plan that this node agreed to (${this.#plan.lastRound}).`,
      );
    }
    await this.#apply(event);
  }

  /** Ends the set-up on this node's side: secrets are wiped, files removed. */
  async stop(code: ErrorCode, reason: string): Promise<void> {
    if (!this.isOver) await this.#apply({ type: 'stop', code, reason });
  }

  /** As {@link stop}, and tells the coordinator, so that nobody waits for this node until a deadline. */
  async leave(code: ErrorCode, reason: string): Promise<void> {
    if (this.isOver) return;
    // The coordinator gets the code alone: the reason can hold a path or a column's name.
    const body = z.encode(leaveSchema, {
      taskId: this.taskId,
      sid: this.#sid,
      code,
      message: 'The node left the set-up; its own log has the reason.',
    });
    const told = this.#ports.line.send('leave', body).catch(() => undefined);
    await this.stop(code, reason);
    await Promise.race([told, new Promise<void>((resolve) => this.#ports.clock.schedule(LEAVE_MS, resolve))]);
  }

  /** The connection is back: what was sent last may never have arrived, and a duplicate does no harm. */
  resume(): void {
    if (this.isOver || this.#lastSent === undefined) return;
    const { name, body } = this.#lastSent;
    void this.#ports.line.send(name, body).catch((error: unknown) => {
      this.#ports.log.debug({ name, err: error }, 'not resent');
      if (!(error instanceof HansaError) || error.code !== 'UnknownSetup') return;
      this.#ports.inTurn(() =>
        this.stop('CoordinatorRestarted', 'The coordinator does not know this set-up any more.'),
      );
    });
  }

  async #apply(event: ClientEvent): Promise<void> {
    const { state, effects, refusal } = step(this.#state, event, this.#ports.reducer);
    this.#state = state;
    await this.#carryOutOrFail(effects);
    if (refusal !== undefined) throw refusal;
  }

  async #carryOutOrFail(effects: readonly ClientEffect[]): Promise<void> {
    try {
      await this.#carryOut(effects);
    } catch (error) {
      // The reducer has gone on and the disk has not: this set-up cannot be continued.
      await this.#fail(error);
      throw error;
    }
  }

  async #carryOut(effects: readonly ClientEffect[]): Promise<void> {
    for (const effect of effects) {
      switch (effect.type) {
        case 'journal':
          await this.#ports.journal(effect.record);
          break;
        case 'evidence':
          await this.#ports.keepEvidence(this.taskId, effect.evidence);
          break;
        case 'send':
          this.#send(effect.name, encodeMessage(effect.name, effect.message));
          break;
        case 'prepareRound':
          this.#baseModelHash = hex(effect.modelHash);
          this.#background((signal) => this.#prepare(effect, signal));
          break;
        case 'expandMasks':
          this.#masks = this.#expandMasks(effect);
          // What went wrong is told when they are needed.
          this.#masks.catch(() => undefined);
          break;
        case 'mask':
          this.#background((signal) => this.#mask(effect, signal));
          break;
        case 'upload':
          if (!this.#uploading) this.#background((signal) => this.#upload(effect.header, signal));
          break;
        case 'wipe':
          for (const secret of effect.secrets) secret.wipe();
          break;
        case 'closed':
          await this.#close(effect.outcome);
          break;
      }
    }
  }

  #send(name: string, body: unknown): void {
    this.#lastSent = { name, body };
    void this.#ports.line.send(name, body).catch((error: unknown) => {
      if (!(error instanceof HansaError)) throw error;
      // A lost connection comes back and repeats it; a refusal is the coordinator's last word on a message that came too late.
      if (!error.retry) this.#refusedByCoordinator(name, error);
    });
  }

  #refusedByCoordinator(name: string, error: HansaError): void {
    this.#ports.onEvent({ type: 'refused', name, by: 'coordinator', code: error.code, message: error.message });
  }

  /** Runs beside the messages; what it throws ends the set-up, unless the set-up is over already. */
  #background(job: (signal: AbortSignal) => Promise<void>): void {
    const { signal } = this.#over;
    const running = job(signal)
      .catch((error: unknown) => {
        if (!signal.aborted) this.#ports.inTurn(() => this.#fail(error));
      })
      .finally(() => this.#jobs.delete(running));
    this.#jobs.add(running);
  }

  async #fail(error: unknown): Promise<void> {
    if (this.isOver) return;
    const known = error instanceof HansaError ? error : undefined;
    const code = known?.code ?? 'Internal';
    this.#ports.log.error({ err: error, taskId: this.taskId, attempt: this.attempt }, 'leaving the set-up');
    await this.leave(code, known?.message ?? 'An internal error; the log has its cause.');
  }

  async #prepare(effect: Extract<ClientEffect, { type: 'prepareRound' }>, signal: AbortSignal): Promise<void> {
    const { round, config } = effect;
    const modelHash = hex(effect.modelHash);
    const cohort = 'cohort' in this.#state ? this.#state.cohort.order.length : 0;
    this.#ports.onEvent({ type: 'roundStarted', taskId: this.taskId, round, cohort });
    const modelFile = await this.#ports.models.fetch(modelHash, {
      maxBytes: config.vectorLength * 4 + ROOM_BYTES[this.#plan.mode.kind](config.vectorLength),
      signal,
      onProgress: (done, total) => this.#progress(round, 'downloading', done, total),
    });
    const plan = this.#plan;
    await checkModel(modelFile, config, { mode: plan.mode, job: plan.job.kind }, round);
    const adapter = adapterOf(plan, this.#ports.folder);
    if (adapter !== undefined && plan.baseModelHash !== undefined) {
      await this.#ports.models.fetch(plan.baseModelHash, {
        maxBytes: MAX_MODEL_BYTES,
        signal,
        onProgress: (done, total) => this.#progress(round, 'downloading', done, total),
      });
    }
    const { training } = this.#ports;
    const trainer = await this.#ports.trainer();
    this.#progress(round, 'training', 0, plan.training.steps, undefined, true);
    const result = await trainer
      .train(
        {
          modelFile,
          job: plan.job.kind,
          adapter,
          round,
          rounds: plan.rounds,
          training: plan.training,
          updateFile: this.#updateFile,
          checkpoint: { file: this.#checkpointFile, everyMs: training.checkpointSeconds * 1000 },
          maxMemoryBytes: training.maxMemoryBytes,
          seed: `${plan.seed}/${round}`,
        },
        ({ step: done, steps, loss, resumed }) => {
          if (resumed) this.#ports.onEvent({ type: 'trainingResumed', taskId: this.taskId, round, done, total: steps });
          this.#progress(round, 'training', done, steps, loss);
        },
        signal,
      )
      .catch(async (error: unknown) => {
        if (!signal.aborted) await this.#ports.trainerFailed();
        throw error;
      });
    signal.throwIfAborted();
    const { examplesAtOnce, peakMemoryBytes, seconds } = result;
    this.#ports.log.info({ round, steps: result.steps, examplesAtOnce, peakMemoryBytes, seconds }, 'trained');
    this.#stageDone(round, 'training', result.steps);
    const seed = rotationSeed(config, effect.modelHash, round);
    this.#contributed = openContribution(this.#updateFile, config, plan, result, seed);
    this.#later('training', { type: 'prepared', modelHash: effect.modelHash, nowMs: this.#ports.clock.now() });
  }

  /** All masks of the round as one, in memory alone: a crash leaves nothing of it. */
  async #expandMasks({ plan, config }: Extract<ClientEffect, { type: 'expandMasks' }>): Promise<Uint8Array> {
    const sum = new Uint8Array(byteLengthOf(config));
    try {
      await this.#ports.threads.expand(
        config,
        [plan.self, ...plan.pairs],
        (at, part) => sum.set(part, at),
        this.#over.signal,
      );
      return sum;
    } catch (error) {
      sum.fill(0);
      throw error;
    } finally {
      wipeMaskPlan(plan);
    }
  }

  async #mask(effect: Extract<ClientEffect, { type: 'mask' }>, signal: AbortSignal): Promise<void> {
    const contributed = this.#contributed;
    if (contributed === undefined || this.#masks === undefined || !('round' in this.#state))
      throw new RangeError('masking comes after training');
    const { round } = this.#state.round;
    this.#progress(round, 'masking', 0, effect.byteLength, undefined, true);
    const masked = await maskToFile(contributed.contribution, await this.#masks, this.#maskedFile, signal);
    if (this.#ports.training.keepUpdates) {
      const name = `${this.taskId}-${round}-${this.attempt}`;
      await keepUpdate(contributed.contribution, this.#maskedFile, this.#ports.folder.updates, name, signal);
    }
    contributed.close();
    this.#contributed = undefined;
    await rm(this.#updateFile, { force: true });
    this.#stageDone(round, 'masking', effect.byteLength);
    this.#later('masking', {
      type: 'maskedVector',
      byteLength: masked.byteLength,
      vectorHash: masked.vectorHash,
      nowMs: this.#ports.clock.now(),
    });
  }

  async #upload(header: MaskedInputHeader, signal: AbortSignal): Promise<void> {
    if (!('round' in this.#state)) throw new RangeError('uploading comes after masking');
    const { round } = this.#state.round;
    const { line } = this.#ports;
    const body = encodeMessage('maskedInputHeader', header);
    this.#uploading = true;
    try {
      for (let attempt = 0; ; attempt++) {
        try {
          await line.ready(signal);
          const ticket = uploadTicketSchema.safeParse(await line.send('maskedInputHeader', body));
          if (!ticket.success)
            throw new HansaError('InvalidMessage', 'The coordinator answered with no upload ticket.');
          await line.upload({
            path: ticket.data.path,
            file: this.#maskedFile,
            sizeBytes: header.byteLength,
            signal,
            onProgress: (done, total) => {
              // The coordinator may have them all, and ask for a signature, before its answer to the upload is here.
              if (done >= total) this.#vectorSent();
              this.#progress(round, 'uploading', done, total);
            },
          });
          this.#vectorSent();
          this.#stageDone(round, 'uploading', header.byteLength);
          return;
        } catch (error) {
          signal.throwIfAborted();
          if (!(error instanceof HansaError)) throw error;
          // Too late for this round: the set-up ends when the coordinator says so, and nothing more is sent for it.
          if (!error.retry) return this.#refusedByCoordinator('maskedInputHeader', error);
          await pause(attempt, signal);
        }
      }
    } finally {
      this.#uploading = false;
    }
  }

  #vectorSent(): void {
    this.#later('masked', { type: 'vectorSent' });
  }

  /** Hands a finished job's event to the reducer, unless the set-up went on without it. */
  #later(phase: ClientState['phase'], event: ClientEvent): void {
    this.#ports.inTurn(async () => {
      if (this.#state.phase === phase) await this.#apply(event);
    });
  }

  async #close(outcome: ClientOutcome): Promise<void> {
    this.#cancelExpiry();
    this.#over.abort(new HansaError('Interrupted', 'The set-up is over.'));
    await Promise.allSettled(this.#jobs);
    await this.#masks?.then((sum) => sum.fill(0)).catch(() => undefined);
    this.#contributed?.close();
    this.#contributed = undefined;
    for (const file of [this.#updateFile, this.#checkpointFile, this.#maskedFile])
      await rm(file, { force: true }).catch(() => undefined);
    await this.#ports.closed(this, outcome);
  }

  #stageDone(round: number, stage: NodeStage, total: number): void {
    this.#ports.onEvent({ type: 'stageDone', taskId: this.taskId, round, stage, total });
    const told = { training: 'trained', uploading: 'uploaded' } as const;
    if (stage === 'training' || stage === 'uploading') this.#tell(round, told[stage], total, total);
  }

  #progress(round: number, stage: NodeStage, done: number, total: number, loss?: number, force = false): void {
    this.#ports.onEvent({
      type: 'progress',
      taskId: this.taskId,
      round,
      stage,
      done,
      total,
      ...(loss === undefined ? {} : { loss }),
    });
    const nowMs = this.#ports.clock.now();
    if (!force && nowMs - this.#lastProgressMs < PROGRESS_EVERY_MS) return;
    this.#lastProgressMs = nowMs;
    this.#tell(round, stage, done, total);
  }

  /** For people to look at; a loss never goes with it. */
  #tell(round: number, stage: Progress['stage'], done: number, total: number): void {
    const body = z.encode(progressSchema, { taskId: this.taskId, round, stage, done, total });
    void this.#ports.line.send('progress', body).catch(() => undefined);
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
