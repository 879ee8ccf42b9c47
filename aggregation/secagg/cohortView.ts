import type { CohortMember } from '@hansa/shared/protocol/secagg';
import type { Thresholds } from './thresholds.ts';

/** L1 as both sides work with it. */
export interface CohortView {
  /** h1. */
  readonly hash: Uint8Array;
  /** The coordinator's signature on (sid, h1). */
  readonly signature: Uint8Array;
  /** Roster indexes, ascending: the order of every bitmap. */
  readonly order: readonly number[];
  readonly members: ReadonlyMap<number, CohortMember>;
  readonly thresholds: Thresholds;
}
