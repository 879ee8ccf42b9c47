import { z } from 'zod';
import { sha256 } from '../../crypto/hash.ts';
import { federationIdSchema, taskIdSchema } from '../ids.ts';
import { configHash, secAggConfigSchema } from './config.ts';
import { enc } from './enc.ts';
import { bytes32Schema, counterSchema, signatureSchema } from './limits.ts';

/**
 * OPEN, coordinator to node: one set-up begins, signed by the coordinator ("open").
 *
 * `seq` rises with every set-up of one (federation, task, group). `group` is 0 and `groupSeedHash` 32 zero bytes where a
 * cohort is one group; else the group's number, from 1, in the draw that `groupSeedHash` names (see draw.ts).
 */
export const openSchema = z.strictObject({
  federation: federationIdSchema,
  coordinatorKey: bytes32Schema,
  task: taskIdSchema,
  group: counterSchema,
  groupSeedHash: bytes32Schema,
  seq: counterSchema,
  rosterHash: bytes32Schema,
  config: secAggConfigSchema,
  /** Must be the one that the configuration's rule asks for. */
  graph: z.enum(['complete', 'kOut']),
  /** After this moment (milliseconds since 1970, coordinator's clock) no message of the set-up is answered. */
  notAfterMs: counterSchema,
  signature: signatureSchema,
});

export type Open = z.output<typeof openSchema>;

/** The bytes that the coordinator signs with label "open". */
export const openBytes = (open: Omit<Open, 'signature'>): Uint8Array =>
  enc(
    'sid',
    open.federation,
    open.coordinatorKey,
    open.task,
    open.group,
    open.groupSeedHash,
    open.seq,
    open.rosterHash,
    configHash(open.config),
    open.graph,
    open.notAfterMs,
  );

/** The set-up's id, which every later message of it repeats: 32 bytes. */
export const setupId = (open: Omit<Open, 'signature'>): Uint8Array => sha256(openBytes(open));
