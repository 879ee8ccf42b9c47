import { z } from 'zod';
import { sha256HexSchema } from './bytes.ts';
import { taskIdSchema } from './ids.ts';

/**
 * `assignment`, coordinator → node: what the next `open` of this task will ask for. The node acknowledges it when its data and policy fit, else it
 * answers with a problem. Only nodes that acknowledged are selected.
 *
 * `plan` is JSON text (planSchema). The signed configuration of the set-up names its SHA-256, so nodes hash the text as it was sent.
 */
export const assignmentSchema = z.strictObject({
  taskId: taskIdSchema,
  plan: z.string().max(32 * 1024),
  /** How far the task is, for a node that was away: rounds committed so far and the model of the last. */
  committedRounds: z.int().min(0).max(100_000),
  modelHash: sha256HexSchema,
});
export type Assignment = z.infer<typeof assignmentSchema>;
