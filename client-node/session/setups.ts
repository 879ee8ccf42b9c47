import { type ClientEvent, type ClientStep, step, waiting } from '@hansa/aggregation/secagg/client';
import { type ErrorCode, HansaError } from '@hansa/shared/errors';
import { type Open, setupId } from '@hansa/shared/protocol/secagg';
import type { NodePolicy } from '../config/nodeConfig.ts';
import { checkConfig } from './policy.ts';
import type { SetupContext } from './setupContext.ts';
import { SetupRun } from './setupRun.ts';
import type { TaskBook } from './taskBook.ts';

/** Set-ups that may be live at once: one in its round and one made ahead. */
const LIVE_SETUPS = 2;

type MessageEvent = Extract<ClientEvent, { readonly type: 'message' }>;

/** A node's set-ups, newest last: those that are not over, and the last that ended. */
export class Setups {
  readonly #context: SetupContext;
  readonly #tasks: TaskBook;
  readonly #policy: NodePolicy;
  #runs: readonly SetupRun[] = [];

  constructor(context: SetupContext, tasks: TaskBook, policy: NodePolicy) {
    this.#context = context;
    this.#tasks = tasks;
    this.#policy = policy;
  }

  /** A message of a set-up. @throws HansaError (when it is refused) */
  async receive(event: MessageEvent): Promise<void> {
    if (event.name === 'open') return this.#opened(event, event.message);
    const run = this.#runs.find((one) => one.isSetup(event.message.sid));
    // Refuses by name whatever is not of a set-up that this process knows.
    if (run === undefined) step(waiting, event, this.#context.reducer);
    await run?.receive(event);
    if (event.name === 'startRound' && run !== undefined) await this.#endOtherRounds(run);
  }

  /** The connection is back. */
  resume(): void {
    for (const run of this.#runs) run.resume();
  }

  /** Ends the set-ups of a task on this node's side. */
  async stop(taskId: string, code: ErrorCode, reason: string): Promise<void> {
    for (const run of this.#runs) if (run.taskId === taskId) await run.stop(code, reason);
  }

  /** Ends all set-ups and tells the coordinator. */
  async leave(code: ErrorCode, reason: string): Promise<void> {
    await Promise.all(this.#runs.map((run) => run.leave(code, reason)));
  }

  async #opened(event: MessageEvent, open: Open): Promise<void> {
    const known = this.#runs.find((run) => !run.isOver && run.isSetup(setupId(open)));
    if (known !== undefined) return known.receive(event);
    const entry = this.#tasks.get(open.task);
    const opened = step(waiting, event, this.#context.reducer);
    if (opened.refusal !== undefined) await this.#refused(open, opened);
    if (entry === undefined)
      throw new HansaError('PolicyRefused', 'The set-up is of a task that was not assigned to this node.');
    checkConfig(open.config, entry, this.#policy);
    const live = this.#runs.filter((run) => !run.isOver);
    // With a third one the coordinator has given the oldest up.
    if (live.length >= LIVE_SETUPS)
      await live[0]?.stop('CoordinatorRestarted', 'The coordinator has opened another set-up.');
    const run = await SetupRun.begin(open, entry.plan, opened, this.#context);
    // A message about the one that ended last may still come.
    this.#runs = [...this.#runs.filter((one, place, all) => !one.isOver || place === all.length - 1), run];
  }

  /** An OPEN that is refused begins no set-up; what it proves is kept. */
  async #refused(open: Open, { effects, refusal }: ClientStep): Promise<never> {
    for (const effect of effects)
      if (effect.type === 'evidence') await this.#context.keepEvidence(open.task, effect.evidence);
    throw refusal;
  }

  /** A coordinator that starts another round has given the one before up, whether or not this node heard of it. */
  async #endOtherRounds(started: SetupRun): Promise<void> {
    for (const run of this.#runs)
      if (run !== started && run.hasBegun)
        await run.stop('CoordinatorRestarted', 'The coordinator has started another round.');
  }
}
