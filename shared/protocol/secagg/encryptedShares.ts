import { z } from 'zod';
import { bytes32Schema, maxCohortSize, rosterIndexSchema, signatureSchema } from './limits.ts';
import { nonceSchema, sealedShareSchema } from './shareKeys.ts';

/** M2', coordinator to node: what each dealer sealed for this holder. Unsigned: the boxes are authenticated encryption. Sorted by dealer. */
export const encryptedSharesSchema = z.strictObject({
  sid: bytes32Schema,
  dealers: z
    .array(
      z.strictObject({
        index: rosterIndexSchema,
        cohortHash: bytes32Schema,
        cohortSignature: signatureSchema,
        nonce: nonceSchema,
        ciphertext: sealedShareSchema,
        selfHash: bytes32Schema,
        maskHash: bytes32Schema,
      }),
    )
    .max(maxCohortSize),
});

export type EncryptedShares = z.output<typeof encryptedSharesSchema>;
