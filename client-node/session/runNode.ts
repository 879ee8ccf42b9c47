import { existsSync } from 'node:fs';
import {
  acceptRoster,
  type ClientEvent,
  type ClientOutcome,
  type ClientPolicy,
  type ClientPorts,
  createMemory,
  type JournalRecord,
  step,
  waiting,
} from '@hansa/aggregation/secagg/client';
import { type DrawEvent, type DrawState, idleDraw, stepDraw } from '@hansa/aggregation/secagg/grouping';
import { MaskThreads } from '@hansa/aggregation/secagg/threads';
import type { Clock } from '@hansa/shared/clock';
import { HansaError } from '@hansa/shared/errors';
import type { Logger } from '@hansa/shared/log';
import { assignmentSchema, type Plan, type TaskEnded, taskEndedSchema } from '@hansa/shared/protocol';
import {
  type CoordinatorMessageName,
  coordinatorMessages,
  type DrawMessageName,
  decodeMessage,
  type Evidence,
  encodeMessage,
  type Open,
  type Roster,
  setupId,
} from '@hansa/shared/protocol/secagg';
import type { RandomSource } from '@hansa/shared/random';
import type { z } from 'zod';
import type { NodeConfig } from '../config/nodeConfig.ts';
import { keepEvidence } from '../ledger/evidence.ts';
import { type NodeIdentity, readIdentity } from '../ledger/identity.ts';
import { lockIdentity } from '../ledger/identityLock.ts';
import { type Journal, openJournal } from '../ledger/journal.ts';
import { type NodeFolder, nodeFolder, prepareFolder } from '../ledger/nodeFolder.ts';
import { appendReceipt } from '../ledger/receipts.ts';
import type { Trainer, TrainerOptions } from '../trainer/index.ts';
import type { Line } from './line.ts';
import { MAX_MODEL_BYTES, type ModelStore, openModelStore } from './modelStore.ts';
import type { OnNodeEvent } from './nodeEvents.ts';
import { checkConfig, checkPlan } from './policy.ts';
import { type SetupPorts, SetupRun } from './setupRun.ts';
import { openTaskBook, parsePlan, type TaskBook } from './taskBook.ts';
import { assertSecureAddress } from './transport/address.ts';
import type { ConnectionOptions } from './transport/connection.ts';

/** Set-ups that may be live at once. */
const LIVE_SETUPS = 2;

export interface RunOptions {
  readonly config: NodeConfig;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly log: Logger;
  /** Stops the node. */
  readonly signal: AbortSignal;
  /** Return once a task that this node knows has ended. */
  readonly untilTaskEnds: boolean;
  readonly onEvent: OnNodeEvent;
  /** Makes the line to the coordinator. */
  connect(options: ConnectionOptions): Line;
  startTrainer(options: TrainerOptions): Promise<Trainer>;
}

export interface RunSummary {
  readonly roundsCommitted: number;
  readonly roundsIncluded: number;
  readonly roundsAbandoned: number;
  /** The task that ended, where the node was asked to run until one does. */
  readonly ended?: { readonly taskId: string; readonly outcome: 'completed' | 'aborted'; readonly modelHash: string };
}

/**
 * Runs a node: takes part in every task that its policy and data allow, until stopped or until a task has ended.
 *
 * Nothing is sent before the identity is locked, the journal is read and the data is loaded.
 *
 * @throws HansaError IdentityLocked, NotEnrolled, LedgerCorrupt, DataFolderUnusable, StorageFull, InsecureAddress, InvalidData, UnknownClient,
 *   WrongCoordinatorKey, UnsupportedProtocolVersion (from connecting), Interrupted (when the signal aborts)
 * @throws what loading the data throws
 */
export async function runNode(options: RunOptions): Promise<RunSummary> {
  const { config } = options;
  assertSecureAddress(config.coordinator, config.allowInsecure);
  const folder = nodeFolder(config.folder);
  const identity = readIdentity(folder.identity);
  const lock = lockIdentity(folder.lock);
  try {
    await prepareFolder(folder);
    const journal = await openJournal(folder.journal);
    try {
      return await new RunningNode(options, folder, identity, journal).run();
    } finally {
      await journal.close();
    }
  } finally {
    lock.release();
    identity.key.wipe();
  }
}

class RunningNode {
  readonly #options: RunOptions;
  readonly #folder: NodeFolder;
  readonly #identity: NodeIdentity;
  readonly #journal: Journal;
  readonly #memory = createMemory();
  readonly #reducer: ClientPorts;
  readonly #line: Line;
  readonly #tasks: TaskBook;
  readonly #models: ModelStore;
  /** One thread, since the node trains meanwhile. */
  readonly #threads = new MaskThreads(1);
  readonly #stopping = new AbortController();
  readonly #fetches = new Set<Promise<void>>();
  #trainer: Promise<Trainer> | undefined;
  /** Set-ups, newest last: at most two that are not over, one in its round and one made ahead, and the last that ended. */
  #setups: readonly SetupRun[] = [];
  /** The draw of groups that is under way; in memory only, like a set-up. */
  #draw: DrawState = idleDraw;
  #turn: Promise<void> = Promise.resolve();
  #summary = { roundsCommitted: 0, roundsIncluded: 0, roundsAbandoned: 0 };
  #finish: (end: { ended?: TaskEnded; error?: unknown }) => void = () => undefined;

  constructor(options: RunOptions, folder: NodeFolder, identity: NodeIdentity, journal: Journal) {
    const { config, clock, random, log } = options;
    this.#options = options;
    this.#folder = folder;
    this.#identity = identity;
    this.#journal = journal;
    for (const record of journal.records) this.#memory.apply(record);
    const policy: ClientPolicy = {
      federation: identity.federation,
      coordinatorKey: identity.coordinatorPublicKey,
      approvals:
        identity.approvals.by === 'members'
          ? { by: 'members', atLeast: config.policy.approvalsByMembers }
          : identity.approvals,
      minCohort: config.policy.minCohort,
      knownFloor: config.policy.knownFloor,
      maxRosterChange: config.policy.maxRosterChange,
      maxCohortAgeMs: config.policy.maxCohortAgeMs,
    };
    this.#reducer = { random, identity: identity.key, memory: this.#memory, policy };
    this.#line = options.connect({
      address: config.coordinator,
      identity,
      random,
      clock,
      log,
      handlers: {
        ready: () => this.#ready(),
        lost: (reason) => options.onEvent({ type: 'disconnected', reason }),
        refused: (error) => this.#finish({ error }),
        message: (name, body) => this.#received(name, body),
      },
    });
    this.#tasks = openTaskBook(folder.tasks, () => clock.now());
    this.#models = openModelStore(folder.models, this.#line);
  }

  async run(): Promise<RunSummary> {
    const { signal, onEvent } = this.#options;
    const interrupted = () => this.#finish({ error: new HansaError('Interrupted', 'The node was stopped.') });
    const end = new Promise<{ ended?: TaskEnded; error?: unknown }>((resolve) => {
      this.#finish = resolve;
    });
    if (signal.aborted) interrupted();
    signal.addEventListener('abort', interrupted, { once: true });
    try {
      const trainer = await this.#startTrainer();
      onEvent({ type: 'dataReady', data: trainer.data, engine: trainer.engine });
      this.#line.open();
      const { ended, error } = await end;
      if (error !== undefined) throw error;
      return ended === undefined ? this.#summary : { ...this.#summary, ended };
    } finally {
      signal.removeEventListener('abort', interrupted);
      await this.#shutDown();
    }
  }

  async #shutDown(): Promise<void> {
    this.#stopping.abort(new HansaError('Interrupted', 'The node was stopped.'));
    await this.#inTurn(async () => {
      await Promise.all(this.#setups.map((run) => run.leave('Interrupted', 'The node was stopped.')));
    }).catch(() => undefined);
    this.#line.close();
    await this.#trainer?.then((trainer) => trainer.close()).catch(() => undefined);
    await Promise.allSettled(this.#fetches);
    await this.#threads.close();
  }

  #startTrainer(): Promise<Trainer> {
    const { config, log } = this.#options;
    this.#trainer ??= this.#options.startTrainer({
      engine: config.training.engine,
      data: config.data,
      baseFolder: config.baseFolder,
      scratchFolder: this.#folder.spool,
      log,
      signal: AbortSignal.any([this.#options.signal, this.#stopping.signal]),
      onRestart: (reason) => this.#options.onEvent({ type: 'trainingRestarted', reason }),
    });
    return this.#trainer;
  }

  async #trainerFailed(): Promise<void> {
    const trainer = this.#trainer;
    this.#trainer = undefined;
    await trainer?.then((failed) => failed.close()).catch(() => undefined);
  }

  /** Runs actions one after another: messages, finished jobs and time-outs never meet. */
  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(action);
    this.#turn = done.then(
      () => undefined,
      () => undefined,
    );
    return done;
  }

  #ready(): void {
    this.#options.onEvent({ type: 'connected', address: this.#options.config.coordinator });
    for (const run of this.#setups) run.resume();
  }

  async #received(name: string, body: unknown): Promise<unknown> {
    try {
      return await this.#inTurn(() => this.#handle(name, body));
    } catch (error) {
      if (error instanceof HansaError) {
        this.#options.onEvent({ type: 'refused', name, by: 'node', code: error.code, message: error.message });
      }
      throw error;
    }
  }

  async #handle(name: string, body: unknown): Promise<unknown> {
    if (name === 'assignment') return this.#assigned(parse(assignmentSchema, body, name));
    if (name === 'taskEnded') return this.#taskEnded(parse(taskEndedSchema, body, name));
    if (!Object.hasOwn(coordinatorMessages, name)) {
      throw new HansaError('InvalidMessage', `This node knows no message "${name.slice(0, 40)}".`);
    }
    const message = decodeMessage(name as CoordinatorMessageName, body);
    if (name === 'roster') return this.#roster(message as Roster);
    if (name === 'open') return this.#opened(message as Open);
    if (isDrawMessage(name))
      return this.#drawn({ type: 'message', name, message, nowMs: this.#options.clock.now() } as DrawEvent);
    const event = { type: 'message', name, message, nowMs: this.#options.clock.now() } as ClientEvent;
    const { sid } = message as { sid: Uint8Array };
    const run = this.#setups.find((one) => one.isSetup(sid));
    // Refuses by name whatever is not of a set-up that this process knows.
    if (run === undefined) step(waiting, event, this.#reducer);
    await run?.receive(event);
    if (name === 'startRound' && run !== undefined) await this.#endOtherRounds(run);
    return undefined;
  }

  /** A coordinator that starts another round has given the one before up, whether or not this node heard of it. */
  async #endOtherRounds(started: SetupRun): Promise<void> {
    for (const run of this.#setups)
      if (run !== started && run.hasBegun)
        await run.stop('CoordinatorRestarted', 'The coordinator has started another round.');
  }

  async #roster(roster: Roster): Promise<undefined> {
    const pinned = this.#memory.roster();
    // The whole chain is shown after every connect. What lies before the pinned epoch was judged when it was new; what lies before the epoch that
    // lists this node for the first time is none of its business.
    if (pinned !== undefined && roster.epoch < pinned.epoch) return undefined;
    if (pinned === undefined && !roster.members.some(({ id }) => id === this.#identity.clientId)) return undefined;
    const accepted = acceptRoster(pinned, roster, this.#reducer.policy, this.#identity.key);
    if (accepted === pinned) return undefined;
    await this.#record({ type: 'roster', roster: accepted });
    this.#options.onEvent({
      type: 'rosterPinned',
      epoch: accepted.epoch,
      members: accepted.members.length,
      known: accepted.known.length,
    });
    return undefined;
  }

  async #assigned(assignment: z.output<typeof assignmentSchema>): Promise<undefined> {
    const { taskId, plan: planText, committedRounds, modelHash } = assignment;
    const trainer = await this.#startTrainer();
    checkPlan(parsePlan(planText), this.#options.config.policy, trainer.data);
    const isNew = this.#tasks.get(taskId) === undefined;
    const { plan, committedRounds: known } = await this.#tasks.accept(taskId, planText);
    if (committedRounds > known) {
      // Rounds went by without this node.
      await this.#tasks.update(taskId, { committedRounds, modelHash });
      this.#fetchAhead(modelHash);
    }
    if (isNew) this.#options.onEvent({ type: 'taskAccepted', taskId, rounds: plan.rounds });
    return undefined;
  }

  async #opened(open: Open): Promise<undefined> {
    const event = { type: 'message', name: 'open', message: open, nowMs: this.#options.clock.now() } as const;
    const known = this.#setups.find((run) => !run.isOver && run.isSetup(setupId(open)));
    if (known !== undefined) {
      await known.receive(event);
      return undefined;
    }
    const entry = this.#tasks.get(open.task);
    const opened = step(waiting, event, this.#reducer);
    if (opened.refusal !== undefined) {
      for (const effect of opened.effects)
        if (effect.type === 'evidence') await this.#keepEvidence(open.task, effect.evidence);
      throw opened.refusal;
    }
    if (entry === undefined)
      throw new HansaError('PolicyRefused', 'The set-up is of a task that was not assigned to this node.');
    checkConfig(open.config, entry, this.#options.config.policy);
    const live = this.#setups.filter((run) => !run.isOver);
    // One in its round and one made ahead is all that a coordinator needs: with a third it has given the oldest up.
    if (live.length >= LIVE_SETUPS)
      await live[0]?.stop('CoordinatorRestarted', 'The coordinator has opened another set-up.');
    const run = await SetupRun.begin(open, entry.plan, opened, this.#setupPorts());
    // What ended a moment ago may still be told of.
    this.#setups = [...this.#setups.filter((one, place, all) => !one.isOver || place === all.length - 1), run];
    return undefined;
  }

  /** A message of a draw: who masks with whom is settled by lot before the set-ups of the groups are opened. */
  async #drawn(event: DrawEvent): Promise<undefined> {
    const task = event.name === 'draw' ? event.message.task : this.#draw.phase === 'idle' ? '' : this.#draw.draw.task;
    const { state, effects, refusal } = stepDraw(this.#draw, event, this.#reducer);
    if (event.name === 'draw' && refusal === undefined) {
      const entry = this.#tasks.get(task);
      if (entry === undefined)
        throw new HansaError('PolicyRefused', 'The draw is for a task that was not assigned to this node.');
      checkConfig(event.message.config, entry, this.#options.config.policy);
    }
    this.#draw = state;
    for (const effect of effects) {
      if (effect.type === 'journal') await this.#record(effect.record);
      else if (effect.type === 'evidence') await this.#keepEvidence(task, effect.evidence);
      else if (effect.type === 'wipe') for (const secret of effect.secrets) secret.wipe();
      else this.#sendOfDraw(effect.name, encodeMessage(effect.name, effect.message as never));
    }
    if (refusal !== undefined) throw refusal;
    return undefined;
  }

  /** A coordinator that did not get it asks again when the connection is back. */
  #sendOfDraw(name: string, body: unknown): void {
    void this.#line
      .send(name, body)
      .catch((error: unknown) => this.#options.log.info({ name, err: error }, 'not taken'));
  }

  #setupPorts(): SetupPorts {
    const { config, clock, log, onEvent } = this.#options;
    return {
      reducer: this.#reducer,
      clock,
      log,
      folder: this.#folder,
      training: config.training,
      models: this.#models,
      threads: this.#threads,
      journal: (record) => this.#record(record),
      keepEvidence: (taskId, evidence) => this.#keepEvidence(taskId, evidence),
      line: this.#line,
      trainer: () => this.#startTrainer(),
      trainerFailed: () => this.#trainerFailed(),
      inTurn: (action) => {
        void this.#inTurn(action).catch((error) => log.error({ err: error }, 'a set-up failed'));
      },
      onEvent,
      closed: (run, outcome) => this.#closed(run, outcome),
    };
  }

  async #record(record: JournalRecord): Promise<void> {
    await this.#journal.append(record);
    this.#memory.apply(record);
  }

  async #keepEvidence(taskId: string, evidence: Evidence): Promise<void> {
    const foundAt = new Date(this.#options.clock.now()).toISOString();
    const id = await keepEvidence(this.#folder.evidence, { foundAt, taskId, evidence });
    const { kind, member } = evidence;
    this.#options.log.warn({ evidence: id, kind, member, task: taskId }, 'caught somebody contradicting itself');
    this.#options.onEvent({ type: 'evidence', id, member });
  }

  async #closed(run: SetupRun, outcome: ClientOutcome): Promise<void> {
    const { taskId, attempt, baseModelHash } = run;
    if (outcome.type === 'abandoned') {
      this.#summary.roundsAbandoned += 1;
      this.#options.onEvent({ type: 'roundAbandoned', taskId, code: outcome.code, reason: outcome.reason });
      // Without its folder a node forgets what it has signed: it must not go on.
      if (!existsSync(this.#folder.identity)) {
        const reason = `The node's folder ${this.#folder.root} is gone or cannot be read: the node stops. Restore nothing old; enrol anew.`;
        this.#finish({ error: new HansaError('DataFolderUnusable', reason) });
      }
      return;
    }
    const newModelHash = hex(outcome.newModelHash);
    await appendReceipt(this.#folder.receipts, {
      at: new Date(this.#options.clock.now()).toISOString(),
      taskId,
      round: outcome.round,
      attempt,
      included: outcome.included,
      survivors: outcome.survivors,
      weightSum: outcome.weightSum,
      baseModelHash: baseModelHash ?? '',
      modelHash: newModelHash,
      resultHash: hex(outcome.resultHash),
    });
    const entry = this.#tasks.get(taskId);
    await this.#tasks.update(taskId, {
      modelHash: newModelHash,
      // An assignment may have told of this round before its result came.
      committedRounds: (entry?.committedRounds ?? 0) + (entry?.modelHash === newModelHash ? 0 : 1),
      roundsJoined: (entry?.roundsJoined ?? 0) + (outcome.included ? 1 : 0),
    });
    this.#summary.roundsCommitted += 1;
    if (outcome.included) this.#summary.roundsIncluded += 1;
    const { round, included, survivors } = outcome;
    this.#options.onEvent({ type: 'roundCommitted', taskId, round, included, survivors, newModelHash });
    this.#fetchAhead(newModelHash);
  }

  /** Fetches the new model while nothing waits for it, checks its hash, and lets go of those that are no longer needed. */
  #fetchAhead(hash: string): void {
    const job = this.#models
      .fetch(hash, { maxBytes: MAX_MODEL_BYTES, signal: this.#stopping.signal })
      .then(() => this.#models.keepOnly(this.#tasks.modelsInUse()))
      .catch((error: unknown) => {
        if (!this.#stopping.signal.aborted)
          this.#options.log.warn({ err: error, hash }, 'the new model was not fetched');
      })
      .finally(() => this.#fetches.delete(job));
    this.#fetches.add(job);
  }

  async #taskEnded(ended: TaskEnded): Promise<undefined> {
    const { taskId, outcome, committedRounds, modelHash } = ended;
    const entry = this.#tasks.get(taskId);
    if (entry === undefined) return undefined;
    const isNews = entry.outcome === 'running';
    await this.#tasks.update(taskId, { outcome, committedRounds, modelHash });
    for (const run of this.#setups) if (run.taskId === taskId) await run.stop('TaskAborted', 'The task has ended.');
    if (!isNews && !this.#options.untilTaskEnds) return undefined;
    // They are what `evaluate` compares; they are fetched beside the messages, since the connection has to answer meanwhile.
    void this.#collect(ended, entry.plan);
    return undefined;
  }

  async #collect(ended: TaskEnded, { initialModelHash, baseModelHash }: Plan): Promise<void> {
    try {
      const fetching = { maxBytes: MAX_MODEL_BYTES, signal: this.#stopping.signal };
      if (baseModelHash !== undefined) await this.#models.fetch(baseModelHash, fetching);
      await this.#models.fetch(initialModelHash, fetching);
      await this.#models.fetch(ended.modelHash, fetching);
      await this.#models.keepOnly(this.#tasks.modelsInUse());
      this.#options.onEvent({ type: 'taskEnded', ...ended });
      if (this.#options.untilTaskEnds) this.#finish({ ended });
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      this.#options.log.error({ err: error }, 'the models of a task that has ended were not fetched');
      if (this.#options.untilTaskEnds) this.#finish({ error });
    }
  }
}

function parse<Schema extends z.ZodType>(schema: Schema, value: unknown, name: string): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const places = parsed.error.issues.slice(0, 8).map((issue) => issue.path.map(String).join('.') || 'its top level');
  throw new HansaError('InvalidMessage', `The message "${name}" is malformed at ${[...new Set(places)].join(', ')}.`);
}

const isDrawMessage = (name: string): name is DrawMessageName =>
  ['draw', 'seedCommitments', 'seedReveals'].includes(name);

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
