import { parentPort } from 'node:worker_threads';
import { activate } from '../../compute/engine.ts';
import { lossAndGradient, type ModelShape } from '../gradient.ts';
import type { GradientJob, PartAnswer } from './gradientJob.ts';

// One thread of GradientThreads: an engine of its own, which works on one part of a batch at a time.

const ready = activate('wasm');
let model: { readonly shape: ModelShape; readonly weights: Float32Array } | undefined;

const answer = (answer: PartAnswer, moved: ArrayBuffer[] = []): void => parentPort?.postMessage(answer, moved);

async function perform(job: GradientJob): Promise<void> {
  if (job.type === 'model') {
    model = { shape: job.shape, weights: new Float32Array(job.weights) };
    return;
  }
  try {
    await ready;
    if (model === undefined) throw new RangeError('a model comes before its batches');
    const { loss, gradient } = lossAndGradient(model.shape, model.weights, job.batch);
    const own = gradient as Float32Array<ArrayBuffer>;
    answer({ type: 'done', loss, gradient: own }, [own.buffer]);
  } catch (error) {
    answer({ type: 'failed', reason: error instanceof Error ? error.message : String(error) });
  }
}

parentPort?.on('message', (job: GradientJob) => void perform(job));
