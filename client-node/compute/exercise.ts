import { architectureOf, manifestFor } from '@hansa/shared/model';
import { seededNumbers } from '@hansa/shared/random';
import { lossAndGradient, type ModelShape } from '../model/gradient.ts';
import { initialWeights } from '../model/index.ts';
import { sampleBatch } from '../model/sampleWindows.ts';
import { trainingGradient } from '../model/threads/trainingGradient.ts';

const calendar = { season: 7, horizonPeriods: 28 };

const shapeOf = (size: 'nano' | 'tiny'): ModelShape => {
  const architecture = architectureOf(size);
  return { architecture, manifest: manifestFor(architecture), calendar };
};

/** What an engine makes of the smallest model: its loss, the norm of its gradient, and the gradient seen along some fixed directions. */
interface Fingerprint {
  readonly loss: number;
  readonly norm: number;
  readonly projections: readonly number[];
}

const DIRECTIONS = 4;

/** Of the plain JavaScript engine; the engines agree with it to about 1e-6. */
const reference: Fingerprint = {
  loss: 0.0665712,
  norm: 0.1695205,
  projections: [-0.1307278, 0.164311, 0.1205746, 0.3375462],
};

/**
 * How far an engine may be off, relative to the gradient: a hundred times what rounding does, so that cards which multiply with ten bits (TF32) pass and
 * an engine with a wrong kernel does not.
 */
const TOLERANCE = 1e-2;

/** One gradient of the whole model against the known one: an engine that starts but computes wrongly is not usable. Throws where it is off. */
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
  const { loss, gradient } = await lossAndGradient(
    shape,
    initialWeights(shape.architecture, 1),
    sampleBatch('trial', 2),
  );
  const norm = Math.sqrt(gradient.reduce((sum, value) => sum + value * value, 0));
  const projections = Array.from({ length: DIRECTIONS }, (_, at) => {
    const direction = seededNumbers(`trial/${at}`);
    return gradient.reduce((sum, value) => sum + value * direction.truncatedNormal(), 0);
  });
  return { loss, norm, projections };
}

const WINDOWS = 8;
const STEPS = 3;
const ENOUGH_MS = 2000;

/**
 * Milliseconds of a training step of the tiny model on 8 windows: the least of a few, of one on a slow engine, after a first one, in which engines compile
 * and threads start.
 */
export async function measureStep(): Promise<number> {
  const shape = shapeOf('tiny');
  const weights = initialWeights(shape.architecture, 1);
  const batch = sampleBatch('speed', WINDOWS);
  await trainingGradient(shape, weights, batch);
  const began = performance.now();
  let least = Number.POSITIVE_INFINITY;
  for (let step = 0; step < STEPS && (step === 0 || performance.now() - began < ENOUGH_MS); step++) {
    const start = performance.now();
    await trainingGradient(shape, weights, batch);
    least = Math.min(least, performance.now() - start);
  }
  return least;
}
