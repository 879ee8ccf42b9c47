import { z } from 'zod';
import { sha256HexSchema } from './bytes.ts';
import { clientIdSchema, federationIdSchema, roundNumberSchema, taskIdSchema } from './ids.ts';
import { memberStages } from './memberStages.ts';
import { roundPhases } from './phases.ts';
import { bytes32Schema, counterSchema } from './secagg/limits.ts';
import { taskFileSchema } from './task.ts';

/*
 * The admin's HTTP API: what `hansa-coordinator`'s commands and an admin console read. Bearer token; JSON; errors are problem documents.
 *
 *   GET    /v1/admin/status                         adminStatusSchema: everything a live screen shows
 *   GET    /v1/admin/identity                       coordinatorIdentitySchema
 *   POST   /v1/admin/enrolment-tokens               tokenRequestSchema → tokenRecordSchema
 *   GET    /v1/admin/clients                        clientRecordSchema[]
 *   PUT    /v1/admin/blobs/:sha256                  a model's bytes (safetensors); created, or already there
 *   POST   /v1/admin/tasks                          createTaskSchema → taskRecordSchema
 *   GET    /v1/admin/tasks                          taskRecordSchema[]
 *   GET    /v1/admin/tasks/:taskId                  taskRecordSchema
 *   POST   /v1/admin/tasks/:taskId/abort            taskRecordSchema
 *   GET    /v1/admin/tasks/:taskId/rounds           roundRecordSchema[]
 *   GET    /v1/admin/tasks/:taskId/rounds/:attempt  roundRecordSchema
 *   GET    /v1/admin/evidence                       evidenceRecordSchema[]
 *   GET    /v1/admin/models                         modelRecordSchema[]
 *   GET    /v1/admin/models/:sha256/content         bytes, ranged
 */

/** What a join token names, so that a node that enrols with it reaches this coordinator and no impostor. */
export const coordinatorIdentitySchema = z.strictObject({
  federation: federationIdSchema,
  coordinatorKey: bytes32Schema,
});

/**
 * Registers a join token that the admin's side made (`newJoinToken`). The coordinator learns nothing that would let it approve a node.
 *
 * The first registration fixes who approves the federation's members; it cannot be changed.
 */
export const tokenRequestSchema = z.strictObject({
  /** The merchant's name: a label on the admin's side, never sent to a node. */
  label: z.string().min(1).max(200),
  /** SHA-256 of the one-time enrolment secret. */
  secretHash: bytes32Schema,
  /** Until when a node can enrol with it: milliseconds since 1970, at most a year ahead. */
  expiresAtMs: counterSchema,
  approvals: z.discriminatedUnion('by', [
    z.strictObject({ by: z.literal('consortium'), approverKey: bytes32Schema, tokenKey: bytes32Schema }),
    z.strictObject({ by: z.literal('members') }),
  ]),
});
export type TokenRequest = z.output<typeof tokenRequestSchema>;
export const tokenRecordSchema = z.strictObject({ label: z.string(), expiresAt: z.iso.datetime() });
export type TokenRecord = z.infer<typeof tokenRecordSchema>;

export const clientRecordSchema = z.strictObject({
  id: clientIdSchema,
  label: z.string(),
  enrolledAt: z.iso.datetime(),
  connected: z.boolean(),
  /** Whether the newest roster lists it: without that it takes part in no round. */
  inRoster: z.boolean(),
  /** How many members have approved it, where members approve each other. */
  approvals: z.int().min(0),
  lastSeenAt: z.iso.datetime().optional(),
});
export type ClientRecord = z.infer<typeof clientRecordSchema>;

export const createTaskSchema = z.strictObject({
  task: taskFileSchema,
  /** A model already stored (PUT /v1/admin/blobs); `task.model` is then only its name. */
  modelHash: sha256HexSchema,
});
export type CreateTask = z.infer<typeof createTaskSchema>;

export const taskStates = ['waiting', 'running', 'completed', 'aborted', 'failed'] as const;
export const taskRecordSchema = z.strictObject({
  id: taskIdSchema,
  name: z.string(),
  state: z.enum(taskStates),
  /** Why the task is not running: what it waits for, who aborted it, or what failed. */
  reason: z.string().optional(),
  rounds: z.int(),
  committedRounds: z.int(),
  /** The model that the next round starts from, or the last one. */
  modelHash: sha256HexSchema,
  initialModelHash: sha256HexSchema,
  createdAt: z.iso.datetime(),
  task: taskFileSchema,
});
export type TaskRecord = z.infer<typeof taskRecordSchema>;

/** One attempt at a round. A round that is abandoned is tried again under the same number with the next attempt. */
export const roundRecordSchema = z.strictObject({
  taskId: taskIdSchema,
  round: roundNumberSchema,
  /** Counts all attempts of the task, from 1. */
  attempt: z.int().min(1),
  outcome: z.enum(['committed', 'abandoned']),
  /** The error code of an abandoned round, and its message. */
  reason: z.string().optional(),
  message: z.string().optional(),
  startedAt: z.iso.datetime(),
  selected: z.array(clientIdSchema),
  reported: z.array(clientIdSchema),
  dropped: z.array(clientIdSchema),
  /** For each member that dropped out: in which phase. */
  droppedIn: z.record(clientIdSchema, z.enum(roundPhases)),
  /** Shares that rebuilt the masks of a member that dropped out after its keys were shared: used, and the threshold. */
  rebuiltMasks: z.array(
    z.strictObject({ client: clientIdSchema, shares: z.int(), threshold: z.int(), holders: z.int() }),
  ),
  /** Members that must survive for the sum to be opened. */
  requiredSurvivors: z.int(),
  quorum: z.int(),
  threshold: z.int(),
  seconds: z.number(),
  phaseSeconds: z.record(z.enum(roundPhases), z.number()),
  /** Bytes from clients to coordinator, and back: HTTP bodies and control messages. */
  bytesUp: z.number(),
  bytesDown: z.number(),
  bytesUpByClient: z.record(clientIdSchema, z.number()),
  bytesDownByClient: z.record(clientIdSchema, z.number()),
  /** Unweighted means over the survivors, from the unmasked tail: training loss of this round's local steps. */
  loss: z.number().optional(),
  /** The validation loss of the model that the round started from. */
  validationLoss: z.number().optional(),
  /** Means of the job's other metrics, by name, over the survivors that have them, for the model that the round started from. */
  metrics: z.record(z.string(), z.number()).optional(),
  /** Σ a over the survivors. */
  weightSum: z.int().optional(),
  baseModelHash: sha256HexSchema,
  modelHash: sha256HexSchema.optional(),
  /** SHA-256 of the unmasked sum: little-endian words, body then tail. */
  sumHash: sha256HexSchema.optional(),
});
export type RoundRecord = z.infer<typeof roundRecordSchema>;

export const modelRecordSchema = z.strictObject({
  hash: sha256HexSchema,
  sizeBytes: z.int(),
  parameters: z.int(),
  taskId: taskIdSchema.optional(),
  /** 0 is the initial model. */
  round: z.int().min(0),
  createdAt: z.iso.datetime(),
});
export type ModelRecord = z.infer<typeof modelRecordSchema>;

/** Proof that a member contradicted itself, as `hansa-coordinator evidence` shows it. */
export const evidenceRecordSchema = z.strictObject({
  id: sha256HexSchema,
  foundAt: z.iso.datetime(),
  taskId: taskIdSchema,
  attempt: z.int(),
  client: clientIdSchema,
  /** evidenceSchema of secagg/evidence.ts as JSON. */
  evidence: z.unknown(),
});
export type EvidenceRecord = z.infer<typeof evidenceRecordSchema>;

export const adminStatusSchema = z.strictObject({
  federation: federationIdSchema,
  version: z.string(),
  startedAt: z.iso.datetime(),
  clients: z.array(clientRecordSchema),
  tasks: z.array(taskRecordSchema),
  /** The round in progress, if there is one. */
  running: z
    .strictObject({
      taskId: taskIdSchema,
      round: roundNumberSchema,
      attempt: z.int(),
      phase: z.enum(roundPhases),
      deadlineAt: z.iso.datetime().optional(),
      startedAt: z.iso.datetime(),
      members: z.array(
        z.strictObject({
          client: clientIdSchema,
          stage: z.enum(memberStages),
          done: z.number(),
          total: z.number(),
          bytesUp: z.number(),
          bytesDown: z.number(),
        }),
      ),
    })
    .optional(),
});
export type AdminStatus = z.infer<typeof adminStatusSchema>;
