import { z } from 'zod';
import { demand } from './demand.ts';
import type { JobTerms, TailMetric } from './job.ts';
import { metricWords } from './reported.ts';
import { risk } from './risk.ts';

/** Every job that a model can be used for. A job is added by a line here, and one in client-node/jobs/models.ts. */
const registry = { demand, risk };

type Registry = typeof registry;
export type JobName = keyof Registry & string;

type GeometryOf<Name extends JobName> = Registry[Name] extends JobTerms<infer Geometry, infer _> ? Geometry : never;
/** The sizes of the jobs that a model is for: `architecture.heads`. */
export type Heads = { readonly [Name in JobName]?: GeometryOf<Name> | undefined };

type OptionsOf<Name extends JobName> = Registry[Name] extends JobTerms<infer _, infer Options> ? Options : never;
/** A plan's `job`: the job that a task trains, and its options. */
export type JobOptions = { [Name in JobName]: OptionsOf<Name> }[JobName];

/** The names of all jobs, in the order in which their tensors follow each other in a model. */
export const jobNames = Object.keys(registry) as [JobName, ...JobName[]];

/** What coordinator and nodes agree on about a job. */
export const jobTerms = (name: JobName): JobTerms<unknown, { readonly kind: string }> =>
  registry[name] as JobTerms<unknown, { readonly kind: string }>;

/** What nodes that train a job report inside the masked sum, losses first. */
export const tailMetricsOf = (job: JobName): readonly TailMetric[] => [
  { name: 'loss', low: 0, high: 'maxLoss' },
  { name: 'validationLoss', low: 0, high: 'maxLoss' },
  ...metricWords(jobTerms(job).tail),
];

/** Schema of `architecture.heads`. */
export const headsSchema: z.ZodType<Heads> = z
  .strictObject(Object.fromEntries(jobNames.map((name) => [name, jobTerms(name).geometry.optional()])))
  .refine((heads) => Object.keys(heads).length > 0, 'a model needs at least one job') as z.ZodType<Heads>;

/** Schema of a plan's `job`. */
export const jobOptionsSchema = z.discriminatedUnion(
  'kind',
  jobNames.map((name) => jobTerms(name).options) as never,
) as unknown as z.ZodType<JobOptions>;

/** The heads of a model for these jobs, in their standard sizes. */
export function standardHeads(names: readonly JobName[]): Heads {
  return Object.fromEntries(
    jobNames.filter((name) => names.includes(name)).map((name) => [name, jobTerms(name).standardGeometry]),
  );
}
