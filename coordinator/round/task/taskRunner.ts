import { type ErrorCode, HansaError } from '@hansa/shared/errors';
import type { AdminStatus, RoundRecord } from '@hansa/shared/protocol';
import { lastRoundOf, readModelHeader } from '../../federation/createTask.ts';
import type { TaskChange, TaskRow } from '../../storage/stateStore.ts';
import type { AttemptDriver } from '../attempt/attemptDriver.ts';
import type { RoundOutput } from '../attempt/attemptSpec.ts';
import { showState } from '../attempt/roundMetrics.ts';
import type { RoundPorts } from '../ports.ts';
import { storeInterrupted } from './interrupted.ts';
import { Preparation } from './preparation.ts';
import { routeMessage } from './routeMessage.ts';
import {
  type ScheduleEffect,
  type ScheduleEvent,
  type ScheduleState,
  type ScheduleStep,
  startSchedule,
  stepSchedule,
  type TaskTerms,
} from './schedule.ts';
import { sweepStates } from './sweepStates.ts';

/** Runs one task from where it is to its end: assigns it to nodes, drives its attempts one after another, stores how far it is. */
export class TaskRunner {
  readonly #ports: RoundPorts;
  readonly #terms: TaskTerms;
  readonly #ended: (task: TaskRow) => void;
  readonly #preparation: Preparation;
  /** Nodes that agreed to the assignment on the connection they have now. */
  readonly #accepted = new Set<string>();
  /** Nodes that did not, and the code of their reason. */
  readonly #declined = new Map<string, string>();
  readonly #first: ScheduleStep;
  #task: TaskRow;
  #schedule: ScheduleState;
  #cancelTimer: () => void = () => undefined;
  #round: AttemptDriver | undefined;
  /** The attempt in progress, from its choice of members to its record. */
  #attempt: Promise<void> = Promise.resolve();
  #isStopping = false;
  #isOver = false;

  /** `enrolled`: how many nodes there are. `ended` is called once the task's end is stored. */
  constructor(ports: RoundPorts, task: TaskRow, enrolled: number, ended: (task: TaskRow) => void) {
    this.#ports = ports;
    this.#task = task;
    this.#ended = ended;
    const { cohort, rounds, maxAttempts, deadlines } = task.file;
    this.#terms = {
      minimum: cohort.minimum,
      maximum: cohort.maximum,
      rounds,
      lastRound: lastRoundOf(task.file),
      maxAttempts,
      recruitMs: deadlines.recruitMs,
    };
    const { committedRounds, nextRound, failuresInRow } = task;
    this.#first = startSchedule(this.#terms, { committedRounds, nextRound, failuresInRow }, { accepted: [], enrolled });
    this.#schedule = this.#first.state;
    this.#preparation = new Preparation(ports, this.#terms);
  }

  get taskId(): string {
    return this.#task.id;
  }

  async begin(): Promise<void> {
    const { metrics, log, store, connections } = this.#ports;
    const { id, name, nextRound } = this.#task;
    showState(metrics, 'recruiting');
    log.info({ task: id, name, round: nextRound }, 'task runs');
    await store.changeTask(id, { state: 'running', reason: undefined });
    await this.#adopt(this.#first);
    for (const clientId of connections.connected()) void this.#assign(clientId);
    await this.#nodesChanged();
  }

  /** Ends the task for good; resolves once its round is over. */
  async abort(reason: string): Promise<void> {
    const round = this.#round;
    await this.#event({ type: 'abort', reason });
    await round?.ended;
  }

  /** Abandons the attempt in progress, since the coordinator stops; the task goes on when it starts again. */
  async stop(reason: string): Promise<void> {
    this.#isStopping = true;
    this.#cancelTimer();
    const given = this.#preparation.stop('CoordinatorRestarted', reason);
    this.#round?.abort('CoordinatorRestarted', reason);
    await this.#attempt;
    await given;
  }

  status(): AdminStatus['running'] {
    return this.#round?.status();
  }

  async connected(clientId: string): Promise<void> {
    for (const part of this.#parts()) part.connected(clientId);
    await this.#assign(clientId);
  }

  async disconnected(clientId: string): Promise<void> {
    for (const part of this.#parts()) part.disconnected(clientId);
    this.#declined.delete(clientId);
    if (this.#accepted.delete(clientId)) await this.#nodesChanged();
  }

  /** A control message of a node; resolves to its acknowledgement's answer. @throws HansaError (when it is refused) */
  receive(clientId: string, name: string, body: unknown): Promise<unknown> {
    const { prepared, draw } = this.#preparation;
    return routeMessage({ round: this.#round, prepared, draw }, clientId, name, body);
  }

  /** Everything that nodes take part in now. */
  #parts() {
    const { prepared, draw } = this.#preparation;
    return [this.#round, prepared, draw].filter((part) => part !== undefined);
  }

  async #assign(clientId: string): Promise<void> {
    const { connections, log } = this.#ports;
    const { id: taskId, plan, committedRounds, modelHash } = this.#task;
    try {
      await connections.send(clientId, 'assignment', { taskId, plan, committedRounds, modelHash });
      if (!connections.connected().includes(clientId)) return;
      this.#accepted.add(clientId);
      this.#declined.delete(clientId);
    } catch (error) {
      const code = error instanceof HansaError ? error.code : 'Internal';
      log.info({ client: clientId, code, reason: (error as Error).message }, 'a node declined the task');
      this.#declined.set(clientId, code);
    }
    await this.#nodesChanged();
  }

  async #nodesChanged(): Promise<void> {
    if (this.#isOver || this.#isStopping) return;
    const nodes = { accepted: [...this.#accepted], enrolled: (await this.#ports.store.clients()).length };
    await this.#event({ type: 'nodesChanged', nodes });
  }

  async #event(event: ScheduleEvent): Promise<void> {
    if (!this.#isOver) await this.#adopt(stepSchedule(this.#schedule, event));
  }

  async #adopt({ state, effects }: ScheduleStep): Promise<void> {
    this.#schedule = state;
    for (const effect of effects) await this.#carryOut(effect);
    if (this.#schedule.phase !== 'ended') await this.#explain();
  }

  async #carryOut(effect: ScheduleEffect): Promise<void> {
    switch (effect.type) {
      case 'setTimer':
        this.#cancelTimer();
        this.#cancelTimer = this.#ports.clock.schedule(effect.delayMs, () => {
          if (!this.#isStopping) void this.#guard(this.#event({ type: 'timer' }));
        });
        return;
      case 'clearTimer':
        this.#cancelTimer();
        return;
      case 'begin':
        this.#attempt = this.#guard(this.#runAttempt(effect.round, effect.candidates));
        return;
      case 'abandonRound':
        this.#round?.abort('TaskAborted', effect.reason);
        return;
      case 'remember':
        // Written together with the attempt's record, before this step was adopted.
        return;
      case 'end':
        await this.#end(effect);
        return;
    }
  }

  async #runAttempt(round: number, candidates: readonly string[]): Promise<void> {
    const { store, blobs, states, clock, log, metrics } = this.#ports;
    this.#task = (await store.task(this.#task.id)) ?? this.#task;
    const task = this.#task;
    await states.assertIntact(task);
    const driver = await this.#preparation.forRound(task, candidates);
    if (driver === undefined || this.#isStopping) {
      await this.#giveUpPrepared('The coordinator was stopped before the round began.');
      const reason = 'Too few of the nodes are in the roster yet.';
      await this.#event({ type: 'abandoned', roundSpent: false, reason });
      return;
    }
    const header = await readModelHeader(blobs, task.modelHash);
    const { attempt } = driver.spec;
    const selected = driver.spec.cohorts.flatMap((cohort) => cohort.selected);
    const open = { taskId: task.id, attempt, round, startedAtMs: clock.now(), baseModelHash: task.modelHash, selected };
    await store.beginAttempt(open);
    if (this.#schedule.phase !== 'inRound' || this.#isStopping) {
      const reason = 'The task ended as the round began.';
      await this.#giveUpPrepared(reason);
      await storeInterrupted(this.#ports, { ...open, signing: false }, this.#stopCode(), reason);
      return;
    }
    log.info({ task: task.id, round, attempt, selected }, 'round begins');
    let abandoned: { roundSpent: boolean; reason: string } | undefined;
    this.#preparation.handOver();
    this.#round = driver;
    driver.bind({
      task,
      round,
      header,
      storeEnd: async (record, roundSpent, made) => {
        if (record.outcome === 'abandoned') abandoned = { roundSpent, reason: record.message ?? '' };
        await this.#storeEnd(record, roundSpent, made);
      },
      training: () => this.#prepareNext(),
    });
    await driver.ended;
    this.#round = undefined;
    if (this.#isStopping) return;
    if (!this.#isOver) showState(metrics, 'recruiting');
    await this.#event(abandoned === undefined ? { type: 'committed' } : { type: 'abandoned', ...abandoned });
  }

  #stopCode(): 'CoordinatorRestarted' | 'TaskAborted' {
    return this.#isStopping ? 'CoordinatorRestarted' : 'TaskAborted';
  }

  #giveUpPrepared(reason: string, code: ErrorCode = this.#stopCode()): Promise<void> {
    return this.#preparation.giveUp(code, reason);
  }

  /** Makes the next round's set-up while nodes train, so that its M3 can leave as soon as this round is over. */
  #prepareNext(): void {
    const isLast = this.#schedule.position.committedRounds + 1 >= this.#terms.rounds;
    if (!this.#isOver && !this.#isStopping && !isLast) this.#preparation.ahead(this.#task, [...this.#accepted]);
  }

  async #storeEnd(record: RoundRecord, roundSpent: boolean, made?: RoundOutput): Promise<void> {
    const event: ScheduleEvent =
      record.outcome === 'committed'
        ? { type: 'committed' }
        : { type: 'abandoned', roundSpent, reason: record.message ?? '' };
    // A task that was aborted has ended in its schedule; what its last round did to its position counts no more.
    const position = stepSchedule(this.#schedule, event).effects.find((effect) => effect.type === 'remember')?.position;
    // A coordinator that is stopped has not failed: the task does not lose one of its tries.
    const stopped = record.reason === 'CoordinatorRestarted';
    const change: TaskChange = {
      ...(position !== undefined && (stopped ? { nextRound: position.nextRound } : position)),
      ...(made !== undefined && { modelHash: made.model.hash, strategyStateHash: made.strategyStateHash }),
    };
    await this.#ports.store.endAttempt(record, change, made?.model);
    if (made !== undefined) await sweepStates(this.#ports);
  }

  async #end({ outcome, reason }: Extract<ScheduleEffect, { type: 'end' }>): Promise<void> {
    this.#cancelTimer();
    await this.#round?.ended;
    await this.#preparation.stop('TaskAborted', 'The task has ended.');
    const { store, log, metrics } = this.#ports;
    const { id } = this.#task;
    await store.changeTask(id, { state: outcome, reason });
    await sweepStates(this.#ports);
    log.info({ task: id, outcome, reason }, 'task ended');
    showState(metrics, 'idle');
    const task = (await store.task(id)) ?? this.#task;
    this.#isOver = true;
    this.#ended(task);
  }

  /** Stores what the task waits for, when that has changed. */
  async #explain(): Promise<void> {
    const waits = this.#schedule.phase === 'gathering' || this.#schedule.phase === 'backingOff';
    const codes = [...new Set(this.#declined.values())].join(', ');
    const refusals = this.#declined.size === 0 ? '' : `; ${this.#declined.size} declined (${codes})`;
    const reason = waits
      ? `Waits for nodes: ${this.#accepted.size} of at least ${this.#terms.minimum} are connected and agreed${refusals}.`
      : undefined;
    if (reason === this.#task.reason) return;
    this.#task = { ...this.#task, reason };
    await this.#ports.store.changeTask(this.#task.id, { reason });
  }

  async #guard(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      const { log } = this.#ports;
      log.error({ err: error }, 'the task cannot go on');
      if (this.#isOver || this.#isStopping) return;
      this.#round = undefined;
      const reason = error instanceof HansaError ? error.message : 'Internal error; the log has the cause.';
      // No retry brings a lost state back. Anything else counts like a failed attempt: it is tried again after a while, and not for ever.
      const isLost = error instanceof HansaError && error.code === 'StrategyStateLost';
      const event: ScheduleEvent = isLost
        ? { type: 'failed', reason }
        : { type: 'abandoned', roundSpent: false, reason };
      await this.#event(event).catch((err) =>
        log.error({ err }, 'the task stands still until the coordinator is started again'),
      );
    }
  }
}
