import { randomUUID } from 'node:crypto';
import type { IdentityPort } from '@hansa/aggregation/secagg/server';
import type { Clock } from '@hansa/shared/clock';
import { sha256, verifyLabelled } from '@hansa/shared/crypto';
import { HansaError } from '@hansa/shared/errors';
import type { EnrolmentAnswer, EnrolmentRequest, TokenRecord, TokenRequest } from '@hansa/shared/protocol';
import { enc, isApprovedByConsortium } from '@hansa/shared/protocol/secagg';
import type { StateStore } from '../storage/stateStore.ts';

const LONGEST_TOKEN_MS = 365 * 86_400_000;

export interface EnrolmentPorts {
  readonly store: StateStore;
  readonly identity: IdentityPort;
  readonly clock: Clock;
  readonly federation: string;
}

/**
 * Takes note of a join token that was made on the admin's side. The coordinator never sees what is in it.
 *
 * @throws HansaError InvalidArgument (when it expires in more than a year)
 * @throws as {@link StateStore.addJoinToken}
 */
export async function registerJoinToken(request: TokenRequest, ports: EnrolmentPorts): Promise<TokenRecord> {
  const { label, secretHash, expiresAtMs, approvals } = request;
  const nowMs = ports.clock.now();
  if (expiresAtMs > nowMs + LONGEST_TOKEN_MS)
    throw new HansaError('InvalidArgument', 'A join token is good for a year at most. Choose a shorter --valid.');
  await ports.store.addJoinToken({
    secretHash,
    label,
    createdAtMs: nowMs,
    expiresAtMs,
    ...(approvals.by === 'consortium'
      ? { approvals: { by: approvals.by, approverKey: approvals.approverKey }, tokenKey: approvals.tokenKey }
      : { approvals, tokenKey: undefined }),
  });
  return { label, expiresAt: new Date(expiresAtMs).toISOString() };
}

/**
 * Enrols the key of whoever holds a join token and the key's other half.
 *
 * Where a consortium approves, the approval is checked as every node will check it: one that does not hold would keep all nodes from every roster.
 *
 * @throws HansaError BadSignature, BadApproval, TokenUnknown, TokenUsed, TokenExpired, AlreadyEnrolled
 */
export async function enrolNode(request: EnrolmentRequest, ports: EnrolmentPorts): Promise<EnrolmentAnswer> {
  const { identity, federation, store, clock } = ports;
  const { secret, publicKey, approval } = request;
  const signed = enc(identity.publicKey, secret, publicKey);
  if (!verifyLabelled(publicKey, 'enrol', signed, request.signature)) {
    throw new HansaError(
      'BadSignature',
      'The enrolment is not signed by the key it wants to enrol for this coordinator.',
    );
  }
  const rule = await store.approvalRule();
  const scope = { federation, coordinatorKey: identity.publicKey };
  if (
    rule?.by === 'consortium' &&
    (approval === undefined || !isApprovedByConsortium(approval, scope, rule.approverKey, publicKey))
  ) {
    throw new HansaError(
      'BadApproval',
      "The enrolment is not approved by this federation's approver. Ask the consortium admin for a new join token.",
    );
  }
  const client = await store.enrol({
    secretHash: sha256(secret),
    publicKey,
    approval,
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
