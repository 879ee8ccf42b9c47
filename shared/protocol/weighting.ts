import { z } from 'zod';
import { maxWeight } from './secagg/limits.ts';

const buckets = {
  /** Training examples up to which the weight grows. */
  cap: z.int().min(1).max(1e9),
  /** W: how many weights there are, 1 to W. */
  levels: z.int().min(2).max(maxWeight).default(8),
};

/**
 * How much a member's update counts in the mean: a task file's `secureAggregation.weighting`.
 *
 * | kind | weight of a member with n training examples |
 * | --- | --- |
 * | uniform | the same for all |
 * | examples | ⌈W · min(n, cap) / cap⌉ |
 * | rootOfExamples | ⌈W · √(min(n, cap) / cap)⌉ |
 *
 * Why few levels: exact counts form a linear system that natural drop-outs solve round by round.
 */
export const weightingSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('uniform') }),
  z.strictObject({ kind: z.literal('examples'), ...buckets }),
  z.strictObject({ kind: z.literal('rootOfExamples'), ...buckets }),
]);
export type Weighting = z.output<typeof weightingSchema>;
