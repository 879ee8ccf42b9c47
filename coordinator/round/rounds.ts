import { HansaError } from '@hansa/shared/errors';
import type { AdminStatus, TaskEnded } from '@hansa/shared/protocol';
import type { TaskRow } from '../storage/stateStore.ts';
import { notify, sendRosters } from './messages/notify.ts';
import type { RoundPorts } from './ports.ts';
import { storeInterrupted } from './task/interrupted.ts';
import { routeMessage } from './task/routeMessage.ts';
import { TaskRunner } from './task/taskRunner.ts';

/**
 * Runs the tasks, one after another, oldest first.
 *
 * How far each has come is on disk before a node is told; after a crash `open` goes on from there.
 */
export class Rounds {
  readonly #ports: RoundPorts;
  #runner: TaskRunner | undefined;
  #lastEnded: TaskEnded | undefined;
  #isStopping = false;
  #choosing: Promise<void> = Promise.resolve();

  private constructor(ports: RoundPorts) {
    this.#ports = ports;
  }

  /** Stores the records of attempts that a crash cut short, then goes on with the tasks. */
  static async open(ports: RoundPorts): Promise<Rounds> {
    const rounds = new Rounds(ports);
    for (const attempt of await ports.store.openAttempts()) {
      const message = 'The coordinator stopped in the middle of the round.';
      await storeInterrupted(ports, attempt, 'CoordinatorRestarted', message);
    }
    const ended = (await ports.store.tasks()).filter((task) => !isOpen(task)).at(-1);
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
    if (this.#runner?.taskId === taskId) return this.#runner.abort(reason);
    const task = await this.#ports.store.task(taskId);
    if (task === undefined) throw new HansaError('NotFound', `There is no task ${taskId}.`);
    if (task.state !== 'waiting') {
      throw new HansaError('UnexpectedMessage', `The task ${taskId} has ended already (${task.state}).`);
    }
    await this.#ports.store.changeTask(taskId, { state: 'aborted', reason });
  }

  status(): AdminStatus['running'] {
    return this.#runner?.status();
  }

  /** A node's handshake is done: it is sent the rosters, the task and what it has missed of the round. */
  async connected(clientId: string): Promise<void> {
    sendRosters(this.#ports, clientId);
    if (this.#runner !== undefined) await this.#runner.connected(clientId);
    else if (this.#lastEnded !== undefined) notify(this.#ports, clientId, 'taskEnded', this.#lastEnded);
  }

  async disconnected(clientId: string): Promise<void> {
    await this.#runner?.disconnected(clientId);
  }

  /** A control message of a node; resolves to its acknowledgement's answer. @throws HansaError (when it is refused) */
  receive(clientId: string, name: string, body: unknown): Promise<unknown> {
    if (this.#runner !== undefined) return this.#runner.receive(clientId, name, body);
    return routeMessage({ round: undefined, prepared: undefined, draw: undefined }, clientId, name, body);
  }

  /** Abandons the round in progress; its task goes on when the coordinator starts again. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#runner?.stop('The coordinator was stopped in the middle of the round.');
  }

  /** Takes up the oldest task that has not ended, when none runs. */
  #next(): Promise<void> {
    this.#choosing = this.#choosing.then(async () => {
      for (;;) {
        if (this.#runner !== undefined || this.#isStopping) return;
        const open = (await this.#ports.store.tasks()).filter(isOpen);
        const task = open.find(({ state }) => state === 'running') ?? open[0];
        if (task === undefined) return;
        if (await this.#hasItsState(task)) return this.#begin(task);
      }
    });
    return this.#choosing;
  }

  async #begin(task: TaskRow): Promise<void> {
    const enrolled = (await this.#ports.store.clients()).length;
    const runner = new TaskRunner(this.#ports, task, enrolled, (ended) => this.#taskEnded(ended));
    this.#runner = runner;
    await runner.begin();
  }

  #taskEnded(task: TaskRow): void {
    const { connections, log } = this.#ports;
    this.#lastEnded = endedOf(task);
    for (const clientId of connections.connected()) notify(this.#ports, clientId, 'taskEnded', this.#lastEnded);
    this.#runner = undefined;
    this.#next().catch((err: unknown) => log.error({ err }, 'the next task cannot begin'));
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
}

const isOpen = ({ state }: TaskRow): boolean => state === 'running' || state === 'waiting';

const endedOf = (task: TaskRow): TaskEnded => ({
  taskId: task.id,
  outcome: task.state === 'completed' ? 'completed' : 'aborted',
  committedRounds: task.committedRounds,
  modelHash: task.modelHash,
});
