import { HansaError } from '@hansa/shared/errors';
import type { WindowSet } from '../data/windows.ts';
import { peakBytesOfGradient } from '../model/gradient.ts';
import type { LocalModel } from '../model/localModel.ts';
import { threadBytes } from '../model/threads/trainingGradient.ts';
import { MOST_WINDOWS_AT_ONCE } from './localTraining.ts';

/** Vectors as long as the trained one that training holds beside the process as it is: weights, gradient, its sum in double precision, moments, the best look. */
const VECTORS = 8;

/** What an engine takes beyond the tensors it counts: room to grow, and holes. */
const ENGINE_OVERHEAD = 1.4;

/** Windows of the trial steps. */
const TRIAL_WINDOWS = [1, 2] as const;

/**
 * How many windows may go through the engine at once so that this process stays within a ceiling: a power of 2, at most MOST_WINDOWS_AT_ONCE.
 *
 * The bytes of a step's tensors are counted on steps of one window and of two: one part is fixed, the other grows with the windows. What the process
 * holds already counts whole.
 *
 * @param round whose part of the model is trained
 * @param maxMemoryBytes of resident memory of this process; undefined: as much as it takes
 * @throws HansaError TrainingFailed where not even one window fits; it says how much one takes
 */
export async function windowsWithin(
  model: LocalModel,
  windows: WindowSet,
  round: number,
  maxMemoryBytes: number | undefined,
): Promise<number> {
  if (maxMemoryBytes === undefined || windows.count === 0) return MOST_WINDOWS_AT_ONCE;
  const heldBytes = process.memoryUsage.rss();
  const { shape, weights, dispose } = model.part(model.vector, round);
  try {
    const [one, two] = [await stepBytes(TRIAL_WINDOWS[0]), await stepBytes(TRIAL_WINDOWS[1])];
    const perWindowBytes = Math.max(1, two - one);
    const fixedBytes =
      heldBytes +
      VECTORS * weights.byteLength +
      ENGINE_OVERHEAD * Math.max(0, one - perWindowBytes) +
      threadBytes(shape, weights, MOST_WINDOWS_AT_ONCE);
    const fitting = Math.floor((maxMemoryBytes - fixedBytes) / (ENGINE_OVERHEAD * perWindowBytes));
    if (fitting >= 1) return Math.min(MOST_WINDOWS_AT_ONCE, 2 ** Math.floor(Math.log2(fitting)));
    const needed = Math.ceil((fixedBytes + ENGINE_OVERHEAD * perWindowBytes) / 1e6);
    throw new HansaError(
      'TrainingFailed',
      `Training needs about ${needed} MB for one window at a time, and training.maxMemoryBytes allows ${Math.floor(maxMemoryBytes / 1e6)} MB. Allow more, or take part in tasks with a smaller model.`,
    );
  } finally {
    dispose();
  }

  function stepBytes(count: number): Promise<number> {
    return peakBytesOfGradient(shape, weights, windows.batch(new Array<number>(count).fill(0)));
  }
}
