import type { SecretBytes } from '@hansa/shared/crypto';

/** One mask stream: G(key), added (+1) or subtracted (-1). */
export interface MaskTerm {
  /** 32 bytes. */
  readonly key: SecretBytes;
  readonly sign: 1 | -1;
}

/** All masks of one vector: the node's own, and one for every edge. */
export interface MaskPlan {
  readonly self: MaskTerm;
  readonly pairs: readonly MaskTerm[];
}

/** What the coordinator subtracts from the sum of the survivors' vectors to lay it open. */
export interface UnmaskPlan {
  /** U3 as roster indexes, ascending: whose vectors are added. */
  readonly survivors: readonly number[];
  /** Masks that are in that sum; `sign` is the sign with which each is in it. */
  readonly masks: readonly MaskTerm[];
}

/** Overwrites every key of a plan. */
function wipeMasks(terms: Iterable<MaskTerm>): void {
  for (const term of terms) term.key.wipe();
}

/** Overwrites every key of a node's plan, once the vector is masked. */
export const wipeMaskPlan = (plan: MaskPlan): void => wipeMasks([plan.self, ...plan.pairs]);

/** Overwrites every key of the coordinator's plan, once the sum is open. */
export const wipeUnmaskPlan = (plan: UnmaskPlan): void => wipeMasks(plan.masks);
