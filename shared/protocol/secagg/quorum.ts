import { z } from 'zod';
import { bytes32Schema, maxCohortSize, rosterIndexSchema, signatureSchema } from './limits.ts';

/** M5, coordinator to node: at least q signatures ("m4") of members of U3 on the one (R, U3). Unsigned: its signatures are the proof. */
export const quorumSchema = z.strictObject({
  sid: bytes32Schema,
  roundHash: bytes32Schema,
  signatures: z.array(z.strictObject({ index: rosterIndexSchema, signature: signatureSchema })).max(maxCohortSize),
});

export type Quorum = z.output<typeof quorumSchema>;
