import { meaningOfKey } from '@hansa/shared/config';
import { type JobName, jobNames } from '@hansa/shared/model';
import { z } from 'zod';
import type { JobDataConfig, JobSource } from './job.ts';

/** Of each job, what its room exports as `source` in source.ts. */
const sources = new Map(
  await Promise.all(
    jobNames.map(async (job) => {
      const { source } = (await import(`./${job}/source.ts`)) as { source: JobSource };
      return [job, source] as const;
    }),
  ),
);

/** Where a job's examples come from. */
export const jobSource = (job: JobName): JobSource => sources.get(job)!;

/** Schema of one entry under `data`. */
const jobDataConfigSchema = z.discriminatedUnion(
  'job',
  [...sources.values()].map(({ config }) => config) as never,
) as unknown as z.ZodType<JobDataConfig>;

/** What the schema of an entry's job says of a key. */
function meaningOf(entry: unknown, path: readonly PropertyKey[]): string | undefined {
  const source = sources.get((entry as { job?: JobName } | null)?.job as JobName);
  return source && meaningOfKey(source.config, path);
}

/**
 * Schema of `data` in a node's configuration: one entry for each job that the node has data for. A single entry may stand without a list, and an entry
 * without its job is for `demand`, as all were when there was no other.
 */
export const nodeDataSchema = z.unknown().transform((value, context): JobDataConfig[] => {
  const entries = Array.isArray(value) ? value : [value];
  const configs: JobDataConfig[] = [];
  for (const [index, entry] of entries.entries()) {
    const named =
      typeof entry === 'object' && entry !== null && !('job' in entry) ? { job: 'demand', ...entry } : entry;
    const parsed = jobDataConfigSchema.safeParse(named);
    if (parsed.success) configs.push(parsed.data);
    // As the file has them: a single entry has no number.
    else
      for (const issue of parsed.error.issues) {
        const meaning = meaningOf(named, issue.path);
        const message = meaning === undefined ? issue.message : `${issue.message} (${meaning})`;
        context.addIssue({
          ...issue,
          message,
          path: [...(Array.isArray(value) ? [index] : []), ...issue.path],
        } as never);
      }
  }
  if (entries.length === 0) context.addIssue('needs an entry for one job at least');
  const jobs = configs.map(({ job }) => job);
  const twice = jobs.find((job, index) => jobs.indexOf(job) !== index);
  if (twice !== undefined) context.addIssue(`has two entries for the job ${twice}: name all its files in one`);
  return configs;
});
