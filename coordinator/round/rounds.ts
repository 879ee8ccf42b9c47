import { randomInt } from 'node:crypto';
import { maxTries } from '@hansa/aggregation/secagg/grouping';
import { type ErrorCode, HansaError } from '@hansa/shared/errors';
import {
  type AdminStatus,
  fixedBytes,
  leaveSchema,
  progressSchema,
  type RoundRecord,
  roundPhases,
  type TaskEnded,
} from '@hansa/shared/protocol';
import {
  encodeMessage,
  type NodeDrawMessageName,
  type Roster,
  rosterHash,
  type SecAggConfig,
} from '@hansa/shared/protocol/secagg';
import { z } from 'zod';
import { lastRoundOf, readModelHeader, secAggConfigOf } from '../federation/createTask.ts';
import type { OpenAttempt, TaskChange, TaskRow } from '../storage/stateStore.ts';
import { DrawDriver } from './drawDriver.ts';
import { parseMessage } from './parseMessage.ts';
import type { RoundPorts } from './ports.ts';
import { RoundDriver, type RoundOutput, type RoundSpec, showState } from './roundDriver.ts';
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

/** A set-up made ahead is used unless it lacks this share of those who could take part, or the only one. */
const MISSING_SHARE = 0.1;

/** What every message within a set-up carries. */
const ofSetupSchema = z.looseObject({ sid: fixedBytes(32) });

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
  /** The set-up for the next round, made while this one trains. */
  prepared: RoundDriver | undefined;
  preparing: Promise<void> | undefined;
  draw: DrawDriver | undefined;
  /** Nodes that made a draw void. */
  readonly struck: Set<string>;
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

  /** Stops a task for good. @throws HansaError NotFound, UnexpectedMessage (when it has ended) */
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
    for (const one of liveOf(running)) one.connected(clientId);
    await this.#assign(running, clientId);
  }

  async disconnected(clientId: string): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    for (const one of liveOf(running)) one.disconnected(clientId);
    running.declined.delete(clientId);
    if (running.accepted.delete(clientId)) await this.#muster(running);
  }

  /** A control message of a node; resolves to its acknowledgement's answer. @throws HansaError (when it is refused) */
  async receive(clientId: string, name: string, body: unknown): Promise<unknown> {
    const running = this.#running;
    if (name === 'progress') {
      const progress = parseMessage(progressSchema, body, name);
      if (running?.round === undefined) throw new HansaError('WrongRound', 'No round is in progress.');
      running.round.note(clientId, progress);
      return undefined;
    }
    if (name === 'leave') {
      // Between rounds there is nothing to leave: who left as a round ended is in time.
      const leave = parseMessage(leaveSchema, body, name);
      for (const driver of driversOf(running)) driver.leave(clientId, leave);
      return undefined;
    }
    if (isDrawMessage(name)) {
      if (running?.draw === undefined) throw new HansaError('UnknownSetup', 'No draw is in progress.');
      running.draw.receive(clientId, name, body);
      return undefined;
    }
    const { sid } = parseMessage(ofSetupSchema, body, name.slice(0, 40));
    const driver = driversOf(running).find((one) => one.isSetup(sid));
    if (driver === undefined) throw new HansaError('UnknownSetup', 'That set-up is none that is in progress.');
    return driver.receive(clientId, sid, name, body);
  }

  /** Abandons the round in progress; its task goes on when the coordinator starts again. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const running = this.#running;
    if (running === undefined) return;
    running.cancelTimer();
    const reason = 'The coordinator was stopped in the middle of the round.';
    running.draw?.stop(reason);
    for (const driver of driversOf(running)) driver.abort('CoordinatorRestarted', reason);
    await running.attempt;
    await running.preparing;
    await running.prepared?.ended;
  }

  /** Takes up the oldest task that has not ended, when none runs. */
  #next(): Promise<void> {
    this.#choosing = this.#choosing.then(async () => {
      for (;;) {
        if (this.#running !== undefined || this.#stopping) return;
        const open = (await this.#ports.store.tasks()).filter(
          ({ state }) => state === 'running' || state === 'waiting',
        );
        const task = open.find(({ state }) => state === 'running') ?? open[0];
        if (task === undefined) return;
        if (await this.#hasItsState(task)) return this.#begin(task);
      }
    });
    return this.#choosing;
  }

  /** Whether what the task's strategy keeps is there and whole; the task fails where it is not, since no retry can help. */
  async #hasItsState(task: TaskRow): Promise<boolean> {
    const { store, states, log } = this.#ports;
    try {
      await states.assertIntact(task);
      return true;
    } catch (error) {
      if (!(error instanceof HansaError) || error.code !== 'StrategyStateLost') throw error;
      log.error({ err: error, task: task.id }, 'task ended');
      await store.changeTask(task.id, { state: 'failed', reason: error.message });
      this.#lastEnded = endedOf((await store.task(task.id)) ?? task);
      return false;
    }
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
      prepared: undefined,
      preparing: undefined,
      draw: undefined,
      struck: new Set(),
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
    const { store, blobs, clock } = this.#ports;
    running.task = (await store.task(running.task.id)) ?? running.task;
    const { task } = running;
    if (!(await this.#isPrepared(running, candidates))) await this.#prepare(running, candidates);
    const driver = running.prepared;
    if (driver === undefined || this.#stopping) {
      await this.#giveUpPrepared(
        running,
        'CoordinatorRestarted',
        'The coordinator was stopped before the round began.',
      );
      await this.#event({
        type: 'abandoned',
        roundSpent: false,
        reason: 'Too few of the nodes are in the roster yet.',
      });
      return;
    }
    const header = await readModelHeader(blobs, task.modelHash);
    const { attempt } = driver.spec;
    const selected = driver.spec.cohorts.flatMap((cohort) => cohort.selected);
    await store.beginAttempt({
      taskId: task.id,
      attempt,
      round,
      startedAtMs: clock.now(),
      baseModelHash: task.modelHash,
      selected,
    });
    if (running.schedule.phase !== 'inRound' || this.#stopping) {
      const open = (await store.openAttempts()).find((one) => one.taskId === task.id && one.attempt === attempt);
      const code = this.#stopping ? 'CoordinatorRestarted' : 'TaskAborted';
      await this.#giveUpPrepared(running, code, 'The task ended as the round began.');
      if (open !== undefined) await this.#closeBooks(open, code);
      return;
    }
    this.#ports.log.info({ task: task.id, round, attempt, selected }, 'round begins');
    let abandoned: { roundSpent: boolean; reason: string } | undefined;
    running.prepared = undefined;
    running.round = driver;
    driver.bind({
      task,
      round,
      header,
      settle: async (record, roundSpent, made) => {
        if (record.outcome === 'abandoned') abandoned = { roundSpent, reason: record.message ?? '' };
        await this.#settle(running, record, roundSpent, made);
      },
      training: () => this.#prepareNext(running),
    });
    await driver.ended;
    running.round = undefined;
    if (this.#stopping) return;
    if (running === this.#running) showState(this.#ports.metrics, 'recruiting');
    await this.#event(abandoned === undefined ? { type: 'committed' } : { type: 'abandoned', ...abandoned });
  }

  /** Whether a set-up was made ahead that can be used: one that is over, or lacks too many of those who could take part now, is given up. */
  async #isPrepared(running: Running, candidates: readonly string[]): Promise<boolean> {
    await running.preparing;
    const { prepared, terms } = running;
    if (prepared === undefined) return false;
    const members = new Set(prepared.members);
    const missing = candidates.filter((id) => !members.has(id)).length;
    const isFull = members.size >= terms.maximum;
    if (!prepared.isOver && (isFull || missing < Math.max(1, MISSING_SHARE * candidates.length))) return true;
    const reason = 'Members that the set-up lacks can take part now: another one is made.';
    await this.#giveUpPrepared(running, 'CohortTooSmall', reason);
    return false;
  }

  async #giveUpPrepared(running: Running, code: ErrorCode, reason: string): Promise<void> {
    const { prepared } = running;
    prepared?.abort(code, reason);
    await prepared?.ended;
    running.prepared = undefined;
  }

  /** Makes the next round's set-up while nodes train, so that its M3 can leave as soon as this round is over. */
  #prepareNext(running: Running): void {
    const { terms, schedule, accepted, prepared, preparing } = running;
    const isLast = schedule.progress.committedRounds + 1 >= terms.rounds;
    if (running !== this.#running || this.#stopping || isLast) return;
    if (prepared !== undefined || preparing !== undefined || accepted.size < terms.minimum) return;
    running.preparing = this.#prepare(running, [...accepted])
      .catch((err: unknown) => this.#ports.log.warn({ err }, 'the next set-up could not be made ahead'))
      .finally(() => {
        running.preparing = undefined;
      });
  }

  /** Begins the set-up of an attempt, as `running.prepared`; not where too few of the candidates can be in it. */
  async #prepare(running: Running, candidates: readonly string[]): Promise<void> {
    const { store, rosters, blobs } = this.#ports;
    const before = rosters.chain.length;
    const roster = await rosters.current();
    if (rosters.chain.length > before) for (const id of this.#ports.lines.connected()) await this.#sendRosters(id);
    if (roster === undefined) return;
    const { task, terms } = running;
    const listed = new Set(roster.members.map(({ id }) => id));
    const able = candidates.filter((id) => listed.has(id));
    if (able.length < terms.minimum || this.#stopping) return;
    const config = secAggConfigOf(task.file, task.plan, await readModelHeader(blobs, task.modelHash));
    const cohorts = config.grouped
      ? await this.#groups(running, roster, config, able)
      : [{ group: 0, groupSeedHash: new Uint8Array(32), selected: choose(able, terms.maximum) }];
    if (cohorts.length === 0 || this.#stopping) return;
    const attempt = await store.nextAttempt(task.id);
    if (this.#stopping || running !== this.#running) return;
    const driver = new RoundDriver(this.#ports, { task, attempt, roster, config, cohorts });
    running.prepared = driver;
    const online = new Set(this.#ports.lines.connected());
    for (const { selected } of cohorts) for (const id of selected) if (!online.has(id)) driver.disconnected(id);
  }

  /** The groups of the roster's draw, each with those of its members that can take part; drawn first where they are not yet. */
  async #groups(
    running: Running,
    roster: Roster,
    config: SecAggConfig,
    able: readonly string[],
  ): Promise<RoundSpec['cohorts']> {
    const { store } = this.#ports;
    const { task } = running;
    const hash = Buffer.from(rosterHash(roster)).toString('hex');
    let { tries, groups } = await store.draws(task.id, hash);
    for (; groups === undefined && !this.#stopping; tries++) {
      if (tries >= maxTries)
        throw new HansaError(
          'TooManyDraws',
          `${tries} draws of groups were begun on this roster and none was finished: nodes join no more until the roster changes.`,
        );
      const selected = able.filter((id) => !running.struck.has(id));
      const seq = await store.beginDraw(task.id, hash);
      const draw = new DrawDriver(this.#ports, { task, seq, roster, selected, config });
      running.draw = draw;
      const online = new Set(this.#ports.lines.connected());
      for (const id of selected) if (!online.has(id)) draw.disconnected(id);
      const end = await draw.ended;
      running.draw = undefined;
      if (end.type === 'void') {
        for (const id of end.strikes) running.struck.add(id);
        this.#ports.log.warn({ task: task.id, strikes: end.strikes, reason: end.reason }, 'a draw of groups is void');
        continue;
      }
      groups = end.groups;
      await store.endDraw(task.id, seq, groups);
    }
    if (groups === undefined) return [];
    const ids = new Map(roster.members.map(({ id, index }) => [index, id]));
    const groupSeedHash = new Uint8Array(Buffer.from(groups.seedHash, 'hex'));
    return groups.groups
      .map((indexes, place) => ({
        group: place + 1,
        groupSeedHash,
        selected: indexes.flatMap((index) => ids.get(index) ?? []).filter((id) => able.includes(id)),
      }))
      .filter(({ selected }) => selected.length >= config.minCohort);
  }

  async #settle(running: Running, record: RoundRecord, roundSpent: boolean, made?: RoundOutput): Promise<void> {
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
      ...(made !== undefined && { modelHash: made.model.hash, strategyStateHash: made.strategyStateHash }),
    };
    await this.#ports.store.endAttempt(record, change, made?.model);
    if (made !== undefined) await this.#sweepStates();
  }

  /** What is left lying is swept after the next round. */
  async #sweepStates(): Promise<void> {
    const { store, states, log } = this.#ports;
    try {
      await states.sweep(await store.tasks());
    } catch (err) {
      log.warn({ err }, "an old state of a task's strategy could not be deleted");
    }
  }

  async #end(running: Running, effect: Extract<ScheduleEffect, { type: 'end' }>): Promise<void> {
    running.cancelTimer();
    await running.round?.ended;
    running.draw?.stop('The task has ended.');
    await running.preparing;
    await this.#giveUpPrepared(running, 'TaskAborted', 'The task has ended.');
    const { store, log, lines, metrics } = this.#ports;
    const { id } = running.task;
    await store.changeTask(id, { state: effect.outcome, reason: effect.reason });
    await this.#sweepStates();
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

/** Everything of a task that nodes take part in now. */
const liveOf = (running: Running): readonly (RoundDriver | DrawDriver)[] =>
  [running.round, running.prepared, running.draw].filter((one) => one !== undefined);

/** The attempts that nodes take part in now: the round, and the next one's set-up. */
const driversOf = (running: Running | undefined): readonly RoundDriver[] =>
  [running?.round, running?.prepared].filter((one) => one !== undefined);

const isDrawMessage = (name: string): name is NodeDrawMessageName => name === 'commitSeed' || name === 'revealSeed';

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
