import { HansaError } from '@hansa/shared/errors';
import { type Architecture, type JobName, jobsOf, manifestFor, standardHeads, tensorsOf } from '@hansa/shared/model';
import { elementCount, parameterCount } from '@hansa/shared/numeric';
import { initialTensor } from './initialise.ts';
import { type Model, readModelFile } from './modelFile.ts';

/**
 * A model for further jobs: every tensor that it has stays as it is, the new jobs' embedders and heads are as `initialWeights` makes them.
 *
 * @throws HansaError NotFound, InvalidModelFile (naming the path: also one that is for all these jobs already)
 */
export async function addJobs(path: string, jobs: readonly JobName[], seed: number): Promise<Model> {
  const model = await readModelFile(path);
  const present = jobsOf(model.architecture);
  const added = jobs.filter((job) => !present.includes(job));
  if (added.length === 0)
    throw new HansaError('InvalidModelFile', `${path} is for ${present.join(' and ')} already. Name another job.`);
  const heads = { ...standardHeads([...present, ...added]), ...model.architecture.heads };
  const architecture: Architecture = { ...model.architecture, heads };
  const manifest = manifestFor(architecture);
  const vector = new Float32Array(parameterCount(manifest));
  const offsets = new Map(model.manifest.map(({ name, offset }) => [name, offset]));
  for (const [index, tensor] of tensorsOf(architecture).entries()) {
    const from = offsets.get(tensor.name);
    const values =
      from === undefined ? initialTensor(tensor, seed) : model.vector.subarray(from, from + elementCount(tensor.shape));
    vector.set(values, manifest[index]!.offset);
  }
  return { architecture, manifest, vector };
}
