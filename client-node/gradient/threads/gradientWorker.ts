import { parentPort } from 'node:worker_threads';
import { activate } from '../../engines/engine.ts';
import { release } from '../frozenWeights.ts';
import { lossAndGradient, type ModelShape } from '../gradient.ts';
import type { GradientJob, PartAnswer } from './messages.ts';

// One thread of GradientThreads: an engine of its own, which works on one part of a batch at a time.

const ready = activate('wasm');
let model: { readonly shape: ModelShape; readonly weights: Float32Array; readonly gradient: Float32Array } | undefined;

const answer = (answer: PartAnswer): void => parentPort?.postMessage(answer);

async function perform(job: GradientJob): Promise<void> {
  if (job.type === 'model') {
    model?.shape.frozen?.forEach(release);
    model = { shape: job.shape, weights: new Float32Array(job.weights), gradient: new Float32Array(job.gradient) };
    return;
  }
  try {
    await ready;
    if (model === undefined) throw new RangeError('a model comes before its batches');
    const { loss } = await lossAndGradient(model.shape, model.weights, job.batch, model.gradient);
    answer({ type: 'done', loss });
  } catch (error) {
    answer({ type: 'failed', reason: error instanceof Error ? error.message : String(error) });
  }
}

parentPort?.on('message', (job: GradientJob) => void perform(job));
