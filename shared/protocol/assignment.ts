import { z } from 'zod';
import { taskIdSchema } from './ids.ts';

/**
 * `assignment`, coordinator → node: what the next `open` of this task will ask for. The node acknowledges it when its data and policy fit, and
 * answers with a problem when they do not; only nodes that acknowledged are selected.
 *
 * `plan` is JSON text (planSchema): its SHA-256 is what the signed configuration of the set-up names, so it is hashed as it was sent.
 */
export const assignmentSchema = z.strictObject({ taskId: taskIdSchema, plan: z.string().max(32 * 1024) });
export type Assignment = z.infer<typeof assignmentSchema>;
