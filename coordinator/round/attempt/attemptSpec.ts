import type { SafetensorsHeader } from '@hansa/shared/numeric';
import type { RoundRecord } from '@hansa/shared/protocol';
import type { Roster, SecAggConfig } from '@hansa/shared/protocol/secagg';
import type { ModelRow, TaskRow } from '../../storage/stateStore.ts';

/** Who takes part in an attempt, and under which terms. */
export interface AttemptSpec {
  readonly task: TaskRow;
  readonly attempt: number;
  readonly roster: Roster;
  readonly config: SecAggConfig;
  /** One cohort, or one for each group of the last draw. */
  readonly cohorts: readonly CohortChoice[];
}

/** Who makes one cohort. */
export interface CohortChoice {
  /** The group's number in the last draw, from 1; 0 where the task has one group only. */
  readonly group: number;
  /** What names that draw; zeros without groups. */
  readonly groupSeedHash: Uint8Array;
  /** Ids of the members, all in the roster. */
  readonly selected: readonly string[];
}

/** What a committed round made; both are stored already. */
export interface RoundOutput {
  readonly model: ModelRow;
  /** What the task's strategy keeps beside the model; undefined where it keeps nothing. */
  readonly strategyStateHash: string | undefined;
}

/** What a prepared attempt is bound to. */
export interface RoundBinding {
  readonly task: TaskRow;
  readonly round: number;
  /** Of the model that the round starts from. */
  readonly header: SafetensorsHeader;
  /** Stores how the attempt ended, with what it made where it committed: all or nothing. `roundSpent`: the round's number cannot be tried again. */
  storeEnd(record: RoundRecord, roundSpent: boolean, made?: RoundOutput): Promise<void>;
  /** Every cohort that is left has been told to train: the next set-up can be made meanwhile. */
  training(): void;
}
