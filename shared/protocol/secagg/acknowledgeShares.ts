import { z } from 'zod';
import { enc } from './enc.ts';
import { bitmapSchema, bytes32Schema, rosterIndexSchema, signatureSchema } from './limits.ts';

/** ACK, node to coordinator: the dealers whose shares this holder keeps (itself included), signed by the node ("ack"). */
export const acknowledgeSharesSchema = z.strictObject({
  sid: bytes32Schema,
  index: rosterIndexSchema,
  cohortHash: bytes32Schema,
  /** A_j over the cohort's order. */
  accepted: bitmapSchema,
  signature: signatureSchema,
});

export type AcknowledgeShares = z.output<typeof acknowledgeSharesSchema>;

/** The bytes that the node signs with label "ack". */
export const acknowledgeSharesBytes = (message: Omit<AcknowledgeShares, 'signature'>): Uint8Array =>
  enc(message.sid, message.cohortHash, message.index, message.accepted);
