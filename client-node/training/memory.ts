import { HansaError } from '@hansa/shared/errors';
import * as tf from '@tensorflow/tfjs';
import { kindOf, type ModelShape, peakBytesOfGradient } from '../gradient/gradient.ts';
import type { LocalModel } from '../gradient/localModel.ts';
import { threadBytes } from '../gradient/threads/trainingGradient.ts';
import type { ExampleSet } from '../jobs/examples.ts';
import { MOST_EXAMPLES_AT_ONCE } from './localTraining.ts';

/** Vectors as long as the trained one that training holds beside the process as it is: weights, gradient, its sum in double precision, moments, the best check. */
const VECTORS = 8;

/** What an engine takes beyond the tensors it counts: room to grow, and holes. */
const ENGINE_OVERHEAD = 1.4;

/** What JavaScript lets gather, of code and of garbage, before it is cleared away. */
const GARBAGE_BYTES = 60e6;

/** What the estimate may be wrong by: 1 % has been seen, of LoRA on the base model. */
const MARGIN = 1.05;

/** All that a WebAssembly memory can hold, less what the engine needs for itself. */
const WASM_BYTES = 2 ** 32 - 2 ** 26;

/** Examples of the trial steps. */
const TRIAL_EXAMPLES = [1, 2] as const;

/** Bytes of a step's tensors on the engine: one part whatever the step's examples, another for each of them. */
interface StepBytes {
  readonly fixed: number;
  readonly perExample: number;
}

/** They follow from what is trained of which model, so they are found out once. */
const known = new Map<string, StepBytes>();

/** What a process may take, and had taken before it held a model. */
export interface MemoryCeiling {
  /** Resident memory; undefined: as much as training takes. */
  readonly maxMemoryBytes: number | undefined;
  readonly heldBytes: number;
}

/**
 * How many examples may go through the engine at once so that this process stays within a ceiling, and the wasm engine within what a WebAssembly memory can
 * hold: a power of 2, at most MOST_EXAMPLES_AT_ONCE.
 *
 * The bytes of a step's tensors are counted on steps of one example and of two. The answer depends on the model, the ceiling, the machine and `heldBytes`, not
 * on what the process has done before: it decides how sums are rounded, and memory that one round has let go of serves the next.
 *
 * @param round whose part of the model is trained
 * @throws HansaError TrainingFailed (where not even one example fits; it says how much one takes)
 */
export async function examplesWithin(
  model: LocalModel,
  examples: ExampleSet,
  round: number,
  { maxMemoryBytes, heldBytes }: MemoryCeiling,
): Promise<number> {
  const engine = tf.getBackend();
  if ((maxMemoryBytes === undefined && engine !== 'wasm') || examples.count === 0) return MOST_EXAMPLES_AT_ONCE;
  const { shape, weights, dispose } = model.part(model.vector, round);
  try {
    const step = await stepBytes(shape, weights, examples);
    const frozenBytes = (shape.frozen ?? []).reduce((sum, { vector }) => sum + vector.byteLength, 0);
    const onEngine = (count: number) => frozenBytes + ENGINE_OVERHEAD * (step.fixed + count * step.perExample);
    const resident = (count: number) =>
      MARGIN *
      (heldBytes +
        model.readBytes +
        VECTORS * weights.byteLength +
        threadBytes(shape, weights, count) +
        GARBAGE_BYTES +
        onEngine(count));
    for (let count = MOST_EXAMPLES_AT_ONCE; count >= 1; count /= 2) {
      const isWithin = resident(count) <= (maxMemoryBytes ?? Number.POSITIVE_INFINITY);
      if (isWithin && (engine !== 'wasm' || onEngine(count) <= WASM_BYTES)) return count;
    }
    const needed = Math.ceil(resident(1) / 1e6);
    throw new HansaError(
      'TrainingFailed',
      maxMemoryBytes !== undefined && resident(1) > maxMemoryBytes
        ? `Training needs about ${needed} MB for one example at a time, and training.maxMemoryBytes allows ${Math.floor(maxMemoryBytes / 1e6)} MB. Allow more, or take part in tasks with a smaller model.`
        : `Training needs about ${needed} MB for one example at a time, more than the 4 GiB that the wasm engine can hold. Install a native engine with \`hansa-client native install\`, or take part in tasks with a smaller model.`,
    );
  } finally {
    dispose();
  }
}

async function stepBytes(shape: ModelShape, weights: Float32Array, examples: ExampleSet): Promise<StepBytes> {
  // Factors of different ranks have the same names.
  const kind = `${kindOf(shape)} ${weights.length}`;
  const found = known.get(kind);
  if (found !== undefined) return found;
  const peak = (count: number) => peakBytesOfGradient(shape, weights, examples.batch(new Array<number>(count).fill(0)));
  const [one, two] = [await peak(TRIAL_EXAMPLES[0]), await peak(TRIAL_EXAMPLES[1])];
  const perExample = Math.max(1, two - one);
  const bytes = { fixed: Math.max(0, one - perExample), perExample };
  known.set(kind, bytes);
  return bytes;
}
