import { writeFile } from 'node:fs/promises';
import { HansaError } from '@hansa/shared/errors';
import type { LoadedData, Trainer, TrainRequest } from '../../trainer/index.ts';

/** A trainer whose update is known beforehand. */
export class FakeTrainer implements Trainer {
  readonly engine = { name: 'cpu' as const, reason: 'a test', passedOver: [], measured: [] };
  readonly data: readonly LoadedData[];
  readonly held = { digest: '', bytes: 0 };
  readonly requests: TrainRequest[] = [];
  readonly #update: Float32Array;
  /** Training waits for it. */
  gate: Promise<void> = Promise.resolve();
  failure: HansaError | undefined;
  closed = false;

  constructor(update: Float32Array, data: Partial<LoadedData> = {}) {
    this.#update = update;
    this.data = [
      {
        job: 'demand',
        rows: 100,
        trainExamples: 10,
        validationExamples: 2,
        testExamples: 2,
        report: { summary: [], cleaning: [], findings: [], facts: { frequency: 'day' } },
        ...data,
      },
    ];
  }

  async train(request: TrainRequest, onProgress?: (progress: never) => void, signal?: AbortSignal) {
    this.requests.push(request);
    (onProgress as ((progress: object) => void) | undefined)?.({ step: 1, steps: request.training.steps, loss: 1 });
    if (signal?.aborted) throw new HansaError('Interrupted', 'stopped');
    await Promise.race([
      this.gate,
      new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve(), { once: true })),
    ]);
    if (signal?.aborted) throw new HansaError('Interrupted', 'stopped');
    if (this.failure !== undefined) throw this.failure;
    await writeFile(request.updateFile, new Uint8Array(this.#update.buffer));
    return {
      steps: request.training.steps,
      stepsInUpdate: request.training.steps,
      examples: 10,
      trainLoss: 1.5,
      validationLoss: 2.5,
      metrics: {},
      examplesAtOnce: 1,
      peakMemoryBytes: 0,
      seconds: 0,
    };
  }

  /** Holds training back until the function that it gives is called. */
  hold(): () => void {
    let release: () => void = () => undefined;
    this.gate = new Promise((resolve) => {
      release = resolve;
    });
    return () => release();
  }

  evaluate(): never {
    throw new RangeError('not part of a round');
  }

  compare(): never {
    throw new RangeError('not part of a round');
  }

  forecast(): never {
    throw new RangeError('not part of a round');
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}
