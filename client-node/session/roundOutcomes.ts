import type { ClientOutcome } from '@hansa/aggregation/secagg/client';
import type { Clock } from '@hansa/shared/clock';
import { appendReceipt } from '../ledger/receipts.ts';
import type { OnNodeEvent } from './nodeEvents.ts';
import type { EndedSetup } from './setupContext.ts';
import type { TaskBook } from './taskBook.ts';

type Committed = Extract<ClientOutcome, { readonly type: 'committed' }>;
type Abandoned = Extract<ClientOutcome, { readonly type: 'abandoned' }>;

/** What a node keeps and tells of its set-ups' ends: receipts, the task's newest model, counts. */
export class RoundOutcomes {
  readonly #tasks: TaskBook;
  readonly #receiptsFile: string;
  readonly #node: { readonly clock: Clock; readonly onEvent: OnNodeEvent };
  #counts = { roundsCommitted: 0, roundsIncluded: 0, roundsAbandoned: 0 };

  constructor(tasks: TaskBook, receiptsFile: string, node: { readonly clock: Clock; readonly onEvent: OnNodeEvent }) {
    this.#tasks = tasks;
    this.#receiptsFile = receiptsFile;
    this.#node = node;
  }

  get counts() {
    return this.#counts;
  }

  /** A set-up was given up. */
  abandoned({ taskId }: EndedSetup, { code, reason }: Abandoned): void {
    this.#counts.roundsAbandoned += 1;
    this.#node.onEvent({ type: 'roundAbandoned', taskId, code, reason });
  }

  /** A round was committed; resolves to the new model's hash. @throws HansaError StorageFull, DataFolderUnusable */
  async committed({ taskId, attempt, baseModelHash = '' }: EndedSetup, outcome: Committed): Promise<string> {
    const { round, included, survivors, weightSum } = outcome;
    const newModelHash = hex(outcome.newModelHash);
    await appendReceipt(this.#receiptsFile, {
      at: new Date(this.#node.clock.now()).toISOString(),
      taskId,
      round,
      attempt,
      included,
      survivors,
      weightSum,
      baseModelHash,
      modelHash: newModelHash,
      resultHash: hex(outcome.resultHash),
    });
    const entry = this.#tasks.get(taskId);
    await this.#tasks.update(taskId, {
      modelHash: newModelHash,
      // An assignment may have told of this round before its result came.
      committedRounds: (entry?.committedRounds ?? 0) + (entry?.modelHash === newModelHash ? 0 : 1),
      roundsJoined: (entry?.roundsJoined ?? 0) + (included ? 1 : 0),
    });
    this.#counts.roundsCommitted += 1;
    if (included) this.#counts.roundsIncluded += 1;
    this.#node.onEvent({ type: 'roundCommitted', taskId, round, included, survivors, newModelHash });
    return newModelHash;
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
