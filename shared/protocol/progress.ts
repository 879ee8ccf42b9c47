import { z } from 'zod';
import { fixedBytes, sha256HexSchema } from './bytes.ts';
import { roundNumberSchema, taskIdSchema } from './ids.ts';

/** `progress`, node → coordinator: how far a node is, for people to see. It carries no loss and no metric: those are sent only inside the masked sum. */
export const progressSchema = z.strictObject({
  taskId: taskIdSchema,
  round: roundNumberSchema,
  stage: z.enum(['downloading', 'training', 'trained', 'masking', 'uploading', 'uploaded']),
  done: z.number().min(0),
  total: z.number().min(0),
});
export type Progress = z.infer<typeof progressSchema>;

/** `leave`, node → coordinator: the node drops out of a set-up and says why, so that nobody waits for its deadline. */
export const leaveSchema = z.strictObject({
  taskId: taskIdSchema,
  /** The set-up's id. */
  sid: fixedBytes(32),
  code: z.string().max(100),
  message: z.string().max(1000),
});
export type Leave = z.output<typeof leaveSchema>;

/** `taskEnded`, coordinator → node: the task has no further rounds; which model is the last. */
export const taskEndedSchema = z.strictObject({
  taskId: taskIdSchema,
  outcome: z.enum(['completed', 'aborted']),
  /** Rounds that were committed. */
  committedRounds: z.int().min(0).max(100_000),
  modelHash: sha256HexSchema,
});
export type TaskEnded = z.infer<typeof taskEndedSchema>;

/** The answer inside the acknowledgement of a `maskedInputHeader`: where the vector's bytes go (tus, HEAD and PATCH). */
export const uploadTicketSchema = z.strictObject({ path: z.string().max(200).startsWith('/v1/uploads/') });
export type UploadTicket = z.infer<typeof uploadTicketSchema>;
