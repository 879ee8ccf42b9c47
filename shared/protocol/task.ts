import { jobOptionsSchema, segmentNames, trainingModeSchema } from '@hansa/shared/model';
import { z } from 'zod';
import { sha256HexSchema } from './bytes.ts';
import { localTrainingSchema } from './localTraining.ts';
import { type DeadlineKey, standardDeadlines } from './phases.ts';
import { maxCohortSize, maxCompleteCohort, maxRosterSize } from './secagg/limits.ts';
import { strategySchema } from './strategy.ts';
import { weightingSchema } from './weighting.ts';

const deadlineMs = (standard: number) => z.int().min(100).max(86_400_000).default(standard);
const deadlineFields = Object.fromEntries(
  Object.entries(standardDeadlines).map(([key, standardMs]) => [key, deadlineMs(standardMs)]),
) as Record<DeadlineKey, ReturnType<typeof deadlineMs>>;

const clipNorm = z.number().min(1e-6).max(1e6);

const planFields = z.strictObject({
  /** What the model is trained for, and what the job lets a task choose. */
  job: jobOptionsSchema,
  rounds: z.int().min(1).max(100_000),
  /** No node takes part in a round beyond this one. It exceeds `rounds` because a round that is abandoned after members have signed uses up its number. */
  lastRound: z.int().min(1).max(101_000),
  /** What of the model is trained, sent and averaged. */
  mode: trainingModeSchema.default({ kind: 'full' }),
  /** How each member trains in a round. */
  training: localTrainingSchema,
  /** Each node mixes it with its own data and the round, so that nodes draw different batches and a run can be repeated. */
  seed: z
    .int()
    .min(0)
    .max(2 ** 31 - 1),
  /** How the coordinator uses the members' updates (the task file's `strategy`), and how much each counts (its `secureAggregation.weighting`). */
  strategy: strategySchema.prefault({ name: 'fedAvg' }),
  weighting: weightingSchema.prefault({ kind: 'uniform' }),
  /** SHA-256 of the file that round 1 starts from: a model, or an adapter where the mode leaves a part of the model as it is. */
  initialModelHash: sha256HexSchema,
  /** SHA-256 of the model that adapters belong to; absent in full mode. */
  baseModelHash: sha256HexSchema.optional(),
  /** How `hansa-client evaluate` compares: F further steps for fine-tuning, and the learning rates that local-only and fine-tuning choose from on validation. */
  evaluation: z.strictObject({
    fineTuneSteps: z.int().min(1).max(100_000),
    learningRates: z.array(z.number().positive().max(10)).min(1).max(8),
  }),
});

/** What each node does with the model in a round; part of the signed configuration of every set-up. */
export const planSchema = planFields.refine(
  ({ mode, baseModelHash }) => (mode.kind === 'full') === (baseModelHash === undefined),
  { message: 'is there in every mode but full', path: ['baseModelHash'] },
);
export type Plan = z.infer<typeof planSchema>;

/** A task file as an admin writes it. Every key that has a default may be left out. */
export const taskFileSchema = z.strictObject({
  name: z.string().min(1).max(200),
  /** Path of the starting model (safetensors), relative to the task file. */
  model: z.string().min(1).max(4096),
  cohort: z
    .strictObject({
      minimum: z.int().min(2).max(maxRosterSize).default(5),
      maximum: z.int().min(2).max(maxRosterSize).default(maxCompleteCohort),
      /** Splits the members at random into groups that mask among themselves, and sums the groups' sums: for more members than can mask together. */
      groups: z
        .strictObject({
          /** The most members of one group. */
          size: z.int().min(2).max(maxCohortSize),
          /** The fewest members with which a group takes part. */
          minimum: z.int().min(2).max(maxCohortSize).default(5),
        })
        .optional(),
      /** Cohorts below 5 hide little: two parties hide nothing from each other. The task must say so, and every node's policy must agree. */
      allowSmall: z.boolean().default(false),
    })
    .prefault({}),
  /** How long each phase may take: `phases` names the phase of each key. */
  deadlines: z.strictObject(deadlineFields).prefault({}),
  /** The task fails after this many abandoned attempts in a row, or this many rounds abandoned after members had signed. */
  maxAttempts: z.int().min(1).max(1000).default(10),
  strategy: strategySchema.prefault({ name: 'fedAvg' }),
  secureAggregation: z
    .strictObject({
      /** c: the L2 norm that each node clips its update to. */
      clipNorm: clipNorm.default(10),
      /** Clips every trained segment apart: to its number here, or to `clipNorm` where it has none. */
      clips: z
        .partialRecord(z.enum(segmentNames), clipNorm)
        .refine(
          (clips) => Object.keys(clips).length > 0,
          'names no segment: leave it out to clip the update as a whole',
        )
        .optional(),
      /** w: bits of a sent number. 16 halves what a node sends and costs precision: its update is rotated, then rounded in coarser steps. */
      ring: z.literal([16, 32]).default(32),
      weighting: weightingSchema.prefault({ kind: 'uniform' }),
      /**
       * Who holds a member's shares: all members ('complete', up to 128), or those that the member draws ('kOut'); 'auto' takes the complete graph
       * where the cohort is small enough.
       */
      graph: z.enum(['auto', 'complete', 'kOut']).default('auto'),
      /** γ: the share of members that may work with the coordinator. */
      corruptRate: z.number().min(0).max(0.33).default(0),
      /** δ: the share of members that may drop out. */
      dropoutRate: z.number().min(0).max(0.5).default(0.34),
      minSurvivors: z.int().min(2).max(maxCohortSize).default(3),
      knownFloor: z.int().min(0).max(maxCohortSize).default(3),
      /** The largest loss that a node reports; larger ones are clipped to it. */
      maxLoss: z.number().min(1e-6).max(1e6).default(100),
    })
    .prefault({}),
  plan: planFields
    .omit({
      rounds: true,
      lastRound: true,
      strategy: true,
      weighting: true,
      initialModelHash: true,
      baseModelHash: true,
    })
    .extend({
      seed: planFields.shape.seed.default(0),
    }),
  rounds: planFields.shape.rounds,
});
export type TaskFile = z.infer<typeof taskFileSchema>;
