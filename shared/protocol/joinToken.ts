import { z } from 'zod';
import { hkdfSha256 } from '../crypto/deriveKey.ts';
import { sha256 } from '../crypto/hash.ts';
import { IdentityKey } from '../crypto/identityKey.ts';
import { SecretBytes } from '../crypto/secretBytes.ts';
import { HansaError } from '../errors/index.ts';
import type { RandomSource } from '../random/index.ts';
import type { TokenRequest } from './admin.ts';
import { federationIdSchema } from './ids.ts';
import {
  type ApprovalRule,
  type ApprovalScope,
  type ConsortiumApproval,
  certifyToken,
  isCertified,
  signAsApproved,
} from './secagg/approval.ts';
import { bytes32Schema, signatureSchema } from './secagg/limits.ts';

/**
 * What a join token gives to the node that enrols with it.
 *
 * A 32-byte seed, which is drawn on the admin's machine and sent to the merchant alone, gives both the secret that the coordinator asks for and the
 * one-time key that approves the node's key. The coordinator never sees that key.
 */
export interface JoinToken {
  /** The federation and the coordinator that the token is for: the one that answers must hold this key. */
  readonly scope: ApprovalScope;
  /** Who approves the members of this federation; the node pins it. */
  readonly approvals: ApprovalRule;
  /** The one-time enrolment secret, 32 bytes; the coordinator has its SHA-256. */
  readonly secret: Uint8Array;
  /** The consortium's approval of a node's key; undefined where members approve each other. */
  approve(publicKey: Uint8Array): ConsortiumApproval | undefined;
}

export interface JoinTokenFacts {
  readonly scope: ApprovalScope;
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number;
  /** The consortium's offline key; left out where members approve each other. */
  readonly approver?: IdentityKey;
}

/** Draws a join token: its text for the merchant, and its registration for the coordinator. */
export function newJoinToken(
  { scope, expiresAtMs, approver }: JoinTokenFacts,
  random: RandomSource,
): { readonly text: string; readonly registration: Omit<TokenRequest, 'label'> } {
  const seed = random.bytes(32);
  const registration = { secretHash: sha256(secretOf(seed)), expiresAtMs };
  const common = [scope.federation, base64url(scope.coordinatorKey), base64url(seed)];
  if (approver === undefined)
    return {
      text: [scheme, 'members', ...common].join('.'),
      registration: { ...registration, approvals: { by: 'members' } },
    };
  const { publicKey: tokenKey } = approvalKeyOf(seed);
  const certificate = base64url(certifyToken(approver, scope, tokenKey, expiresAtMs));
  return {
    text: [scheme, 'consortium', ...common, base64url(approver.publicKey), expiresAtMs, certificate].join('.'),
    registration: { ...registration, approvals: { by: 'consortium', approverKey: approver.publicKey, tokenKey } },
  };
}

/** @throws HansaError TokenUnknown (when the text is not a join token, is of an older release, or is damaged) */
export function parseJoinToken(text: string): JoinToken {
  const parts = text.trim().split('.');
  if (parts[0] === 'hansa1')
    unknown('This join token (hansa1) is of an older release, in which nobody approved members');
  const parsed = tokenTextSchema.safeParse(parts);
  if (!parsed.success)
    unknown('This is not a join token. A join token is one line that begins with hansa2 and must be copied whole');
  const [, by, federation, coordinatorKey, seed, approverKey, expiresAtMs, certificate] = parsed.data;
  const scope = { federation, coordinatorKey };
  const secret = secretOf(seed);
  if (by === 'members') return { scope, approvals: { by }, secret, approve: () => undefined };
  const link = { by, tokenKey: approvalKeyOf(seed).publicKey, expiresAtMs, certificate };
  if (!isCertified(link, scope, approverKey))
    unknown('This join token is damaged: its certificate is not by its approver');
  return {
    scope,
    approvals: { by, approverKey },
    secret,
    approve: (publicKey) => ({ ...link, signature: signAsApproved(approvalKeyOf(seed), scope, publicKey) }),
  };
}

const scheme = 'hansa2';

const tokenTextSchema = z.union([
  z.tuple([
    z.literal(scheme),
    z.literal('consortium'),
    federationIdSchema,
    bytes32Schema,
    bytes32Schema,
    bytes32Schema,
    z.codec(z.string().regex(/^[1-9]\d{0,15}$/), z.int(), { decode: Number, encode: String }),
    signatureSchema,
  ]),
  z.tuple([z.literal(scheme), z.literal('members'), federationIdSchema, bytes32Schema, bytes32Schema]),
]);

const derived = (seed: Uint8Array, what: string): Uint8Array =>
  hkdfSha256(seed, new Uint8Array(0), Buffer.from(`hansa/join token/${what}`), 32);

const secretOf = (seed: Uint8Array): Uint8Array => derived(seed, 'secret');

const approvalKeyOf = (seed: Uint8Array): IdentityKey => new IdentityKey(new SecretBytes(derived(seed, 'approval')));

const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');

function unknown(what: string): never {
  throw new HansaError(
    'TokenUnknown',
    `${what}. Ask the consortium's admin for a new one (hansa-coordinator enrol token).`,
  );
}
