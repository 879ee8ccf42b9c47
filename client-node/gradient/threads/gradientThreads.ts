import { Worker } from 'node:worker_threads';
import { HansaError } from '@hansa/shared/errors';
import { type Batch, rowsOf } from '../../jobs/examples.ts';
import { lossAndGradient, type ModelShape } from '../gradient.ts';
import type { FromGradientThread, ToGradientThread } from './messages.ts';

/** Enough for a thread whose tensors lie outside of JavaScript's memory; the default lets 48 MB of garbage gather. */
const MAX_YOUNG_GENERATION_MB = 8;

/**
 * Threads that compute gradients on the wasm engine, each on a part of a batch with an engine of its own.
 *
 * Whoever asks works on the first part itself, so `count` threads work on count + 1 parts. The parts and the order in which their gradients are added
 * depend on the number of parts and of examples alone: the same batch gives the same bits every time. They keep no process alive. One batch at a time.
 */
export class GradientThreads {
  readonly #threads: readonly Thread[];
  #shape: ModelShape | undefined;
  #weights = new Float32Array(new SharedArrayBuffer(0));

  constructor(count: number) {
    this.#threads = Array.from({ length: count }, () => new Thread());
  }

  /**
   * Loss of a batch and its gradient, as lossAndGradient gives them but for rounding.
   *
   * A shape goes to the threads when it is another object than the last one; what it holds must not change.
   *
   * @param parts at most count + 1, and at most the batch's examples
   * @param gradient where the gradient goes, of the weights' length
   * @throws HansaError ProcessFailed (when a thread has ended or its engine failed)
   * @throws what lossAndGradient throws
   */
  async lossAndGradient(
    shape: ModelShape,
    weights: Float32Array,
    batch: Batch,
    parts: number,
    gradient: Float32Array = new Float32Array(weights.length),
  ): Promise<{ loss: number; gradient: Float32Array }> {
    this.#show(shape, weights);
    const from = (part: number) => Math.floor((part * batch.count) / parts);
    const asked = this.#threads.slice(0, parts - 1);
    const answers = Promise.allSettled(
      asked.map((thread, index) => thread.run(rowsOf(batch, from(index + 1), from(index + 2)))),
    );
    let loss = 0;
    try {
      ({ loss } = await lossAndGradient(shape, weights, rowsOf(batch, 0, from(1)), gradient));
    } finally {
      // Whatever happened here: a thread's answer must not be taken for one to the next batch.
      await answers;
    }
    const share = (part: number) => (from(part + 1) - from(part)) / batch.count;
    loss *= share(0);
    for (const [index, answer] of (await answers).entries()) {
      if (answer.status === 'rejected') throw answer.reason;
      loss += share(index + 1) * answer.value;
      add(gradient, index === 0 ? share(0) : 1, asked[index]!.gradient, share(index + 1));
    }
    return { loss, gradient };
  }

  /** Ends the threads, and what they are doing, for good. */
  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.end()));
  }

  /** Lets the threads see a model; its weights are copied to where they look. */
  #show(shape: ModelShape, weights: Float32Array): void {
    const isOther = this.#shape !== shape || this.#weights.length !== weights.length;
    if (isOther) {
      this.#shape = shape;
      this.#weights = new Float32Array(new SharedArrayBuffer(weights.byteLength));
      for (const thread of this.#threads) thread.show(shape, this.#weights);
    }
    this.#weights.set(weights);
  }
}

/** sum[i] = scale · sum[i] + share · terms[i]. */
function add(sum: Float32Array, scale: number, terms: Float32Array, share: number): void {
  for (let index = 0; index < sum.length; index++) sum[index] = scale * sum[index]! + share * terms[index]!;
}

interface Waiting {
  resolve(loss: number): void;
  reject(error: Error): void;
}

class Thread {
  readonly #worker = new Worker(new URL('./worker.mjs', import.meta.url), {
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb: MAX_YOUNG_GENERATION_MB },
  });
  /** Of the last part, in memory that both sides see. */
  gradient = new Float32Array(new SharedArrayBuffer(0));
  #waiting: Waiting | undefined;
  #ended: HansaError | undefined;

  constructor() {
    this.#worker.unref();
    this.#worker.on('message', (answer: FromGradientThread) => {
      const waiting = this.#settle();
      if (answer.type === 'done') waiting?.resolve(answer.loss);
      else waiting?.reject(threadFailed(answer.reason));
    });
    this.#worker.on('error', (error) => this.#end(error.message));
    this.#worker.on('exit', (status) => this.#end(`it exited with status ${status}`));
  }

  /** Gives the thread a model, before any part of a batch. */
  show(shape: ModelShape, weights: Float32Array<SharedArrayBuffer>): void {
    this.gradient = new Float32Array(new SharedArrayBuffer(weights.byteLength));
    this.#tell({ type: 'model', shape, weights: weights.buffer, gradient: this.gradient.buffer });
  }

  /** The loss of a part; its gradient is in place then. */
  async run(batch: Batch): Promise<number> {
    if (this.#ended !== undefined) throw this.#ended;
    return await new Promise<number>((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#worker.ref();
      this.#tell({ type: 'part', batch });
    });
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  #tell(message: ToGradientThread): void {
    this.#worker.postMessage(message);
  }

  #settle(): Waiting | undefined {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.#worker.unref();
    return waiting;
  }

  #end(reason: string): void {
    this.#ended ??= threadFailed(reason);
    this.#settle()?.reject(this.#ended);
  }
}

const threadFailed = (reason: string) =>
  new HansaError('ProcessFailed', `A thread that computes gradients failed: ${reason}.`);
