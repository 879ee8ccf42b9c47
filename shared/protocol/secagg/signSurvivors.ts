import { z } from 'zod';
import { bytes32Schema, rosterIndexSchema, signatureSchema } from './limits.ts';

/** M4, node to coordinator: the node's signature ("m4") on (R, U3). A node gives at most one for a set-up and one for a (task, round). */
export const signSurvivorsSchema = z.strictObject({
  sid: bytes32Schema,
  roundHash: bytes32Schema,
  index: rosterIndexSchema,
  signature: signatureSchema,
});

export type SignSurvivors = z.output<typeof signSurvivorsSchema>;
