import { z } from 'zod';
import { sha256 } from '../../crypto/hash.ts';
import { federationIdSchema, taskIdSchema } from '../ids.ts';
import { configHash, secAggConfigSchema } from './config.ts';
import { enc, hashOf } from './enc.ts';
import { bytes32Schema, counterSchema, maxRosterSize, rosterIndexSchema, signatureSchema } from './limits.ts';

/**
 * `draw`, coordinator to node: a draw of groups begins for a task's members, signed by the coordinator ("draw").
 *
 * `seq` rises with every draw of one (federation, task).
 */
export const drawSchema = z.strictObject({
  federation: federationIdSchema,
  coordinatorKey: bytes32Schema,
  task: taskIdSchema,
  seq: counterSchema,
  rosterHash: bytes32Schema,
  config: secAggConfigSchema,
  /** After this moment (milliseconds since 1970, coordinator's clock) no message of the draw is answered. */
  notAfterMs: counterSchema,
  signature: signatureSchema,
});
export type Draw = z.output<typeof drawSchema>;

/** The bytes that the coordinator signs with label "draw". */
export const drawBytes = (draw: Omit<Draw, 'signature'>): Uint8Array =>
  enc(
    'draw',
    draw.federation,
    draw.coordinatorKey,
    draw.task,
    draw.seq,
    draw.rosterHash,
    configHash(draw.config),
    draw.notAfterMs,
  );

/** The draw's id, which every later message of it repeats: 32 bytes. */
export const drawId = (draw: Omit<Draw, 'signature'>): Uint8Array => sha256(drawBytes(draw));

/** `commitSeed`, node to coordinator: the commitment to the node's part of the seed, signed by the node ("g1"). */
export const commitSeedSchema = z.strictObject({
  drawId: bytes32Schema,
  index: rosterIndexSchema,
  commitment: bytes32Schema,
  signature: signatureSchema,
});
export type CommitSeed = z.output<typeof commitSeedSchema>;

/** The bytes that the node signs with label "g1". */
export const commitSeedBytes = (message: Omit<CommitSeed, 'signature'>): Uint8Array =>
  enc(message.drawId, message.index, message.commitment);

/** H(enc("seed", drawId, i, r_i)). */
export const seedCommitment = (id: Uint8Array, index: number, seed: Uint8Array): Uint8Array =>
  hashOf('seed', id, index, seed);

/** `seedCommitments`, coordinator to node: every commitment, sorted by index; the coordinator signs (drawId, hash of the list) with label "gl". */
export const seedCommitmentsSchema = z.strictObject({
  drawId: bytes32Schema,
  members: z
    .array(commitSeedSchema.omit({ drawId: true }))
    .min(2)
    .max(maxRosterSize),
  signature: signatureSchema,
});
export type SeedCommitments = z.output<typeof seedCommitmentsSchema>;

/** The hash of the whole list, signatures included. */
export const seedListHash = (list: Omit<SeedCommitments, 'signature'>): Uint8Array =>
  hashOf(
    'seeds',
    list.drawId,
    enc(...list.members.map(({ index, commitment, signature }) => enc(index, commitment, signature))),
  );

/** The bytes that the coordinator signs with label "gl". */
export const seedCommitmentsBytes = (id: Uint8Array, listHash: Uint8Array): Uint8Array => enc(id, listHash);

/** `revealSeed`, node to coordinator: the node's part of the seed, for one list of commitments, signed by the node ("g2"). */
export const revealSeedSchema = z.strictObject({
  drawId: bytes32Schema,
  index: rosterIndexSchema,
  listHash: bytes32Schema,
  seed: bytes32Schema,
  signature: signatureSchema,
});
export type RevealSeed = z.output<typeof revealSeedSchema>;

/** The bytes that the node signs with label "g2". */
export const revealSeedBytes = (message: Omit<RevealSeed, 'signature'>): Uint8Array =>
  enc(message.drawId, message.index, message.listHash, message.seed);

/** `seedReveals`, coordinator to node: every revealed part, one for each member of the list in its order. Unsigned: each part matches its commitment. */
export const seedRevealsSchema = z.strictObject({
  drawId: bytes32Schema,
  listHash: bytes32Schema,
  reveals: z
    .array(revealSeedSchema.omit({ drawId: true, listHash: true }))
    .min(1)
    .max(maxRosterSize),
});
export type SeedReveals = z.output<typeof seedRevealsSchema>;

/** What OPEN names as `groupSeedHash`: H(enc("groups", drawId, listHash, r_1, r_2, …)). */
export const groupSeedHash = (id: Uint8Array, listHash: Uint8Array, seeds: readonly Uint8Array[]): Uint8Array =>
  hashOf('groups', id, listHash, [...seeds]);
