import { z } from 'zod';
import { enc } from './enc.ts';
import { bytes32Schema, maxCohortSize, rosterIndexSchema, signatureSchema } from './limits.ts';

/**
 * M5, node to coordinator: exactly one share for each dealer whose shares the node holds, signed by the node ("m5"). Sorted by dealer.
 *
 * 'self' for a dealer in U3, 'mask' for one in U2 but not in U3, nothing for any other.
 */
export const revealSharesSchema = z.strictObject({
  sid: bytes32Schema,
  roundHash: bytes32Schema,
  index: rosterIndexSchema,
  shares: z
    .array(z.strictObject({ dealer: rosterIndexSchema, kind: z.enum(['self', 'mask']), share: bytes32Schema }))
    .max(maxCohortSize),
  signature: signatureSchema,
});

export type RevealShares = z.output<typeof revealSharesSchema>;

/** The bytes that the node signs with label "m5". */
export const revealSharesBytes = (message: Omit<RevealShares, 'signature'>): Uint8Array =>
  enc(
    message.roundHash,
    message.index,
    enc(...message.shares.map((entry) => enc(entry.dealer, entry.kind, entry.share))),
  );
