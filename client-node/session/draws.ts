import type { ClientPorts } from '@hansa/aggregation/secagg/client';
import { DrawDriver, wipeSecrets } from '@hansa/aggregation/secagg/driver';
import { type DrawEvent, stepDraw } from '@hansa/aggregation/secagg/grouping';
import { HansaError } from '@hansa/shared/errors';
import type { Logger } from '@hansa/shared/log';
import { type DrawMessageName, encodeMessage } from '@hansa/shared/protocol/secagg';
import type { NodePolicy } from '../config/nodeConfig.ts';
import type { Connection } from './connection.ts';
import type { NodeRecords } from './nodeRecords.ts';
import { checkConfig } from './policy.ts';
import type { TaskBook } from './taskBook.ts';

export interface DrawsContext {
  readonly reducer: ClientPorts;
  readonly records: NodeRecords;
  readonly tasks: TaskBook;
  readonly policy: NodePolicy;
  readonly connection: Pick<Connection, 'send'>;
  readonly log: Logger;
}

/** Whether a message belongs to a draw of groups. */
export const isDrawMessage = (name: string): name is DrawMessageName =>
  ['draw', 'seedCommitments', 'seedReveals'].includes(name);

/** A node's part in draws of groups: a draw decides who masks with whom before the set-ups of the groups are opened. It is in memory only, like a set-up. */
export class Draws {
  readonly #context: DrawsContext;
  readonly #driver = new DrawDriver();

  constructor(context: DrawsContext) {
    this.#context = context;
  }

  /**
   * A message of the coordinator.
   *
   * @throws HansaError PolicyRefused (when the task was not assigned to this node or is another)
   * @throws HansaError (when the message is refused)
   */
  async receive(event: DrawEvent): Promise<void> {
    const { reducer, records, tasks, policy } = this.#context;
    const { state } = this.#driver;
    const task = event.name === 'draw' ? event.message.task : state.phase === 'idle' ? '' : state.draw.task;
    const step = stepDraw(state, event, reducer);
    if (event.name === 'draw' && step.refusal === undefined) {
      const entry = tasks.get(task);
      if (entry === undefined)
        throw new HansaError('PolicyRefused', 'The draw is for a task that was not assigned to this node.');
      checkConfig(event.message.config, entry, policy);
    }
    await this.#driver.take(step, {
      journal: ({ record }) => records.journal(record),
      evidence: ({ evidence }) => records.keepEvidence(task, evidence),
      send: ({ name, message }) => this.#send(name, encodeMessage(name, message as never)),
      wipe: wipeSecrets,
    });
  }

  /** A coordinator that did not get it asks again when the connection is back. */
  #send(name: string, body: unknown): void {
    const { connection, log } = this.#context;
    void connection.send(name, body).catch((error: unknown) => log.info({ name, err: error }, 'not taken'));
  }
}
