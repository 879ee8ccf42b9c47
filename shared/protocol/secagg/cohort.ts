import { z } from 'zod';
import { advertiseKeysSchema } from './advertiseKeys.ts';
import { enc, hashOf } from './enc.ts';
import { bytes32Schema, maxCohortSize, signatureSchema } from './limits.ts';

/** L1, coordinator to node: every M1 of the set-up, sorted by index; the coordinator signs (sid, h1) with label "l1". */
export const cohortSchema = z.strictObject({
  sid: bytes32Schema,
  members: z
    .array(advertiseKeysSchema.omit({ sid: true }))
    .min(2)
    .max(maxCohortSize),
  signature: signatureSchema,
});

export type Cohort = z.output<typeof cohortSchema>;
export type CohortMember = Cohort['members'][number];

/** h1: the hash of the whole list, signatures included. */
export const cohortHash = (cohort: Omit<Cohort, 'signature'>): Uint8Array =>
  hashOf(
    'l1',
    cohort.sid,
    enc(
      ...cohort.members.map((member) =>
        enc(member.index, member.cipherKey, member.maskKey, member.selfCommitment, member.signature),
      ),
    ),
  );

/** The bytes that the coordinator signs with label "l1". */
export const cohortBytes = (sid: Uint8Array, h1: Uint8Array): Uint8Array => enc(sid, h1);
