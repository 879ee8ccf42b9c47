import type { ClientOutcome, ClientPorts, JournalRecord } from '@hansa/aggregation/secagg/client';
import type { MaskThreads } from '@hansa/aggregation/secagg/threads';
import type { Clock } from '@hansa/shared/clock';
import type { Logger } from '@hansa/shared/log';
import type { Evidence } from '@hansa/shared/protocol/secagg';
import type { NodeConfig } from '../config/nodeConfig.ts';
import type { NodeFolder } from '../ledger/nodeFolder.ts';
import type { Trainer } from '../trainer/index.ts';
import type { Connection } from './connection.ts';
import type { Controls } from './controls.ts';
import type { ModelStore } from './modelStore.ts';
import type { OnNodeEvent } from './nodeEvents.ts';

/** A set-up that has ended. */
export interface EndedSetup {
  readonly taskId: string;
  /** `seq` of its OPEN. */
  readonly attempt: number;
  /** The model that its round started from, hexadecimal; undefined where no round was started. */
  readonly baseModelHash: string | undefined;
  readonly outcome: ClientOutcome;
}

/** What a set-up needs of the node around it. */
export interface SetupContext {
  readonly reducer: ClientPorts;
  readonly clock: Clock;
  readonly log: Logger;
  readonly folder: NodeFolder;
  readonly training: NodeConfig['training'];
  readonly models: ModelStore;
  readonly controls: Controls;
  /** Expand a round's masks while it trains. */
  readonly threads: MaskThreads;
  /** Appends to the journal, forced to disk, then to the reducer's memory. */
  journal(record: JournalRecord): Promise<void>;
  /** Keeps it for good, forced to disk, and reports it. */
  keepEvidence(taskId: string, evidence: Evidence): Promise<void>;
  readonly connection: Connection;
  trainer(): Promise<Trainer>;
  /** A trainer that failed is not asked again. */
  trainerFailed(): Promise<void>;
  /** Runs an action of this set-up after everything that is under way, alone. */
  inTurn(action: () => Promise<void>): void;
  readonly onEvent: OnNodeEvent;
  closed(ended: EndedSetup): Promise<void>;
}
