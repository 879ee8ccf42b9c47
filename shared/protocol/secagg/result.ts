import { z } from 'zod';
import { enc } from './enc.ts';
import { bitmapSchema, bytes32Schema, signatureSchema } from './limits.ts';

/** M6, coordinator to all: the result of the round, signed by the coordinator ("result"). */
export const resultSchema = z.strictObject({
  sid: bytes32Schema,
  roundHash: bytes32Schema,
  survivors: bitmapSchema,
  /** Σa over U3 (|U3|·W with uniform weights). */
  weightSum: z.int().min(1),
  /** SHA-256 of the unmasked sum: body then tail, 32-bit little-endian words. */
  resultHash: bytes32Schema,
  /** SHA-256 of the model's bytes after the round. */
  newModelHash: bytes32Schema,
  signature: signatureSchema,
});

export type Result = z.output<typeof resultSchema>;

/** The bytes that the coordinator signs with label "result". */
export const resultBytes = (message: Omit<Result, 'signature'>): Uint8Array =>
  enc(message.roundHash, message.survivors, message.weightSum, message.resultHash, message.newModelHash);
