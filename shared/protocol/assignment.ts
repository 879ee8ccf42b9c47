import { z } from 'zod';
import { sha256HexSchema } from './bytes.ts';
import { taskIdSchema } from './ids.ts';

/**
 * `assignment`, coordinator → node: what the next `open` of this task will ask for. The node acknowledges it when its data and policy fit, and
 * answers with a problem when they do not; only nodes that acknowledged are selected.
 *
 * `plan` is JSON text (planSchema): its SHA-256 is what the signed configuration of the set-up names, so it is hashed as it was sent.
 */
export const assignmentSchema = z.strictObject({
  taskId: taskIdSchema,
  plan: z.string().max(32 * 1024),
  /** How far the task is, for a node that was away: rounds committed so far and the model that came of the last. */
  committedRounds: z.int().min(0).max(100_000),
  modelHash: sha256HexSchema,
});
export type Assignment = z.infer<typeof assignmentSchema>;
