import { z } from 'zod';
import { sha256 } from '../../crypto/hash.ts';
import { clientIdSchema, federationIdSchema } from '../ids.ts';
import { enc } from './enc.ts';
import { bytes32Schema, counterSchema, maxRosterSize, rosterIndexSchema, signatureSchema } from './limits.ts';

/**
 * M0, coordinator to all, once an epoch: who may take part, signed by the coordinator ("roster").
 *
 * Members are sorted by index. The first epoch's `prevHash` is 32 zero bytes; later it is {@link rosterHash} of the epoch before.
 * `approval` has one value until members approve each other offline: a node relies on pinning the first roster it was shown.
 */
export const rosterSchema = z.strictObject({
  federation: federationIdSchema,
  epoch: counterSchema,
  prevHash: bytes32Schema,
  members: z
    .array(
      z.strictObject({
        index: rosterIndexSchema,
        id: clientIdSchema,
        publicKey: bytes32Schema,
        approval: z.literal('none'),
      }),
    )
    .min(1)
    .max(maxRosterSize),
  signature: signatureSchema,
});

export type Roster = z.output<typeof rosterSchema>;
export type RosterMember = Roster['members'][number];

/** The bytes that the coordinator signs with label "roster". */
export const rosterBytes = (roster: Omit<Roster, 'signature'>): Uint8Array =>
  enc(
    'roster',
    roster.federation,
    roster.epoch,
    roster.prevHash,
    enc(...roster.members.map((member) => enc(member.index, member.id, member.publicKey, member.approval))),
  );

/** The hash that OPEN names and the next epoch's `prevHash` repeats. */
export const rosterHash = (roster: Omit<Roster, 'signature'>): Uint8Array => sha256(rosterBytes(roster));
