import type { JobName } from '@hansa/shared/model';
import { demandModel } from './demand/model.ts';
import type { JobModel } from './job.ts';
import { riskModel } from './risk/model.ts';

/** Every job's mathematics. A job is added by a line here, and one in shared/model/jobs/index.ts; the rest is in its own rooms. */
const models = {
  demand: demandModel,
  risk: riskModel,
} satisfies { [Name in JobName]: unknown };

/** A job's mathematics. It brings TensorFlow.js along. */
export const jobModel = (job: JobName): JobModel => models[job] as unknown as JobModel;
