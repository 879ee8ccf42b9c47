import { architectureOf, type JobName, type ModelSize, manifestFor } from '@hansa/shared/model';
import { localTrainingSchema } from '@hansa/shared/protocol';
import { runOnEngine } from '../compute/runOnEngine.ts';
import type { StepCost } from './forecast.ts';

// A process that takes a few training steps of one size of the model; see forecast.ts. Its second argument is the size, its third the job.

const EXAMPLES = 64;
/** In the first two engines compile, and prove what they have compiled. */
const STEPS = 4;

if (await runOnEngine()) {
  const { anyWeights } = await import('../compute/exercise.ts');
  const { FORECAST_BATCH } = await import('./forecast.ts');
  const { jobModel } = await import('../jobs/models.ts');
  const { FALL_WITHIN_A_ROUND, trainLocally } = await import('../training/localTraining.ts');
  const job = process.argv[4] as JobName;
  const architecture = architectureOf(process.argv[3] as ModelSize, [job]);
  const shape = { architecture, job, manifest: manifestFor(architecture) };
  let before = performance.now();
  let stepMs = Number.POSITIVE_INFINITY;
  await trainLocally(
    shape,
    anyWeights(shape),
    jobModel(job).sample('forecast', EXAMPLES),
    {
      training: localTrainingSchema.parse({ steps: STEPS, batchSize: FORECAST_BATCH, learningRate: 1e-4 }),
      fall: FALL_WITHIN_A_ROUND,
      seed: 'forecast',
      fullBatch: false,
    },
    {
      onStep: () => {
        const now = performance.now();
        stepMs = Math.min(stepMs, now - before);
        before = now;
      },
    },
  );
  const cost: StepCost = { stepMs, peakMemoryBytes: process.resourceUsage().maxRSS * 1024 };
  process.send?.(cost);
}
process.disconnect();
