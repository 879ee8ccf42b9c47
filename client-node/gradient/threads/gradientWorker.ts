import { parentPort } from 'node:worker_threads';
import { activate } from '../../engines/engine.ts';
import { release } from '../frozenWeights.ts';
import { lossAndGradient, type ModelShape } from '../gradient.ts';
import type { FromGradientThread, ToGradientThread } from './messages.ts';

// One thread of GradientThreads: an engine of its own, which works on one part of a batch at a time.

const ready = activate('wasm');
let model: { readonly shape: ModelShape; readonly weights: Float32Array; readonly gradient: Float32Array } | undefined;

const answer = (answer: FromGradientThread): void => parentPort?.postMessage(answer);

async function perform(message: ToGradientThread): Promise<void> {
  if (message.type === 'model') {
    model?.shape.frozen?.forEach(release);
    model = {
      shape: message.shape,
      weights: new Float32Array(message.weights),
      gradient: new Float32Array(message.gradient),
    };
    return;
  }
  try {
    await ready;
    if (model === undefined) throw new RangeError('a model comes before its batches');
    const { loss } = await lossAndGradient(model.shape, model.weights, message.batch, model.gradient);
    answer({ type: 'done', loss });
  } catch (error) {
    answer({ type: 'failed', reason: error instanceof Error ? error.message : String(error) });
  }
}

parentPort?.on('message', (message: ToGradientThread) => void perform(message));
