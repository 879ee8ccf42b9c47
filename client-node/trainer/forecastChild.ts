import { architectureOf, type ModelSize, manifestFor } from '@hansa/shared/model';
import { runOnEngine } from '../compute/runOnEngine.ts';
import type { StepCost } from './forecast.ts';

// A process that takes a few training steps of one size of the model; see forecast.ts. Its second argument is the size.

const WINDOWS = 64;
/** In the first two engines compile, and prove what they have compiled. */
const STEPS = 4;

if (await runOnEngine()) {
  const { anyWeights } = await import('../compute/exercise.ts');
  const { FORECAST_BATCH } = await import('./forecast.ts');
  const { sampleWindows } = await import('../jobs/demand/sample.ts');
  const { trainLocally } = await import('../training/localTraining.ts');
  const architecture = architectureOf(process.argv[3] as ModelSize);
  const shape = {
    architecture,
    manifest: manifestFor(architecture),
    calendar: { season: 7, horizonPeriods: 28 },
  };
  let before = performance.now();
  let stepMs = Number.POSITIVE_INFINITY;
  await trainLocally(
    shape,
    anyWeights(shape),
    sampleWindows('forecast', WINDOWS),
    {
      steps: STEPS,
      batchSize: FORECAST_BATCH,
      learningRate: 1e-4,
      warmupSteps: 0,
      decay: 'none',
      optimizer: 'adamW',
      seed: 'forecast',
      fullBatch: false,
      proximalMu: 0,
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
