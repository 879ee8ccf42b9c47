import { z } from 'zod';
import { problemSchema } from '../errors/index.ts';
import { PROTOCOL_VERSION } from './version.ts';

/** The largest control message a coordinator accepts of a node, in bytes; model bytes and masked vectors never travel this way. */
export const MAX_NODE_MESSAGE_BYTES = 256 * 1024;

/** The largest control message a node accepts of its coordinator, in bytes: rosters and cohorts list every member. */
export const MAX_COORDINATOR_MESSAGE_BYTES = 4 * 1024 * 1024;

/**
 * The envelope of every Socket.IO control message. The event's name says which schema `body` has.
 *
 * `id` is fresh for every send and only links the log lines of both sides. A duplicate is a message with the same body.
 */
export const envelopeSchema = z.strictObject({
  v: z.literal(PROTOCOL_VERSION),
  id: z.uuidv4(),
  body: z.unknown(),
});

export type Envelope = z.infer<typeof envelopeSchema>;

/** The acknowledgement of a control message: accepted (with an answer where the message has one), or a problem that says why not. */
export const acknowledgementSchema = z.union([
  z.strictObject({ ok: z.literal(true), answer: z.unknown().optional() }),
  z.strictObject({ ok: z.literal(false), problem: problemSchema }),
]);

export type Acknowledgement = z.infer<typeof acknowledgementSchema>;
