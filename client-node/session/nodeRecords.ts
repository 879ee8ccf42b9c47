import { createMemory, type JournalRecord } from '@hansa/aggregation/secagg/client';
import type { Clock } from '@hansa/shared/clock';
import type { Logger } from '@hansa/shared/log';
import type { Evidence } from '@hansa/shared/protocol/secagg';
import { keepEvidence } from '../ledger/evidence.ts';
import type { Journal } from '../ledger/journal.ts';
import type { OnNodeEvent } from './nodeEvents.ts';

/** What a node must not forget: its journal with the memory that is built from it, and the evidence it has found. */
export class NodeRecords {
  readonly memory = createMemory();
  readonly #journal: Journal;
  readonly #evidenceFolder: string;
  readonly #node: { readonly clock: Clock; readonly log: Logger; readonly onEvent: OnNodeEvent };

  constructor(
    journal: Journal,
    evidenceFolder: string,
    node: { readonly clock: Clock; readonly log: Logger; readonly onEvent: OnNodeEvent },
  ) {
    this.#journal = journal;
    this.#evidenceFolder = evidenceFolder;
    this.#node = node;
    for (const record of journal.records) this.memory.apply(record);
  }

  /** Appends to the journal, forced to disk, then to the memory. @throws what the journal throws */
  async journal(record: JournalRecord): Promise<void> {
    await this.#journal.append(record);
    this.memory.apply(record);
  }

  /** Keeps evidence for good, forced to disk, and reports it. */
  async keepEvidence(taskId: string, evidence: Evidence): Promise<void> {
    const { clock, log, onEvent } = this.#node;
    const foundAt = new Date(clock.now()).toISOString();
    const id = await keepEvidence(this.#evidenceFolder, { foundAt, taskId, evidence });
    const { kind, member } = evidence;
    log.warn({ evidence: id, kind, member, task: taskId }, 'a member or the coordinator contradicted itself');
    onEvent({ type: 'evidence', id, member });
  }
}
