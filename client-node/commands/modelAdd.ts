import { resolve } from 'node:path';
import { type JobName, jobsOf } from '@hansa/shared/model';
import { addJobs } from '../model/addJobs.ts';
import { writeModelFile } from '../model/index.ts';
import type { CommandContext } from './context.ts';
import { count } from './output.ts';
import { refuseExisting } from './refuseExisting.ts';
import { writingOut } from './writingOut.ts';

/** `model add`: writes a model that is for further jobs beside its own. */
export async function modelAdd(
  options: { jobs: readonly JobName[]; seed: number; out: string },
  { output }: CommandContext,
  model: string,
): Promise<number> {
  const path = resolve(options.out);
  refuseExisting(path);
  const { architecture, vector } = await addJobs(resolve(model), options.jobs, options.seed);
  const { sizeBytes, sha256 } = await writingOut(path, () => writeModelFile(path, architecture, vector));
  const jobs = jobsOf(architecture);
  output.line(`Wrote ${path}: for ${jobs.join(' and ')}, ${count(vector.length)} parameters.`);
  output.line(`SHA-256 ${sha256}`);
  output.document({ path, jobs, seed: options.seed, parameters: vector.length, sizeBytes, sha256 });
  return 0;
}
