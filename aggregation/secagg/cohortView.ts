import {
  bitmapOf,
  type Cohort,
  type CohortMember,
  cohortHash,
  positionsOf,
  type SecAggConfig,
} from '@hansa/shared/protocol/secagg';
import { type Thresholds, thresholdsFor } from './thresholds.ts';

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

/** The view of an L1 whose members are sorted; undefined where a cohort of its size has no safe threshold. */
export function viewCohort(cohort: Cohort, config: SecAggConfig): CohortView | undefined {
  const thresholds = thresholdsFor(config, cohort.members.length);
  if (thresholds === undefined) return undefined;
  return {
    hash: cohortHash(cohort),
    signature: cohort.signature,
    order: cohort.members.map((member) => member.index),
    members: new Map(cohort.members.map((member) => [member.index, member])),
    thresholds,
  };
}

/** A set of members as the bitmap that goes on the wire. @throws RangeError (for one outside the cohort) */
export const bitsOf = (cohort: CohortView, members: readonly number[]): Uint8Array =>
  bitmapOf(
    cohort.order.length,
    members.map((member) => cohort.order.indexOf(member)),
  );

/** The members that a bitmap names, ascending; undefined where it is not one of this cohort. */
export const membersOf = (cohort: CohortView, bits: Uint8Array): readonly number[] | undefined =>
  positionsOf(cohort.order.length, bits)?.map((position) => cohort.order[position]!);
