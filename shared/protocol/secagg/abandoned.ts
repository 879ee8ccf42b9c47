import { z } from 'zod';
import { bytes32Schema } from './limits.ts';

/** Coordinator to node: the set-up is over without a result; the node wipes what it holds. Unsigned: silence would do the same. */
export const abandonedSchema = z.strictObject({
  sid: bytes32Schema,
  /** A code of the error table. */
  code: z.string().min(1).max(100),
  reason: z.string().max(1000),
});

export type Abandoned = z.output<typeof abandonedSchema>;
