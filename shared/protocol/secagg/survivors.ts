import { z } from 'zod';
import { enc } from './enc.ts';
import { bitmapSchema, bytes32Schema, signatureSchema } from './limits.ts';

/** M4, coordinator to node: U3, those whose vectors are in the sum; the coordinator signs (R, U3) with label "u3". */
export const survivorsSchema = z.strictObject({
  sid: bytes32Schema,
  roundHash: bytes32Schema,
  /** U3 over the cohort's order. */
  survivors: bitmapSchema,
  signature: signatureSchema,
});

export type Survivors = z.output<typeof survivorsSchema>;

/** (R, U3): the bytes that the coordinator signs with label "u3" and each node with label "m4". */
export const survivorsBytes = (roundHash: Uint8Array, survivors: Uint8Array): Uint8Array => enc(roundHash, survivors);
