import { dirname, resolve } from 'node:path';
import { readJsonFile } from '@hansa/shared/config';
import {
  maxCohortSize,
  maxMemberApprovals,
  usualMemberApprovals,
  usualRosterChange,
} from '@hansa/shared/protocol/secagg';
import { z } from 'zod';
import { engineNames } from '../compute/index.ts';
import { nodeDataSchema } from '../jobs/sources.ts';
import { replenishmentSchema } from '../replenishment/config.ts';

/** What this merchant insists on, whatever a task says. */
const policySchema = z.strictObject({
  minCohort: z
    .int()
    .min(2)
    .max(maxCohortSize)
    .default(5)
    .describe('The fewest members that may train together: below 5 a sum hides little'),
  knownFloor: z
    .int()
    .min(0)
    .max(maxCohortSize)
    .default(3)
    .describe('Members of the first roster this node was shown that every cohort must hold, itself included'),
  maxRosterChange: z
    .number()
    .min(0)
    .max(1)
    .default(usualRosterChange)
    .describe(
      'The largest share (0..1) of the members that may change from one roster to the next; a single one always may, unless this is 0',
    ),
  approvalsByMembers: z
    .int()
    .min(1)
    .max(maxMemberApprovals)
    .default(usualMemberApprovals)
    .describe(
      "How many members must have approved a newcomer, where there is no consortium's approver; all, where they are fewer",
    ),
  maxCohortAgeMs: z
    .int()
    .min(1000)
    .max(604_800_000)
    .default(86_400_000)
    .describe('The longest that one set-up may stay open, in milliseconds'),
  maxLocalSteps: z
    .int()
    .min(1)
    .max(100_000)
    .default(10_000)
    .describe('The most optimiser steps that a task may ask for in one round'),
  maxClipNorm: z
    .number()
    .positive()
    .max(1e9)
    .default(1000)
    .describe('The largest L2 norm of an update that a task may allow, all its parts together'),
});
export type NodePolicy = z.output<typeof policySchema>;

const trainingSchema = z.strictObject({
  engine: z
    .enum(['auto', ...engineNames])
    .default('auto')
    .describe('Which TensorFlow.js engine trains; `auto` takes the fastest that works'),
  maxMemoryBytes: z
    .int()
    .min(64 * 1024 ** 2)
    .max(2 ** 46)
    .optional()
    .describe(
      'The most resident memory that the training process may take, in bytes: fewer examples go through the engine at once where it is short',
    ),
  checkpointSeconds: z
    .number()
    .min(0)
    .max(86_400)
    .default(30)
    .describe(
      "How often a round's training is kept on disk, in seconds: that much is repeated after its process crashed",
    ),
  keepUpdates: z
    .boolean()
    .default(false)
    .describe('Keeps the quantised update of every round in FOLDER/updates; for demos and audits, never sent'),
});

const addressSchema = z
  .string()
  .max(2000)
  .refine(isOrigin, 'must be an address like https://hansa.example.org or http://127.0.0.1:4600, without a path');

export const nodeConfigSchema = z.strictObject({
  coordinator: addressSchema.describe('Where the coordinator is'),
  allowInsecure: z
    .boolean()
    .default(false)
    .describe("Allows an http:// address that is not this machine's own, as on a closed network of containers"),
  folder: z
    .string()
    .min(1)
    .max(4096)
    .describe("The node's own folder: identity, ledger, models. Relative to the config file"),
  data: nodeDataSchema.describe('What this merchant has for each job'),
  training: trainingSchema.prefault({}).describe('How this node trains'),
  replenishment: replenishmentSchema.prefault({}).describe('What `plan` orders by'),
  policy: policySchema.prefault({}).describe('What this merchant insists on, whatever a task says'),
});

/** A node's configuration with absolute paths. */
export interface NodeConfig extends z.output<typeof nodeConfigSchema> {
  /** The config file. */
  readonly path: string;
  /** The folder of the config file, to which the data's paths are relative. */
  readonly baseFolder: string;
}

/**
 * Reads a node's config file.
 *
 * @throws HansaError InvalidConfig (naming every fault at once)
 */
export function readNodeConfig(path: string): NodeConfig {
  const absolute = resolve(path);
  const config = readJsonFile(absolute, nodeConfigSchema, 'The node configuration');
  const baseFolder = dirname(absolute);
  return Object.freeze({ ...config, folder: resolve(baseFolder, config.folder), path: absolute, baseFolder });
}

function isOrigin(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  const bare =
    url.pathname === '/' && url.search === '' && url.hash === '' && url.username === '' && url.password === '';
  return bare && (url.protocol === 'http:' || url.protocol === 'https:');
}
