import { equalBytes, type IdentityKey, verifyLabelled } from '@hansa/shared/crypto';
import { fromProblem, HansaError, problemSchema } from '@hansa/shared/errors';
import {
  type EnrolmentAnswer,
  enrolmentAnswerSchema,
  enrolmentRequestSchema,
  type JoinToken,
  PROTOCOL_VERSION,
} from '@hansa/shared/protocol';
import { enc } from '@hansa/shared/protocol/secagg';
import { z } from 'zod';

const TIMEOUT_MS = 30_000;
const MAX_ANSWER_CHARS = 64 * 1024;

/**
 * Enrols this node's key with a join token, and checks that the coordinator that answers holds the key that the token names.
 *
 * @throws HansaError TokenUnknown, TokenUsed, TokenExpired, UnsupportedProtocolVersion and whatever else the coordinator refuses with;
 *   ConnectionLost where it cannot be reached; WrongCoordinatorKey; Interrupted
 */
export async function requestEnrolment(
  address: string,
  token: JoinToken,
  key: IdentityKey,
  signal: AbortSignal,
): Promise<EnrolmentAnswer> {
  const { secret, coordinatorPublicKey } = token;
  const signature = key.sign('enrol', enc(coordinatorPublicKey, secret, key.publicKey));
  const request = z.encode(enrolmentRequestSchema, {
    protocolVersion: PROTOCOL_VERSION,
    secret,
    publicKey: key.publicKey,
    signature,
  });
  const answer = await post(new URL('/v1/enrolments', address), request, signal).catch((error: unknown) => {
    // This side's signature is right; one that does not verify is one for another coordinator's key.
    throw error instanceof HansaError && error.code === 'BadSignature' ? wrongKey(address) : error;
  });
  const parsed = enrolmentAnswerSchema.safeParse(answer);
  if (!parsed.success) throw notHansa(address);
  const { federation, clientId } = parsed.data;
  const proved = verifyLabelled(
    coordinatorPublicKey,
    'enrolled',
    enc(federation, clientId, key.publicKey),
    parsed.data.signature,
  );
  if (!proved || !equalBytes(parsed.data.coordinatorPublicKey, coordinatorPublicKey)) {
    throw wrongKey(address);
  }
  return parsed.data;
}

async function post(url: URL, body: unknown, signal: AbortSignal): Promise<unknown> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    text = await response.text();
  } catch (error) {
    if (signal.aborted) throw new HansaError('Interrupted', 'Enrolment was stopped.');
    const cause = (error as Error).cause as Error | undefined;
    throw new HansaError(
      'ConnectionLost',
      `Cannot reach the coordinator at ${url.origin} (${cause?.message || (error as Error).message}). Check "coordinator" in the config and that it is running; nothing was stored.`,
      {},
      { cause: error },
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(text.slice(0, MAX_ANSWER_CHARS));
  } catch {
    throw notHansa(url.origin);
  }
  if (response.ok) return value;
  const problem = problemSchema.safeParse(value);
  throw problem.success ? fromProblem(problem.data) : notHansa(url.origin);
}

const notHansa = (address: string): HansaError =>
  new HansaError(
    'InvalidMessage',
    `What answers at ${address} is not a Hansa coordinator of this release. Check "coordinator" in the config; nothing was stored.`,
  );

const wrongKey = (address: string): HansaError =>
  new HansaError(
    'WrongCoordinatorKey',
    `The coordinator at ${address} does not hold the key that this token names. Nothing was stored. Ask the consortium's admin for the right address, or for a token of this coordinator.`,
  );
