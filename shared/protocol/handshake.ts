import { z } from 'zod';
import { problemSchema } from '../errors/index.ts';
import { fixedBytes } from './bytes.ts';
import { clientIdSchema, federationIdSchema } from './ids.ts';
import { PROTOCOL_VERSION } from './version.ts';

/**
 * Socket.IO `auth` of a connecting node. The version is checked before anything else (see assertProtocolVersion).
 *
 * node → coordinator: helloSchema as `auth`; coordinator → node: `challenge`; its acknowledgement's answer: challengeAnswerSchema;
 * coordinator → node: `welcome`. Both signatures cover both nonces, so neither side can replay a handshake or carry it to another federation.
 */
export const helloSchema = z.strictObject({
  protocolVersion: z.literal(PROTOCOL_VERSION),
  clientId: clientIdSchema,
  clientNonce: fixedBytes(32),
});
export type Hello = z.infer<typeof helloSchema>;

/** `challenge`, coordinator → node. signature = Sig_co("challenge", enc(federation, clientId, clientNonce, sessionId)). */
export const challengeSchema = z.strictObject({
  federation: federationIdSchema,
  sessionId: fixedBytes(32),
  signature: fixedBytes(64),
});
export type Challenge = z.infer<typeof challengeSchema>;

/** The node's answer. signature = Sig_i("hello", enc(federation, coordinator's public key, clientId, clientNonce, sessionId)). */
export const challengeAnswerSchema = z.strictObject({ signature: fixedBytes(64) });
export type ChallengeAnswer = z.infer<typeof challengeAnswerSchema>;

/** `welcome`, coordinator → node: the handshake is done. The chain of rosters follows as `roster` messages, oldest first. */
export const welcomeSchema = z.strictObject({});
export type Welcome = z.infer<typeof welcomeSchema>;

/**
 * `refused`, coordinator → node: why the coordinator is about to close this connection (wrong answer to the challenge, too many messages, displaced
 * by a newer connection of the same node). A refusal before the connection is open comes as the connect error's `data`: the same problem document.
 */
export const refusedSchema = problemSchema;

/**
 * Headers of every HTTP request a node makes after its handshake.
 *
 * signature = Sig_i("http", enc(federation, sessionId, counter as text, method, path)). A counter is accepted once in a session, so a recorded
 * request cannot be replayed. The signed hash of the masked vector, or the model's hash, covers the bytes themselves.
 */
export const httpSignatureHeaders = {
  sessionId: 'hansa-session',
  counter: 'hansa-counter',
  signature: 'hansa-signature',
} as const;

/** The most bytes that one request to measure bandwidth sends or asks for. */
export const maxBandwidthProbeBytes = 2 * 1024 * 1024;
