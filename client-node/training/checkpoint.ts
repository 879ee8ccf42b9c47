import { rm } from 'node:fs/promises';
import { HansaError } from '@hansa/shared/errors';
import { layOut } from '@hansa/shared/numeric';
import { writing } from '../ledger/files.ts';
import { readWeights, writeTensors } from '../model/modelFile.ts';
import type { TrainingState } from './localTraining.ts';

const FORMAT = 'hansa-checkpoint';

/** Where a round's training is, on disk: another process goes on from there after a crash. */
export interface Checkpoint {
  /** The state that an earlier process left for the same request; undefined where there is none that can be used. */
  read(): Promise<TrainingState | undefined>;
  /** Writes the state, whole or not at all, where the last one is old enough. Where it cannot be written, training goes on without it. */
  keep(state: TrainingState): Promise<void>;
  remove(): Promise<void>;
}

/**
 * A checkpoint in the file at `path` (safetensors).
 *
 * @param request what names the request and its data: a file that another left is not read
 * @param everyMs how far apart states are kept at least
 * @param onFailure told once why a state could not be kept
 */
export function checkpointAt(
  path: string,
  request: string,
  everyMs: number,
  onFailure: (reason: string) => void,
): Checkpoint {
  let keptAtMs = performance.now();
  let hasFailed = false;
  return {
    async read() {
      try {
        const { content, manifest, vector } = await readWeights(path, ({ metadata }) => {
          if (metadata.format === FORMAT && metadata.request === request) return metadata;
          throw new HansaError('InvalidModelFile', 'It is of another request.');
        });
        const tensors = manifest.map(({ offset, shape }) => vector.subarray(offset, offset + shape[0]!));
        const find = (name: string) => tensors[manifest.findIndex((entry) => entry.name === name)];
        const best = find('best');
        return {
          step: Number(content.step),
          lossSum: Number(content.lossSum),
          examplesAtOnce: Number(content.examplesAtOnce),
          weights: find('weights')!,
          moments: ['moment.0', 'moment.1'].flatMap((name) => find(name) ?? []),
          gradientSum: find('gradientSum'),
          best: best && {
            loss: Number(content.bestLoss),
            misses: Number(content.bestMisses),
            step: Number(content.bestStep),
            weights: best,
            gradientSum: find('bestGradientSum'),
          },
        };
      } catch (error) {
        // Whatever is wrong with it, the training can start over.
        if (isOfFile(error)) return undefined;
        throw error;
      }
    },
    async keep({ step, lossSum, examplesAtOnce, weights, moments, best, gradientSum }) {
      if (performance.now() - keptAtMs < everyMs) return;
      const tensors: [name: string, values: Float32Array][] = [
        ['weights', weights],
        ...moments.map((values, index): [string, Float32Array] => [`moment.${index}`, values]),
        ...(gradientSum === undefined ? [] : [['gradientSum', gradientSum] satisfies [string, Float32Array]]),
        ...(best === undefined ? [] : [['best', best.weights] satisfies [string, Float32Array]]),
        ...(best?.gradientSum === undefined
          ? []
          : [['bestGradientSum', best.gradientSum] satisfies [string, Float32Array]]),
      ];
      const manifest = layOut(tensors.map(([name, values]) => ({ name, shape: [values.length] })));
      // Numbers as text are read back exactly.
      const metadata = {
        format: FORMAT,
        request,
        step: String(step),
        lossSum: String(lossSum),
        examplesAtOnce: String(examplesAtOnce),
        ...(best !== undefined && {
          bestLoss: String(best.loss),
          bestMisses: String(best.misses),
          bestStep: String(best.step),
        }),
      };
      try {
        const values = tensors.map(([, values]) => values);
        await writing(path, () => writeTensors(path, manifest, metadata, values));
      } catch (error) {
        if (!isOfFile(error)) throw error;
        if (!hasFailed) onFailure(error.message);
        hasFailed = true;
      }
      // After a failure too: a full disk is not written to at every step.
      keptAtMs = performance.now();
    },
    remove: () => writing(path, () => rm(path, { force: true })),
  };
}

/** Whether it is the file, or what it lies on, that fails, and not this program. */
const isOfFile = (error: unknown): error is Error =>
  error instanceof HansaError || (error instanceof Error && 'errno' in error);
