import { existsSync } from 'node:fs';
import { acceptRoster, type ClientEvent, type ClientPolicy, type ClientPorts } from '@hansa/aggregation/secagg/client';
import type { DrawEvent } from '@hansa/aggregation/secagg/grouping';
import { MaskThreads } from '@hansa/aggregation/secagg/threads';
import { blameClock, type Clock } from '@hansa/shared/clock';
import { HansaError } from '@hansa/shared/errors';
import type { Logger } from '@hansa/shared/log';
import { assignmentSchema, type Plan, type TaskEnded, taskEndedSchema } from '@hansa/shared/protocol';
import {
  type CoordinatorMessageName,
  coordinatorMessages,
  decodeMessage,
  type Roster,
} from '@hansa/shared/protocol/secagg';
import type { RandomSource } from '@hansa/shared/random';
import type { z } from 'zod';
import type { NodeConfig } from '../config/nodeConfig.ts';
import { type NodeIdentity, readIdentity } from '../ledger/identity.ts';
import { lockIdentity } from '../ledger/identityLock.ts';
import { type Journal, openJournal } from '../ledger/journal.ts';
import { type NodeFolder, nodeFolder, prepareFolder } from '../ledger/nodeFolder.ts';
import type { Trainer, TrainerOptions } from '../trainer/index.ts';
import type { Connection } from './connection.ts';
import { Controls } from './controls.ts';
import { Draws, isDrawMessage } from './draws.ts';
import { ModelFetches } from './modelFetches.ts';
import { openModelStore } from './modelStore.ts';
import type { OnNodeEvent } from './nodeEvents.ts';
import { NodeRecords } from './nodeRecords.ts';
import { parseMessage } from './parseMessage.ts';
import { checkPlan } from './policy.ts';
import { RoundOutcomes } from './roundOutcomes.ts';
import type { EndedSetup } from './setupContext.ts';
import { Setups } from './setups.ts';
import { openTaskBook, parsePlan, type TaskBook } from './taskBook.ts';
import { TrainerSlot } from './trainerSlot.ts';
import { assertSecureAddress } from './transport/address.ts';
import type { ConnectionOptions } from './transport/socketConnection.ts';

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
  /** Makes the connection to the coordinator. */
  connect(options: ConnectionOptions): Connection;
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

/** Why a node's run is over. */
interface End {
  readonly ended?: TaskEnded;
  readonly error?: unknown;
}

class RunningNode {
  readonly #options: RunOptions;
  readonly #folder: NodeFolder;
  readonly #identity: NodeIdentity;
  readonly #records: NodeRecords;
  readonly #policy: ClientPolicy;
  readonly #connection: Connection;
  readonly #tasks: TaskBook;
  readonly #trainer: TrainerSlot;
  readonly #controls: Controls;
  /** One thread, since the node trains meanwhile. */
  readonly #threads = new MaskThreads(1);
  readonly #stopping = new AbortController();
  readonly #fetches: ModelFetches;
  readonly #outcomes: RoundOutcomes;
  readonly #setups: Setups;
  readonly #draws: Draws;
  #turn: Promise<void> = Promise.resolve();
  #finish: (end: End) => void = () => undefined;

  constructor(options: RunOptions, folder: NodeFolder, identity: NodeIdentity, journal: Journal) {
    const { config, clock, random, log, onEvent } = options;
    this.#options = options;
    this.#folder = folder;
    this.#identity = identity;
    this.#records = new NodeRecords(journal, folder.evidence, options);
    this.#policy = policyOf(identity, config);
    const { memory } = this.#records;
    const reducer: ClientPorts = {
      random,
      identity: identity.key,
      memory,
      policy: this.#policy,
      blameClock: () => blameClock(this.#connection.clockOffsetMs),
    };
    this.#connection = options.connect({
      address: config.coordinator,
      identity,
      random,
      clock,
      log,
      handlers: {
        ready: () => this.#ready(),
        lost: (reason) => onEvent({ type: 'disconnected', reason }),
        refused: (error) => this.#finish({ error }),
        message: (name, body) => this.#received(name, body),
      },
    });
    this.#tasks = openTaskBook(folder.tasks, () => clock.now());
    this.#trainer = new TrainerSlot(() => this.#startTrainer());
    const models = openModelStore(folder.models, this.#connection);
    this.#controls = new Controls(folder.controls, openModelStore(folder.commonControls, this.#connection));
    this.#fetches = new ModelFetches(models, this.#tasks, log, this.#stopping.signal);
    this.#outcomes = new RoundOutcomes(this.#tasks, folder.receipts, options);
    this.#draws = new Draws({
      reducer,
      records: this.#records,
      tasks: this.#tasks,
      policy: config.policy,
      connection: this.#connection,
      log,
    });
    this.#setups = new Setups(
      {
        reducer,
        clock,
        log,
        folder,
        training: config.training,
        models,
        controls: this.#controls,
        threads: this.#threads,
        journal: (record) => this.#records.journal(record),
        keepEvidence: (taskId, evidence) => this.#records.keepEvidence(taskId, evidence),
        connection: this.#connection,
        trainer: () => this.#trainer.get(),
        trainerFailed: () => this.#trainer.close(),
        inTurn: (action) => {
          void this.#inTurn(action).catch((error) => log.error({ err: error }, 'a set-up failed'));
        },
        onEvent,
        closed: (ended) => this.#closed(ended),
      },
      this.#tasks,
      config.policy,
    );
  }

  async run(): Promise<RunSummary> {
    const { signal, onEvent } = this.#options;
    const interrupted = () => this.#finish({ error: new HansaError('Interrupted', 'The node was stopped.') });
    const end = new Promise<End>((resolve) => {
      this.#finish = resolve;
    });
    if (signal.aborted) interrupted();
    signal.addEventListener('abort', interrupted, { once: true });
    try {
      const trainer = await this.#trainer.get();
      onEvent({ type: 'dataReady', data: trainer.data, engine: trainer.engine });
      this.#connection.open();
      const { ended, error } = await end;
      if (error !== undefined) throw error;
      const { counts } = this.#outcomes;
      return ended === undefined ? counts : { ...counts, ended };
    } finally {
      signal.removeEventListener('abort', interrupted);
      await this.#shutDown();
    }
  }

  async #shutDown(): Promise<void> {
    this.#stopping.abort(new HansaError('Interrupted', 'The node was stopped.'));
    await this.#inTurn(() => this.#setups.leave('Interrupted', 'The node was stopped.')).catch(() => undefined);
    this.#connection.close();
    await this.#trainer.close();
    await this.#fetches.settled();
    await this.#threads.close();
  }

  #startTrainer(): Promise<Trainer> {
    const { config, log, signal, onEvent, startTrainer } = this.#options;
    return startTrainer({
      engine: config.training.engine,
      data: config.data,
      baseFolder: config.baseFolder,
      scratchFolder: this.#folder.spool,
      log,
      signal: AbortSignal.any([signal, this.#stopping.signal]),
      onRestart: (reason) => onEvent({ type: 'trainingRestarted', reason }),
    });
  }

  /** Runs actions one after another: messages, finished work and time-outs never meet. */
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
    this.#setups.resume();
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

  async #handle(name: string, body: unknown): Promise<void> {
    if (name === 'assignment') return this.#assigned(parseMessage(assignmentSchema, body, name));
    if (name === 'taskEnded') return this.#taskEnded(parseMessage(taskEndedSchema, body, name));
    if (!Object.hasOwn(coordinatorMessages, name)) {
      throw new HansaError('InvalidMessage', `This node knows no message "${name.slice(0, 40)}".`);
    }
    const message = decodeMessage(name as CoordinatorMessageName, body);
    if (name === 'roster') return this.#roster(message as Roster);
    const event: unknown = { type: 'message', name, message, nowMs: this.#options.clock.now() };
    if (isDrawMessage(name)) return this.#draws.receive(event as DrawEvent);
    return this.#setups.receive(event as Extract<ClientEvent, { readonly type: 'message' }>);
  }

  async #roster(roster: Roster): Promise<void> {
    const pinned = this.#records.memory.roster();
    // The whole chain is shown after every connect. What lies before the pinned epoch was judged when it was new; what lies before the epoch that
    // lists this node for the first time does not concern it.
    if (pinned !== undefined && roster.epoch < pinned.epoch) return;
    if (pinned === undefined && !roster.members.some(({ id }) => id === this.#identity.clientId)) return;
    const accepted = acceptRoster(pinned, roster, this.#policy, this.#identity.key);
    if (accepted === pinned) return;
    await this.#records.journal({ type: 'roster', roster: accepted });
    const { epoch, members, known } = accepted;
    this.#options.onEvent({ type: 'rosterPinned', epoch, members: members.length, known: known.length });
  }

  async #assigned(assignment: z.output<typeof assignmentSchema>): Promise<void> {
    const { taskId, plan: planText, committedRounds, modelHash } = assignment;
    const trainer = await this.#trainer.get();
    checkPlan(parsePlan(planText), this.#options.config.policy, trainer.data);
    const isNew = this.#tasks.get(taskId) === undefined;
    const { plan, committedRounds: known } = await this.#tasks.accept(taskId, planText);
    if (committedRounds > known) {
      // Rounds were committed without this node.
      await this.#tasks.update(taskId, { committedRounds, modelHash });
      this.#fetches.ahead(modelHash);
    }
    if (isNew) this.#options.onEvent({ type: 'taskAccepted', taskId, rounds: plan.rounds });
  }

  async #closed(setup: EndedSetup): Promise<void> {
    const { outcome } = setup;
    if (outcome.type === 'committed') {
      this.#fetches.ahead(await this.#outcomes.committed(setup, outcome));
      return;
    }
    this.#outcomes.abandoned(setup, outcome);
    // Without its folder a node forgets what it has signed: it must not go on.
    if (!existsSync(this.#folder.identity)) {
      const reason = `The node's folder ${this.#folder.root} is gone or cannot be read: the node stops. Restore nothing old; enrol again.`;
      this.#finish({ error: new HansaError('DataFolderUnusable', reason) });
    }
  }

  async #taskEnded(ended: TaskEnded): Promise<void> {
    const { taskId, outcome, committedRounds, modelHash } = ended;
    const entry = this.#tasks.get(taskId);
    if (entry === undefined) return;
    const isNews = entry.outcome === 'running';
    await this.#tasks.update(taskId, { outcome, committedRounds, modelHash });
    await this.#setups.stop(taskId, 'TaskAborted', 'The task has ended.');
    await this.#controls.forget(taskId);
    // Its models are fetched beside the messages, since the connection has to answer meanwhile.
    if (isNews || this.#options.untilTaskEnds) void this.#fetchModels(ended, entry.plan);
  }

  async #fetchModels(ended: TaskEnded, plan: Plan): Promise<void> {
    const { log, onEvent, untilTaskEnds } = this.#options;
    try {
      await this.#fetches.ofTask(ended, plan);
      onEvent({ type: 'taskEnded', ...ended });
      if (untilTaskEnds) this.#finish({ ended });
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      log.error({ err: error }, 'the models of a task that has ended were not fetched');
      if (untilTaskEnds) this.#finish({ error });
    }
  }
}

function policyOf(identity: NodeIdentity, { policy }: NodeConfig): ClientPolicy {
  const { federation, coordinatorPublicKey: coordinatorKey, approvals } = identity;
  return {
    federation,
    coordinatorKey,
    approvals: approvals.by === 'members' ? { by: 'members', atLeast: policy.approvalsByMembers } : approvals,
    minCohort: policy.minCohort,
    knownFloor: policy.knownFloor,
    maxRosterChange: policy.maxRosterChange,
    maxCohortAgeMs: policy.maxCohortAgeMs,
  };
}
