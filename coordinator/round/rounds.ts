import { randomInt } from 'node:crypto';
import { HansaError } from '@hansa/shared/errors';
import { type AdminStatus, leaveSchema, type RoundRecord, roundPhases, type TaskEnded } from '@hansa/shared/protocol';
import { encodeMessage } from '@hansa/shared/protocol/secagg';
import { lastRoundOf, readModelHeader, secAggConfigOf } from '../federation/createTask.ts';
import type { ModelRow, OpenAttempt, TaskChange, TaskRow } from '../storage/stateStore.ts';
import { parseMessage } from './parseMessage.ts';
import type { RoundPorts } from './ports.ts';
import { RoundDriver, showState } from './roundDriver.ts';
import {
  type Muster,
  type ScheduleEffect,
  type ScheduleEvent,
  type ScheduleState,
  type ScheduleStep,
  startSchedule,
  stepSchedule,
  type TaskTerms,
} from './schedule.ts';

/** The task that runs. */
interface Running {
  task: TaskRow;
  readonly terms: TaskTerms;
  schedule: ScheduleState;
  /** Nodes that agreed to the assignment on the connection they have now. */
  readonly accepted: Set<string>;
  /** Nodes that did not, and the code of their reason. */
  readonly declined: Map<string, string>;
  cancelTimer: () => void;
  round: RoundDriver | undefined;
  /** The attempt in progress, from its choice of members to its record. */
  attempt: Promise<void>;
}

/**
 * Runs the tasks, one after another, oldest first: hands out assignments, gathers nodes, drives attempts, remembers how far each task is.
 *
 * What it remembers is on disk before a node hears of it; after a crash `open` takes up where that left off.
 */
export class Rounds {
  readonly #ports: RoundPorts;
  #running: Running | undefined;
  #lastEnded: TaskEnded | undefined;
  #stopping = false;
  #choosing: Promise<void> = Promise.resolve();

  private constructor(ports: RoundPorts) {
    this.#ports = ports;
  }

  /** Closes the books of attempts that a crash cut short, then goes on with the tasks. */
  static async open(ports: RoundPorts): Promise<Rounds> {
    const rounds = new Rounds(ports);
    for (const attempt of await ports.store.openAttempts()) await rounds.#closeBooks(attempt);
    const ended = (await ports.store.tasks()).filter(({ state }) => state !== 'waiting' && state !== 'running').at(-1);
    rounds.#lastEnded = ended && endedOf(ended);
    await rounds.#next();
    return rounds;
  }

  /** A task was created. */
  taskAdded(): Promise<void> {
    return this.#next();
  }

  /** Stops a task for good. @throws HansaError NotFound, UnexpectedMessage where it has ended */
  async abort(taskId: string): Promise<void> {
    const reason = 'An admin aborted the task.';
    if (this.#running?.task.id === taskId) {
      const { round } = this.#running;
      await this.#event({ type: 'abort', reason });
      await round?.ended;
      return;
    }
    const task = await this.#ports.store.task(taskId);
    if (task === undefined) throw new HansaError('NotFound', `There is no task ${taskId}.`);
    if (task.state !== 'waiting') {
      throw new HansaError('UnexpectedMessage', `The task ${taskId} has ended already (${task.state}).`);
    }
    await this.#ports.store.changeTask(taskId, { state: 'aborted', reason });
  }

  status(): AdminStatus['running'] {
    return this.#running?.round?.status();
  }

  /** A node's handshake is done: it is brought up to date. */
  async connected(clientId: string): Promise<void> {
    await this.#sendRosters(clientId);
    const running = this.#running;
    if (running === undefined) {
      if (this.#lastEnded !== undefined) this.#tell(clientId, 'taskEnded', this.#lastEnded);
      return;
    }
    running.round?.connected(clientId);
    await this.#assign(running, clientId);
  }

  async disconnected(clientId: string): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    running.round?.disconnected(clientId);
    running.declined.delete(clientId);
    if (running.accepted.delete(clientId)) await this.#muster(running);
  }

  /** A control message of a node; resolves to its acknowledgement's answer. @throws HansaError */
  async receive(clientId: string, name: string, body: unknown): Promise<unknown> {
    const running = this.#running;
    if (running?.round !== undefined) return running.round.receive(clientId, name, body);
    if (name === 'leave') {
      // Between rounds there is nothing to leave: who left as a round ended is in time.
      parseMessage(leaveSchema, body, 'leave');
      return undefined;
    }
    throw new HansaError('UnknownSetup', 'No round is in progress.');
  }

  /** Abandons the round in progress; its task goes on when the coordinator starts again. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const running = this.#running;
    if (running === undefined) return;
    running.cancelTimer();
    running.round?.abort('CoordinatorRestarted', 'The coordinator was stopped in the middle of the round.');
    await running.attempt;
  }

  /** Takes up the oldest task that has not ended, when none runs. */
  #next(): Promise<void> {
    this.#choosing = this.#choosing.then(async () => {
      if (this.#running !== undefined || this.#stopping) return;
      const open = (await this.#ports.store.tasks()).filter(({ state }) => state === 'running' || state === 'waiting');
      const task = open.find(({ state }) => state === 'running') ?? open[0];
      if (task !== undefined) await this.#begin(task);
    });
    return this.#choosing;
  }

  async #begin(task: TaskRow): Promise<void> {
    const { file } = task;
    const terms: TaskTerms = {
      minimum: file.cohort.minimum,
      maximum: file.cohort.maximum,
      rounds: file.rounds,
      lastRound: lastRoundOf(file),
      maxAttempts: file.maxAttempts,
      recruitMs: file.deadlines.recruitMs,
    };
    const { committedRounds, nextRound, failuresInRow } = task;
    const first = startSchedule(
      terms,
      { committedRounds, nextRound, failuresInRow },
      { accepted: [], enrolled: (await this.#ports.store.clients()).length },
    );
    const running: Running = {
      task,
      terms,
      schedule: first.state,
      accepted: new Set(),
      declined: new Map(),
      cancelTimer: () => undefined,
      round: undefined,
      attempt: Promise.resolve(),
    };
    this.#running = running;
    showState(this.#ports.metrics, 'recruiting');
    this.#ports.log.info({ task: task.id, name: task.name, round: nextRound }, 'task runs');
    await this.#ports.store.changeTask(task.id, { state: 'running', reason: undefined });
    await this.#adopt(running, first);
    for (const clientId of this.#ports.lines.connected()) void this.#assign(running, clientId);
    await this.#muster(running);
  }

  async #assign(running: Running, clientId: string): Promise<void> {
    const { id: taskId, plan, committedRounds, modelHash } = running.task;
    try {
      await this.#ports.lines.send(clientId, 'assignment', { taskId, plan, committedRounds, modelHash });
      if (!this.#ports.lines.connected().includes(clientId)) return;
      running.accepted.add(clientId);
      running.declined.delete(clientId);
    } catch (error) {
      const code = error instanceof HansaError ? error.code : 'Internal';
      this.#ports.log.info({ client: clientId, code, reason: (error as Error).message }, 'a node declined the task');
      running.declined.set(clientId, code);
    }
    await this.#muster(running);
  }

  async #muster(running: Running): Promise<void> {
    if (running !== this.#running || this.#stopping) return;
    const muster: Muster = {
      accepted: [...running.accepted],
      enrolled: (await this.#ports.store.clients()).length,
    };
    if (running !== this.#running) return;
    await this.#event({ type: 'muster', muster });
  }

  async #event(event: ScheduleEvent): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    await this.#adopt(running, stepSchedule(running.schedule, event));
  }

  async #adopt(running: Running, { state, effects }: ScheduleStep): Promise<void> {
    running.schedule = state;
    for (const effect of effects) await this.#carryOut(running, effect);
    if (running === this.#running) await this.#explain(running);
  }

  async #carryOut(running: Running, effect: ScheduleEffect): Promise<void> {
    switch (effect.type) {
      case 'setTimer':
        running.cancelTimer();
        running.cancelTimer = this.#ports.clock.schedule(effect.delayMs, () => {
          if (!this.#stopping) void this.#guard(this.#event({ type: 'timer' }));
        });
        return;
      case 'clearTimer':
        running.cancelTimer();
        return;
      case 'begin':
        running.attempt = this.#guard(this.#attempt(running, effect.round, effect.candidates));
        return;
      case 'abandonRound':
        running.round?.abort('TaskAborted', effect.reason);
        return;
      case 'remember':
        // Written together with the attempt's record, before this step was adopted.
        return;
      case 'end':
        await this.#end(running, effect);
        return;
    }
  }

  async #attempt(running: Running, round: number, candidates: readonly string[]): Promise<void> {
    const { store, rosters, blobs, clock } = this.#ports;
    const before = rosters.chain.length;
    const roster = await rosters.current();
    if (rosters.chain.length > before) for (const id of this.#ports.lines.connected()) await this.#sendRosters(id);
    running.task = (await store.task(running.task.id)) ?? running.task;
    const { task, terms } = running;
    const listed = new Set(roster?.members.map(({ id }) => id));
    const selected = choose(
      candidates.filter((id) => listed.has(id)),
      terms.maximum,
    );
    if (roster === undefined || selected.length < terms.minimum || this.#stopping) {
      await this.#event({
        type: 'abandoned',
        roundSpent: false,
        reason: 'Too few of the nodes are in the roster yet.',
      });
      return;
    }
    const header = await readModelHeader(blobs, task.modelHash);
    const config = secAggConfigOf(task.file, task.plan, header);
    const attempt = await store.beginAttempt({
      taskId: task.id,
      round,
      startedAtMs: clock.now(),
      baseModelHash: task.modelHash,
      selected,
    });
    if (running.schedule.phase !== 'inRound' || this.#stopping) {
      const open = (await store.openAttempts()).find((one) => one.taskId === task.id && one.attempt === attempt);
      if (open !== undefined) await this.#closeBooks(open, this.#stopping ? 'CoordinatorRestarted' : 'TaskAborted');
      return;
    }
    this.#ports.log.info({ task: task.id, round, attempt, selected }, 'round begins');
    let abandoned: { roundSpent: boolean; reason: string } | undefined;
    const driver = new RoundDriver(
      this.#ports,
      { task, round, attempt, roster, selected, config, header },
      async (record, roundSpent, model) => {
        if (record.outcome === 'abandoned') abandoned = { roundSpent, reason: record.message ?? '' };
        await this.#settle(running, record, roundSpent, model);
      },
    );
    running.round = driver;
    const online = new Set(this.#ports.lines.connected());
    for (const id of selected) if (!online.has(id)) driver.disconnected(id);
    await driver.ended;
    running.round = undefined;
    if (this.#stopping) return;
    if (running === this.#running) showState(this.#ports.metrics, 'recruiting');
    await this.#event(abandoned === undefined ? { type: 'committed' } : { type: 'abandoned', ...abandoned });
  }

  async #settle(running: Running, record: RoundRecord, roundSpent: boolean, model?: ModelRow): Promise<void> {
    const event: ScheduleEvent =
      record.outcome === 'committed'
        ? { type: 'committed' }
        : { type: 'abandoned', roundSpent, reason: record.message ?? '' };
    // A task that was aborted has ended in its schedule; what its last round did to its progress counts no more.
    const progress = stepSchedule(running.schedule, event).effects.find(
      (effect) => effect.type === 'remember',
    )?.progress;
    // A coordinator that is stopped has not failed: the task does not lose one of its tries.
    const stopped = record.reason === 'CoordinatorRestarted';
    const change: TaskChange = {
      ...(progress !== undefined && (stopped ? { nextRound: progress.nextRound } : progress)),
      ...(model !== undefined && { modelHash: model.hash }),
    };
    await this.#ports.store.endAttempt(record, change, model);
  }

  async #end(running: Running, effect: Extract<ScheduleEffect, { type: 'end' }>): Promise<void> {
    running.cancelTimer();
    await running.round?.ended;
    const { store, log, lines, metrics } = this.#ports;
    const { id } = running.task;
    await store.changeTask(id, { state: effect.outcome, reason: effect.reason });
    log.info({ task: id, outcome: effect.outcome, reason: effect.reason }, 'task ended');
    showState(metrics, 'idle');
    const task = (await store.task(id)) ?? running.task;
    this.#lastEnded = endedOf(task);
    for (const clientId of lines.connected()) this.#tell(clientId, 'taskEnded', this.#lastEnded);
    this.#running = undefined;
    void this.#guard(this.#next());
  }

  /** Writes down what the task waits for, when that has changed. */
  async #explain(running: Running): Promise<void> {
    const { terms, accepted, declined, schedule } = running;
    const waits = schedule.phase === 'gathering' || schedule.phase === 'resting';
    const refusals =
      declined.size === 0 ? '' : `; ${declined.size} declined (${[...new Set(declined.values())].join(', ')})`;
    const reason = waits
      ? `Waits for nodes: ${accepted.size} of at least ${terms.minimum} are connected and agreed${refusals}.`
      : undefined;
    if (reason === running.task.reason) return;
    running.task = { ...running.task, reason };
    await this.#ports.store.changeTask(running.task.id, { reason });
  }

  async #sendRosters(clientId: string): Promise<void> {
    // A node checks that it is in every roster it is shown: its chain starts with the first that has it.
    const own = this.#ports.rosters.chain.filter(({ members }) => members.some(({ id }) => id === clientId));
    for (const roster of own) this.#tell(clientId, 'roster', encodeMessage('roster', roster));
  }

  #tell(clientId: string, name: string, body: unknown): void {
    this.#ports.lines.send(clientId, name, body).catch((error: unknown) => {
      const code = error instanceof HansaError ? error.code : 'Internal';
      this.#ports.log.info({ client: clientId, name, code }, 'a message was not taken');
    });
  }

  async #closeBooks(
    open: OpenAttempt,
    code: 'CoordinatorRestarted' | 'TaskAborted' = 'CoordinatorRestarted',
  ): Promise<void> {
    const message =
      code === 'TaskAborted'
        ? 'The task ended as the round began.'
        : 'The coordinator stopped in the middle of the round.';
    const { store, log, clock } = this.#ports;
    const seconds = Math.max(0, clock.now() - open.startedAtMs) / 1000;
    const none = Object.fromEntries(roundPhases.map((phase) => [phase, 0])) as RoundRecord['phaseSeconds'];
    const record: RoundRecord = {
      taskId: open.taskId,
      round: open.round,
      attempt: open.attempt,
      outcome: 'abandoned',
      reason: code,
      message,
      startedAt: new Date(open.startedAtMs).toISOString(),
      selected: [...open.selected],
      reported: [],
      dropped: [],
      droppedIn: {},
      rebuiltMasks: [],
      requiredSurvivors: 0,
      quorum: 0,
      threshold: 0,
      seconds,
      // How long each phase took is not known any more: all of it stands under the first.
      phaseSeconds: { ...none, advertiseKeys: seconds },
      bytesUp: 0,
      bytesDown: 0,
      bytesUpByClient: {},
      bytesDownByClient: {},
      baseModelHash: open.baseModelHash,
    };
    await store.endAttempt(record, open.signing ? { nextRound: open.round + 1 } : {});
    log.warn({ task: open.taskId, round: open.round, attempt: open.attempt, code }, 'round abandoned');
  }

  async #guard(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.#ports.log.error({ err: error }, 'the task cannot go on');
      const running = this.#running;
      if (running === undefined || this.#stopping) return;
      running.round = undefined;
      const reason = error instanceof HansaError ? error.message : 'Internal error; the log has the cause.';
      // Counted like a failed attempt: it is tried again after a while, and not for ever.
      await this.#event({ type: 'abandoned', roundSpent: false, reason }).catch((err) =>
        this.#ports.log.error({ err }, 'the task stands still until the coordinator is started again'),
      );
    }
  }
}

/** A random choice of at most `maximum`: whoever is left out this time may be in the next. */
function choose(candidates: readonly string[], maximum: number): string[] {
  const pool = [...candidates];
  while (pool.length > maximum) pool.splice(randomInt(pool.length), 1);
  return pool;
}

const endedOf = (task: TaskRow): TaskEnded => ({
  taskId: task.id,
  outcome: task.state === 'completed' ? 'completed' : 'aborted',
  committedRounds: task.committedRounds,
  modelHash: task.modelHash,
});
