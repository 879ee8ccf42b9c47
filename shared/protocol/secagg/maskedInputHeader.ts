import { z } from 'zod';
import { enc } from './enc.ts';
import { bitmapSchema, bytes32Schema, maxVectorLength, rosterIndexSchema, signatureSchema } from './limits.ts';

/** M3, node to coordinator: the header of the masked vector that follows over HTTP, signed by the node ("m3"). One per node and round. */
export const maskedInputHeaderSchema = z.strictObject({
  sid: bytes32Schema,
  roundHash: bytes32Schema,
  index: rosterIndexSchema,
  /** E_i over the cohort's order: the members with which this vector shares pairwise masks. */
  edges: bitmapSchema,
  byteLength: z
    .int()
    .min(8)
    .max(4 * (maxVectorLength + 64)),
  /** SHA-256 of the masked vector. */
  vectorHash: bytes32Schema,
  signature: signatureSchema,
});

export type MaskedInputHeader = z.output<typeof maskedInputHeaderSchema>;

/** The bytes that the node signs with label "m3". */
export const maskedInputHeaderBytes = (message: Omit<MaskedInputHeader, 'signature'>): Uint8Array =>
  enc(message.roundHash, message.index, message.edges, message.byteLength, message.vectorHash);
