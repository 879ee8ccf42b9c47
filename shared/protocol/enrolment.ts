import { z } from 'zod';
import { fixedBytes } from './bytes.ts';
import { clientIdSchema, federationIdSchema } from './ids.ts';
import { consortiumApprovalSchema } from './secagg/approval.ts';
import { signatureSchema } from './secagg/limits.ts';
import { PROTOCOL_VERSION } from './version.ts';

/**
 * POST /v1/enrolments, node → coordinator.
 *
 * `secret` is the one-time secret of the join token. `approval` is the consortium's, made with the token, where an approver made the token.
 * signature = Sig_i("enrol", enc(federation's coordinator key, secret, publicKey)): it proves that the sender holds the key it enrols.
 */
export const enrolmentRequestSchema = z.strictObject({
  protocolVersion: z.literal(PROTOCOL_VERSION),
  secret: fixedBytes(32),
  publicKey: fixedBytes(32),
  approval: consortiumApprovalSchema.optional(),
  signature: signatureSchema,
});
export type EnrolmentRequest = z.infer<typeof enrolmentRequestSchema>;

/** The answer. signature = Sig_co("enrolled", enc(federation, clientId, publicKey)), checked with the key that the join token carries. */
export const enrolmentAnswerSchema = z.strictObject({
  federation: federationIdSchema,
  clientId: clientIdSchema,
  coordinatorPublicKey: fixedBytes(32),
  signature: signatureSchema,
});
export type EnrolmentAnswer = z.infer<typeof enrolmentAnswerSchema>;

/**
 * POST /v1/approvals, any member's machine → coordinator, where members approve each other.
 *
 * signature = Sig_signer("approve", enc(federation, coordinator's key, clientId, fingerprint of clientId's key)). Anyone can verify it, so it needs no
 * session; sending it twice changes nothing.
 */
export const memberApprovalRequestSchema = z.strictObject({
  protocolVersion: z.literal(PROTOCOL_VERSION),
  clientId: clientIdSchema,
  signerId: clientIdSchema,
  signature: signatureSchema,
});
export type MemberApprovalRequest = z.infer<typeof memberApprovalRequestSchema>;

/** The answer: how many members have approved the newcomer, and how many must before a roster lists it. */
export const memberApprovalAnswerSchema = z.strictObject({ given: z.int().min(0), needed: z.int().min(1) });
export type MemberApprovalAnswer = z.infer<typeof memberApprovalAnswerSchema>;
