import { randomUUID } from 'node:crypto';
import type { IdentityPort } from '@hansa/aggregation/secagg/server';
import type { Clock } from '@hansa/shared/clock';
import { sha256, verifyLabelled } from '@hansa/shared/crypto';
import { HansaError } from '@hansa/shared/errors';
import {
  type EnrolmentAnswer,
  type EnrolmentRequest,
  formatJoinToken,
  type TokenAnswer,
  type TokenRequest,
} from '@hansa/shared/protocol';
import { enc } from '@hansa/shared/protocol/secagg';
import type { RandomSource } from '@hansa/shared/random';
import type { StateStore } from '../storage/stateStore.ts';

export interface EnrolmentPorts {
  readonly store: StateStore;
  readonly identity: IdentityPort;
  readonly random: RandomSource;
  readonly clock: Clock;
  readonly federation: string;
}

/** SHA-256 of the coordinator's public key, in hexadecimal: what people compare. */
export const fingerprintOf = (publicKey: Uint8Array): string => Buffer.from(sha256(publicKey)).toString('hex');

/** Makes a one-time join token. Only its hash is kept. */
export async function issueJoinToken(request: TokenRequest, ports: EnrolmentPorts): Promise<TokenAnswer> {
  const secret = ports.random.bytes(32);
  const nowMs = ports.clock.now();
  const expiresAtMs = nowMs + request.validMs;
  const token = { secretHash: sha256(secret), label: request.label, createdAtMs: nowMs, expiresAtMs };
  await ports.store.addJoinToken(token);
  return {
    token: formatJoinToken({ secret, coordinatorPublicKey: ports.identity.publicKey }),
    label: request.label,
    expiresAt: new Date(expiresAtMs).toISOString(),
    coordinatorFingerprint: fingerprintOf(ports.identity.publicKey),
  };
}

/**
 * Enrols the key of whoever holds a join token and the key's other half.
 *
 * @throws HansaError BadSignature, TokenUnknown, TokenUsed, TokenExpired, AlreadyEnrolled
 */
export async function enrolNode(request: EnrolmentRequest, ports: EnrolmentPorts): Promise<EnrolmentAnswer> {
  const { identity, federation, store, clock } = ports;
  const signed = enc(identity.publicKey, request.secret, request.publicKey);
  if (!verifyLabelled(request.publicKey, 'enrol', signed, request.signature)) {
    throw new HansaError(
      'BadSignature',
      'The enrolment is not signed by the key it wants to enrol for this coordinator.',
    );
  }
  const client = await store.enrol({
    secretHash: sha256(request.secret),
    publicKey: request.publicKey,
    proposedId: randomUUID(),
    nowMs: clock.now(),
  });
  return {
    federation,
    clientId: client.id,
    coordinatorPublicKey: identity.publicKey,
    signature: identity.sign('enrolled', enc(federation, client.id, client.publicKey)),
  };
}
