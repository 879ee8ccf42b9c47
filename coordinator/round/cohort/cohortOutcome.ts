import type { RebuiltMask, UnmaskPlan } from '@hansa/aggregation/secagg/server';
import type { ErrorCode } from '@hansa/shared/errors';

/** How a cohort ended without a sum. */
export interface Abandonment {
  readonly code: ErrorCode;
  readonly reason: string;
  /** Whether the round's number can be tried again. */
  readonly retryRound: boolean;
}

/** A sum that can be opened, and how its masks are removed. */
export interface MaskedSum {
  readonly plan: UnmaskPlan;
  readonly rebuilt: readonly RebuiltMask[];
}
