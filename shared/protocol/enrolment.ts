import { z } from 'zod';
import { HansaError } from '../errors/index.ts';
import { fixedBytes } from './bytes.ts';
import { clientIdSchema, federationIdSchema } from './ids.ts';
import { PROTOCOL_VERSION } from './version.ts';

/**
 * POST /v1/enrolments, node → coordinator.
 *
 * `secret` is the one-time secret of the join token. signature = Sig_i("enrol", enc(federation's coordinator key, secret, publicKey)):
 * whoever enrols a key proves to hold it.
 */
export const enrolmentRequestSchema = z.strictObject({
  protocolVersion: z.literal(PROTOCOL_VERSION),
  secret: fixedBytes(32),
  publicKey: fixedBytes(32),
  signature: fixedBytes(64),
});
export type EnrolmentRequest = z.infer<typeof enrolmentRequestSchema>;

/** The answer. signature = Sig_co("enrolled", enc(federation, clientId, publicKey)), checked with the key that the join token carries. */
export const enrolmentAnswerSchema = z.strictObject({
  federation: federationIdSchema,
  clientId: clientIdSchema,
  coordinatorPublicKey: fixedBytes(32),
  signature: fixedBytes(64),
});
export type EnrolmentAnswer = z.infer<typeof enrolmentAnswerSchema>;

/** What a join token's text holds. It carries the coordinator's key, so a node that enrols with it cannot be sent to an impostor. */
export interface JoinToken {
  /** 32 bytes; the coordinator stores only its SHA-256. */
  readonly secret: Uint8Array;
  /** The coordinator's Ed25519 public key, 32 bytes. */
  readonly coordinatorPublicKey: Uint8Array;
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');

/** Writes a join token as `hansa1.SECRET.KEY`, both base64url. */
export function formatJoinToken(token: JoinToken): string {
  return `hansa1.${text(token.secret)}.${text(token.coordinatorPublicKey)}`;
}

/** @throws HansaError TokenUnknown when the text is no join token. */
export function parseJoinToken(value: string): JoinToken {
  const [scheme, secret, key, ...rest] = value.trim().split('.');
  const parsed = z
    .object({ scheme: z.literal('hansa1'), secret: fixedBytes(32), key: fixedBytes(32) })
    .safeParse({ scheme, secret, key });
  if (!parsed.success || rest.length > 0) {
    throw new HansaError(
      'TokenUnknown',
      'This is not a join token. It looks like hansa1.SECRET.KEY; ask the consortium admin for a new one (hansa-coordinator enrol token).',
    );
  }
  return { secret: parsed.data.secret, coordinatorPublicKey: parsed.data.key };
}
