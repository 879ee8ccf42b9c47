import { z } from 'zod';
import { sha256 } from '../../crypto/hash.ts';
import { clientIdSchema, federationIdSchema } from '../ids.ts';
import { approvalFields, approvalSchema } from './approval.ts';
import { enc } from './enc.ts';
import { bytes32Schema, counterSchema, maxRosterSize, rosterIndexSchema, signatureSchema } from './limits.ts';

/**
 * M0, coordinator to all, once per epoch: who may take part, signed by the coordinator ("roster").
 *
 * Members are sorted by index. The first epoch's `prevHash` is 32 zero bytes; later it is {@link rosterHash} of the epoch before.
 * `approval` says why the other members should accept a member (approval.ts); the coordinator cannot make one itself.
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
        approval: approvalSchema,
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
    enc(
      ...roster.members.map((member) =>
        enc(member.index, member.id, member.publicKey, approvalFields(member.approval)),
      ),
    ),
  );

/** The hash that OPEN names and the next epoch's `prevHash` repeats. */
export const rosterHash = (roster: Omit<Roster, 'signature'>): Uint8Array => sha256(rosterBytes(roster));

/** The share of the members (0..1) that may be added, removed or altered from one epoch to the next, unless a node's policy sets another. */
export const usualRosterChange = 0.34;

/**
 * How many entries may differ between a roster of `size` members and its successor where a share (0..1) of them may.
 *
 * At least one may, so that a federation of two can grow; none where the share is 0.
 */
export const rosterChangeLimit = (size: number, share: number): number =>
  share === 0 ? 0 : Math.max(1, Math.floor(size * share));
