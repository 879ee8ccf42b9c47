import type { ClientEvent, ClientOutcome, ClientState, ClientStep } from '@hansa/aggregation/secagg/client';
import { SetupDriver, wipeSecrets } from '@hansa/aggregation/secagg/driver';
import { equalBytes } from '@hansa/shared/crypto';
import { type ErrorCode, HansaError } from '@hansa/shared/errors';
import { leaveSchema, type Plan } from '@hansa/shared/protocol';
import { encodeMessage, type Open, setupId } from '@hansa/shared/protocol/secagg';
import { z } from 'zod';
import { RoundPipeline, type WorkDone } from './round/roundPipeline.ts';
import type { SetupContext } from './setupContext.ts';

/** How long a node that leaves waits for the coordinator to hear it. */
const LEAVE_MS = 1_000;

/** The phase in which a piece of work's end is news; in any other, the set-up has gone on without it. */
const expectedIn: Readonly<Record<WorkDone['type'], ClientState['phase']>> = {
  prepared: 'training',
  maskedVector: 'masking',
  vectorSent: 'masked',
};

/**
 * One set-up of one task: its driver, and what its effects do in the world.
 *
 * What takes long (download, training, masking, upload) runs in a {@link RoundPipeline} and comes back as an event; messages are answered meanwhile.
 */
export class SetupRun {
  readonly taskId: string;
  /** The set-up's number within the task: `seq` of its OPEN. */
  readonly attempt: number;
  readonly #context: SetupContext;
  readonly #sid: Uint8Array;
  readonly #lastRound: number;
  readonly #pipeline: RoundPipeline;
  readonly #driver: SetupDriver;
  readonly #cancelExpiry: () => void;
  #lastSent: { readonly name: string; readonly body: unknown } | undefined;
  #baseModelHash: string | undefined;
  #toldToLeave: Promise<unknown> = Promise.resolve();

  private constructor(open: Open, plan: Plan, context: SetupContext) {
    const { task: taskId, seq: attempt } = open;
    this.taskId = taskId;
    this.attempt = attempt;
    this.#sid = setupId(open);
    this.#lastRound = plan.lastRound;
    this.#context = context;
    this.#pipeline = new RoundPipeline(
      { taskId, attempt, plan },
      {
        ...context,
        done: (event) => this.#workDone(event),
        failed: (error) => context.inTurn(() => this.#driver.fail(error)),
        refused: (error) => this.#refusedByCoordinator('maskedInputHeader', error),
      },
    );
    this.#driver = new SetupDriver(context.reducer, {
      journal: ({ record }) => context.journal(record),
      evidence: ({ evidence }) => context.keepEvidence(taskId, evidence),
      send: ({ name, message }) => this.#send(name, encodeMessage(name, message)),
      expandMasks: (effect) => this.#pipeline.expandMasks(effect),
      prepareRound: (effect) => {
        this.#roundStarted(effect.round, effect.modelHash);
        this.#pipeline.prepare(effect);
      },
      mask: (effect) => this.#pipeline.mask(effect),
      upload: (effect) => this.#pipeline.upload(effect),
      wipe: wipeSecrets,
      closed: ({ outcome }) => this.#closed(outcome),
      failed: (error) => this.#failed(error),
    });
    const remainingMs = Math.min(open.notAfterMs - context.clock.now(), 2 ** 31 - 1);
    this.#cancelExpiry = context.clock.schedule(Math.max(0, remainingMs), () =>
      context.inTurn(() => this.stop('Timeout', 'The set-up has expired.')),
    );
  }

  /** Starts a set-up whose OPEN the reducer has accepted in `opened`. */
  static async begin(open: Open, plan: Plan, opened: ClientStep, context: SetupContext): Promise<SetupRun> {
    const run = new SetupRun(open, plan, context);
    context.onEvent({ type: 'setupOpened', taskId: open.task, attempt: open.seq });
    await run.#driver.take(opened);
    return run;
  }

  isSetup(sid: Uint8Array): boolean {
    return equalBytes(sid, this.#sid);
  }

  get isOver(): boolean {
    return this.#driver.state.phase === 'closed';
  }

  /** Whether it is bound to a round that is not over. */
  get hasBegun(): boolean {
    return 'round' in this.#driver.state;
  }

  /** A message of the coordinator. @throws HansaError (when the message is refused; nothing has changed then) */
  async receive(event: ClientEvent): Promise<void> {
    if (event.type === 'message' && event.name === 'startRound' && event.message.round > this.#lastRound) {
      throw new HansaError(
        'PolicyRefused',
        `Round ${event.message.round} is beyond the last one of the plan that this node agreed to (${this.#lastRound}).`,
      );
    }
    await this.#driver.apply(event);
  }

  /** Ends the set-up on this node's side: secrets are wiped, files removed. */
  async stop(code: ErrorCode, reason: string): Promise<void> {
    if (!this.isOver) await this.#driver.apply({ type: 'stop', code, reason });
  }

  /** As {@link stop}, and tells the coordinator, so that nobody waits for this node until a deadline. */
  async leave(code: ErrorCode, reason: string): Promise<void> {
    if (!this.isOver) this.#tellToLeave(code);
    await this.stop(code, reason);
    let cancel: () => void = () => undefined;
    const waited = new Promise<void>((resolve) => {
      cancel = this.#context.clock.schedule(LEAVE_MS, resolve);
    });
    await Promise.race([this.#toldToLeave, waited]);
    cancel();
  }

  /** The connection is back: what was sent last may never have arrived, and a duplicate does no harm. */
  resume(): void {
    if (this.isOver || this.#lastSent === undefined) return;
    const { name, body } = this.#lastSent;
    void this.#context.connection.send(name, body).catch((error: unknown) => {
      this.#context.log.debug({ name, err: error }, 'not resent');
      if (!(error instanceof HansaError) || error.code !== 'UnknownSetup') return;
      this.#context.inTurn(() =>
        this.stop('CoordinatorRestarted', 'The coordinator does not know this set-up any more.'),
      );
    });
  }

  #send(name: string, body: unknown): void {
    this.#lastSent = { name, body };
    void this.#context.connection.send(name, body).catch((error: unknown) => {
      if (!(error instanceof HansaError)) throw error;
      // A lost connection comes back and repeats it; a refusal is the coordinator's last word on a message that came too late.
      if (!error.retry) this.#refusedByCoordinator(name, error);
    });
  }

  #refusedByCoordinator(name: string, { code, message }: HansaError): void {
    this.#context.onEvent({ type: 'refused', name, by: 'coordinator', code, message });
  }

  #roundStarted(round: number, modelHash: Uint8Array): void {
    const { state } = this.#driver;
    this.#baseModelHash = Buffer.from(modelHash).toString('hex');
    const cohort = 'cohort' in state ? state.cohort.order.length : 0;
    this.#context.onEvent({ type: 'roundStarted', taskId: this.taskId, round, cohort });
  }

  #workDone(event: WorkDone): void {
    this.#context.inTurn(async () => {
      if (this.#driver.state.phase === expectedIn[event.type]) await this.#driver.apply(event);
    });
  }

  #failed(error: unknown): void {
    const { taskId, attempt } = this;
    this.#context.log.error({ err: error, taskId, attempt }, 'leaving the set-up');
    this.#tellToLeave(error instanceof HansaError ? error.code : 'Internal');
  }

  /** The coordinator gets the code alone: the reason can hold a path or a column's name. */
  #tellToLeave(code: ErrorCode): void {
    const message = 'The node left the set-up; its own log has the reason.';
    const body = z.encode(leaveSchema, { taskId: this.taskId, sid: this.#sid, code, message });
    this.#toldToLeave = this.#context.connection.send('leave', body).catch(() => undefined);
  }

  async #closed(outcome: ClientOutcome): Promise<void> {
    this.#cancelExpiry();
    await this.#pipeline.close();
    const { taskId, attempt } = this;
    await this.#context.closed({ taskId, attempt, baseModelHash: this.#baseModelHash, outcome });
  }
}
