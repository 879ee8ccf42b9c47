import { graphOf } from '@hansa/aggregation/secagg/server';
import { type Open, type Roster, rosterHash, type SecAggConfig } from '@hansa/shared/protocol/secagg';
import type { TaskRow } from '../../storage/stateStore.ts';
import type { RoundPorts } from '../ports.ts';

/** Who makes one set-up, and under which terms. */
export interface CohortSpec {
  readonly task: TaskRow;
  /** `seq` of OPEN. */
  readonly attempt: number;
  /** The group's number in the last draw, from 1; 0 where the task has one group only. */
  readonly group: number;
  /** What names that draw; zeros without groups. */
  readonly groupSeedHash: Uint8Array;
  readonly roster: Roster;
  /** Ids of the members, all in the roster. */
  readonly selected: readonly string[];
  readonly config: SecAggConfig;
}

/** The OPEN of a cohort, without its signature. `notAfterMs`: when its set-up ends at the latest. */
export function openOf(
  { task, attempt, group, groupSeedHash, roster, config }: CohortSpec,
  { federation, identity }: Pick<RoundPorts, 'federation' | 'identity'>,
  notAfterMs: number,
): Omit<Open, 'signature'> {
  return {
    federation,
    coordinatorKey: identity.publicKey,
    task: task.id,
    group,
    groupSeedHash,
    seq: attempt,
    rosterHash: rosterHash(roster),
    config,
    graph: graphOf(config),
    notAfterMs,
  };
}
