import { resolve } from 'node:path';
import { architectureOf, type JobName, jobsOf, type ModelSize } from '@hansa/shared/model';
import { initialWeights, writeModelFile } from '../model/index.ts';
import type { CommandContext } from './context.ts';
import { count } from './output.ts';
import { refuseExisting } from './refuseExisting.ts';
import { writingOut } from './writingOut.ts';

/** `model init`: writes a model with seeded starting weights, for a task to start from. */
export async function modelInit(
  options: { size: ModelSize; jobs: readonly JobName[]; seed: number; out: string },
  { output }: CommandContext,
): Promise<number> {
  const path = resolve(options.out);
  refuseExisting(path);
  const architecture = architectureOf(options.size, options.jobs);
  const vector = initialWeights(architecture, options.seed);
  const { sizeBytes, sha256 } = await writingOut(path, () => writeModelFile(path, architecture, vector));
  output.line(
    `Wrote ${path}: ${options.size}, for ${jobsOf(architecture).join(' and ')}, ${count(vector.length)} parameters, seed ${options.seed}.`,
  );
  output.line(`SHA-256 ${sha256}`);
  output.document({
    path,
    size: options.size,
    jobs: jobsOf(architecture),
    seed: options.seed,
    parameters: vector.length,
    sizeBytes,
    sha256,
  });
  return 0;
}
