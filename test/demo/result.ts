import { roundPhases } from '@hansa/shared/protocol';
import { z } from 'zod';

/** The four forecasts that the demo follows on every merchant's hold-out, beside the simple forecast that does best there. */
export const methods = ['seasonalNaive', 'localOnly', 'federated', 'fineTuned'] as const;
export type Method = (typeof methods)[number];

const byMethod = z.record(z.enum(methods), z.number().nonnegative());
const byMethodName = z
  .record(z.string().min(1), z.number().nonnegative())
  .refine((values) => Object.keys(values).length > 0, { message: 'must have at least one simple forecast' });
const merchantId = z.string().min(1);

const roundResultSchema = z.strictObject({
  /** From 1. A round that was abandoned stands here once per attempt, before the attempt that committed. */
  round: z.int().min(1),
  outcome: z.enum(['committed', 'abandoned']),
  /** Why it was abandoned; null when it committed. */
  reason: z.string().nullable(),
  selected: z.array(merchantId),
  reported: z.array(merchantId),
  dropped: z.array(merchantId),
  seconds: z.number().nonnegative(),
  /** Together they are `seconds`. */
  phaseSeconds: z.record(z.enum(roundPhases), z.number().nonnegative()),
  /** Clients to coordinator. */
  bytesUp: z.number().nonnegative(),
  bytesDown: z.number().nonnegative(),
  /** Mean training loss of the members that reported; null when the round was abandoned. */
  loss: z.number().nullable(),
});
export type RoundResult = z.infer<typeof roundResultSchema>;

const merchantResultSchema = z.strictObject({
  id: merchantId,
  /** Order lines that stayed with the merchant. */
  rows: z.int().nonnegative(),
  series: z.int().nonnegative(),
  /** Optimiser steps that local-only took, and federated plus fine-tuning together. */
  steps: z.int().nonnegative(),
  wql: byMethod,
  wape: byMethod,
  /** WQL of every simple forecast by its name, seasonal naive among them. */
  simple: byMethodName,
});
export type MerchantResult = z.infer<typeof merchantResultSchema>;

/** What `npm run demo -- --json FILE` writes. */
export const demoResultSchema = z.strictObject({
  formatVersion: z.literal(1),
  seed: z.int(),
  engine: z.string(),
  /** From the demo's start. */
  totalSeconds: z.number().nonnegative(),
  /** VmHWM of the coordinator's process; null where the system does not tell. */
  coordinatorPeakRssBytes: z.int().nonnegative().nullable(),
  /** Whether in every committed round, pilots included, the unmasked sum is the sum of the quantised updates that the nodes kept. */
  sumExact: z.boolean(),
  /** What the league's learning rate was chosen by: the members' mean validation loss at each; empty where there was nothing to choose. */
  pilots: z.array(z.strictObject({ learningRate: z.number().positive(), validationLoss: z.number().nonnegative() })),
  /** Of the task that the demo is about; pilots are not among them. */
  rounds: z.array(roundResultSchema),
  merchants: z.array(merchantResultSchema),
});
export type DemoResult = z.infer<typeof demoResultSchema>;
