import { architectureOf, jobNames, type ModelSize, manifestFor } from '@hansa/shared/model';
import { parameterCount } from '@hansa/shared/numeric';
import { seededNumbers } from '@hansa/shared/random';
import { lossAndGradient, type ModelShape } from '../gradient/gradient.ts';
import { trainingGradient } from '../gradient/threads/trainingGradient.ts';
import type { Batch } from '../jobs/examples.ts';
import { jobModel } from '../jobs/models.ts';
import { initialWeights } from '../model/index.ts';
import { freeMemoryBytes } from './freeMemory.ts';

/** Engines are tried and compared on one job: what they are asked for in the others is much the same. */
const [job] = jobNames;

const shapeOf = (size: ModelSize): ModelShape => {
  const architecture = architectureOf(size, [job]);
  return { architecture, job, manifest: manifestFor(architecture) };
};

/** Made-up examples. */
const sampleBatch = (seed: string, count: number): Batch =>
  jobModel(job)
    .sample(seed, count)
    .batch(Array.from({ length: count }, (_, index) => index));

/** What an engine makes of the smallest model: its loss, the norm of its gradient, and the gradient seen along some fixed directions. */
interface Fingerprint {
  readonly loss: number;
  readonly norm: number;
  readonly projections: readonly number[];
}

const DIRECTIONS = 4;

/** How far from the start the gradient is taken: there the head corrects nothing, and nothing of the gradient reaches the encoder. */
const AWAY = 0.1;

/** Of the plain JavaScript engine; the engines agree with it to about 1e-6. */
const reference: Fingerprint = {
  loss: 0.1155738,
  norm: 2.658748,
  projections: [-4.749427, 1.413943, 2.820099, -1.132269],
};

/**
 * How far an engine may be off, relative to the gradient: a hundred times what rounding does, so that cards which multiply with ten bits (TF32) pass and
 * an engine with a wrong kernel does not.
 */
const TOLERANCE = 1e-2;

/** One gradient of the whole model against the known one: an engine that starts but computes wrongly is not usable. @throws Error (when it is off) */
export async function checkGradient(): Promise<void> {
  const { loss, norm, projections } = await fingerprint();
  const off = Math.max(
    Math.abs(loss - reference.loss) / reference.loss,
    Math.abs(norm - reference.norm) / reference.norm,
    ...projections.map((value, at) => Math.abs(value - reference.projections[at]!) / reference.norm),
  );
  if (!(off <= TOLERANCE)) throw new Error(`it computes a wrong gradient (off by ${off.toPrecision(2)})`);
}

/** The gradient's fingerprint on the engine that is active. */
export async function fingerprint(): Promise<Fingerprint> {
  const shape = shapeOf('nano');
  const away = seededNumbers('trial/away');
  const weights = initialWeights(shape.architecture, 1).map((weight) => weight + AWAY * away.truncatedNormal());
  const { loss, gradient } = await lossAndGradient(shape, weights, sampleBatch('trial', 2));
  const norm = Math.sqrt(gradient.reduce((sum, value) => sum + value * value, 0));
  const projections = Array.from({ length: DIRECTIONS }, (_, at) => {
    const direction = seededNumbers(`trial/${at}`);
    return gradient.reduce((sum, value) => sum + value * direction.truncatedNormal(), 0);
  });
  return { loss, norm, projections };
}

/** Milliseconds of training steps: what an engine takes over what it starts, and what it takes over arithmetic. */
export interface StepTimes {
  /** Of the tiny model on 8 examples: mostly the overhead of a thousand small operations. */
  readonly tinyStepMs: number;
  /** Of the small model on 16 examples: mostly arithmetic. Undefined where the engine is too slow for it, memory is too short, or it fails. */
  readonly smallStepMs?: number | undefined;
}

/** In the first two engines compile, threads start, and graphs prove themselves. */
const WARM_UP = 2;
const STEPS = 3;
const ENOUGH_MS = 500;

/** Where the tiny model's step takes longer, the small one's, fifty times the arithmetic, takes longer than the choice of an engine may. */
const SLOWEST_TINY_STEP_MS = 250;

/** Memory that there must be for the small model's step, which takes about 1 GB: a try is no reason to have processes killed. */
const SMALL_STEP_BYTES = 2e9;

/**
 * Times training steps on the engine that is active: the least of a few, of one on a slow engine.
 *
 * @param onTimes told first of the tiny model's step alone: the small one's may fail
 */
export async function measureSteps(onTimes: (times: StepTimes) => void): Promise<void> {
  const tinyStepMs = await measureStep('tiny', 8);
  onTimes({ tinyStepMs });
  if (tinyStepMs > SLOWEST_TINY_STEP_MS || freeMemoryBytes() < SMALL_STEP_BYTES) return;
  onTimes({ tinyStepMs, smallStepMs: await measureStep('small', 16) });
}

async function measureStep(size: ModelSize, examples: number): Promise<number> {
  const shape = shapeOf(size);
  const weights = anyWeights(shape);
  const batch = sampleBatch('speed', examples);
  for (let step = 0; step < WARM_UP; step++) await trainingGradient(shape, weights, batch);
  const began = performance.now();
  let least = Number.POSITIVE_INFINITY;
  for (let step = 0; step < STEPS && (step === 0 || performance.now() - began < ENOUGH_MS); step++) {
    const start = performance.now();
    await trainingGradient(shape, weights, batch);
    least = Math.min(least, performance.now() - start);
  }
  return least;
}

/** Weights to take the time of a step with: any numbers take as long, and seeded ones would take longer than the steps. */
export function anyWeights({ manifest }: ModelShape): Float32Array {
  const weights = new Float32Array(parameterCount(manifest));
  for (let index = 0; index < weights.length; index++) weights[index] = ((index % 251) - 125) / 6250;
  return weights;
}
