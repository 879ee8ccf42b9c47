import { z } from 'zod';
import { fingerprintOf } from '../../crypto/hash.ts';
import type { IdentityKey } from '../../crypto/identityKey.ts';
import { verifyLabelled } from '../../crypto/signatures.ts';
import { type EncField, enc } from './enc.ts';
import { bytes32Schema, counterSchema, maxMemberApprovals, rosterIndexSchema, signatureSchema } from './limits.ts';

/**
 * Who approves a federation's members. A node pins it at enrolment; no coordinator can change it afterwards.
 *
 * `consortium`: the holder of the offline key with the Ed25519 public key `approverKey`. `members`: the members themselves.
 */
export const approvalRuleSchema = z.discriminatedUnion('by', [
  z.strictObject({ by: z.literal('consortium'), approverKey: bytes32Schema }),
  z.strictObject({ by: z.literal('members') }),
]);
export type ApprovalRule = z.output<typeof approvalRuleSchema>;

/**
 * The consortium's approval of one key, in two signatures.
 *
 * `certificate`: the approver's signature ("approver") on the token's one-time key; `signature`: that key's ("approved") on the member's.
 * The one-time key is derived from the join token's seed, which the coordinator never sees. `expiresAtMs` (since 1970) limits only the enrolment.
 */
export const consortiumApprovalSchema = z.strictObject({
  by: z.literal('consortium'),
  tokenKey: bytes32Schema,
  expiresAtMs: counterSchema,
  certificate: signatureSchema,
  signature: signatureSchema,
});
export type ConsortiumApproval = z.output<typeof consortiumApprovalSchema>;

/** A member's approval in the roster: why the others should accept it. */
export const approvalSchema = z.discriminatedUnion('by', [
  consortiumApprovalSchema,
  /** Signatures ("approve") of members of the epoch before, by their index in it. */
  z.strictObject({
    by: z.literal('members'),
    signatures: z
      .array(z.strictObject({ index: rosterIndexSchema, signature: signatureSchema }))
      .min(1)
      .max(maxMemberApprovals),
  }),
  /** A member of the first epoch of a federation without an approver: there was no one to approve it. */
  z.strictObject({ by: z.literal('founder') }),
]);
export type Approval = z.output<typeof approvalSchema>;

/** How many members must approve a newcomer, unless a node's policy sets another number; all, where a federation has fewer. */
export const usualMemberApprovals = 2;

/** What an approval is valid for: one federation of one coordinator. */
export interface ApprovalScope {
  readonly federation: string;
  /** The coordinator's Ed25519 key, 32 bytes. */
  readonly coordinatorKey: Uint8Array;
}

const certificateBytes = (scope: ApprovalScope, tokenKey: Uint8Array, expiresAtMs: number): Uint8Array =>
  enc(scope.federation, scope.coordinatorKey, tokenKey, expiresAtMs);

const approvedBytes = (scope: ApprovalScope, publicKey: Uint8Array): Uint8Array =>
  enc(scope.federation, scope.coordinatorKey, publicKey);

const memberApprovalBytes = (scope: ApprovalScope, id: string, fingerprint: string): Uint8Array =>
  enc(scope.federation, scope.coordinatorKey, id, fingerprint);

type Signer = Pick<IdentityKey, 'sign'>;

/** The approver's signature on a token's one-time key: 64 bytes. */
export const certifyToken = (
  approver: Signer,
  scope: ApprovalScope,
  tokenKey: Uint8Array,
  expiresAtMs: number,
): Uint8Array => approver.sign('approver', certificateBytes(scope, tokenKey, expiresAtMs));

/** Whether the approver signed `certificate` for this token key and expiry. */
export const isCertified = (
  { tokenKey, expiresAtMs, certificate }: Pick<ConsortiumApproval, 'tokenKey' | 'expiresAtMs' | 'certificate'>,
  scope: ApprovalScope,
  approverKey: Uint8Array,
): boolean => verifyLabelled(approverKey, 'approver', certificateBytes(scope, tokenKey, expiresAtMs), certificate);

/** The one-time key's signature on a node's key: 64 bytes. */
export const signAsApproved = (token: Signer, scope: ApprovalScope, publicKey: Uint8Array): Uint8Array =>
  token.sign('approved', approvedBytes(scope, publicKey));

/** Whether the consortium approved `publicKey`: both signatures of the approval are valid. The expiry is not checked. */
export const isApprovedByConsortium = (
  approval: ConsortiumApproval,
  scope: ApprovalScope,
  approverKey: Uint8Array,
  publicKey: Uint8Array,
): boolean =>
  isCertified(approval, scope, approverKey) &&
  verifyLabelled(approval.tokenKey, 'approved', approvedBytes(scope, publicKey), approval.signature);

/** A member's signature on the id of a newcomer and the fingerprint of its key (fingerprintOf): 64 bytes. */
export const approveMember = (member: Signer, scope: ApprovalScope, id: string, fingerprint: string): Uint8Array =>
  member.sign('approve', memberApprovalBytes(scope, id, fingerprint));

/** Whether the member with `signerKey` approved this id with this key. */
export const isApprovedByMember = (
  signature: Uint8Array,
  scope: ApprovalScope,
  signerKey: Uint8Array,
  newcomer: { readonly id: string; readonly publicKey: Uint8Array },
): boolean =>
  verifyLabelled(
    signerKey,
    'approve',
    memberApprovalBytes(scope, newcomer.id, fingerprintOf(newcomer.publicKey)),
    signature,
  );

/** An approval as the roster's signature and hash cover it. */
export function approvalFields(approval: Approval): readonly EncField[] {
  switch (approval.by) {
    case 'consortium':
      return [approval.by, approval.tokenKey, approval.expiresAtMs, approval.certificate, approval.signature];
    case 'members':
      return [approval.by, approval.signatures.map(({ index, signature }) => [index, signature])];
    case 'founder':
      return [approval.by];
  }
}
