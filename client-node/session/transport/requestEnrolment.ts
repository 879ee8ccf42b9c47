import { equalBytes, type IdentityKey, verifyLabelled } from '@hansa/shared/crypto';
import { HansaError } from '@hansa/shared/errors';
import {
  type EnrolmentAnswer,
  enrolmentAnswerSchema,
  enrolmentRequestSchema,
  type JoinToken,
  PROTOCOL_VERSION,
} from '@hansa/shared/protocol';
import { enc } from '@hansa/shared/protocol/secagg';
import { z } from 'zod';
import { notHansa, postJson } from './postJson.ts';

/**
 * Enrols this node's key with a join token, and checks that the coordinator that answers holds the key, and is of the federation, that the token names.
 *
 * @throws HansaError TokenUnknown, TokenUsed, TokenExpired, BadApproval, UnsupportedProtocolVersion, ConnectionLost (when it cannot be reached),
 *   WrongCoordinatorKey, Interrupted
 * @throws HansaError (what the coordinator refused with)
 */
export async function requestEnrolment(
  address: string,
  token: JoinToken,
  key: IdentityKey,
  signal: AbortSignal,
): Promise<EnrolmentAnswer> {
  const { secret, scope } = token;
  const { coordinatorKey } = scope;
  const request = z.encode(enrolmentRequestSchema, {
    protocolVersion: PROTOCOL_VERSION,
    secret,
    publicKey: key.publicKey,
    approval: token.approve(key.publicKey),
    signature: key.sign('enrol', enc(coordinatorKey, secret, key.publicKey)),
  });
  const answer = await postJson(new URL('/v1/enrolments', address), request, signal).catch((error: unknown) => {
    // This side's signature is right; one that does not verify is one for another coordinator's key.
    throw error instanceof HansaError && error.code === 'BadSignature' ? wrongKey(address) : error;
  });
  const parsed = enrolmentAnswerSchema.safeParse(answer);
  if (!parsed.success) throw notHansa(address);
  const { federation, clientId, coordinatorPublicKey, signature } = parsed.data;
  const signed = enc(federation, clientId, key.publicKey);
  const proved = verifyLabelled(coordinatorKey, 'enrolled', signed, signature);
  if (!proved || !equalBytes(coordinatorPublicKey, coordinatorKey) || federation !== scope.federation) {
    throw wrongKey(address);
  }
  return parsed.data;
}

const wrongKey = (address: string): HansaError =>
  new HansaError(
    'WrongCoordinatorKey',
    `The coordinator at ${address} does not hold the key that this token names, or is of another federation. Nothing was stored. Ask the consortium's admin for the right address, or for a token of this coordinator.`,
  );
