import { Worker } from 'node:worker_threads';
import { HansaError } from '@hansa/shared/errors';
import type { WindowBatch } from '../../data/windows.ts';
import { lossAndGradient, type ModelShape } from '../gradient.ts';
import type { GradientJob, PartAnswer } from './gradientJob.ts';

/** Enough for a thread whose tensors lie outside of JavaScript's memory; the default lets 48 MB of garbage gather. */
const MAX_YOUNG_GENERATION_MB = 8;

/**
 * Threads that compute gradients on the wasm engine, each on a part of a batch with an engine of its own.
 *
 * Whoever asks works on the first part itself, so `count` threads work on count + 1 parts. The parts and the order in which their gradients are added
 * depend on the number of parts and of windows alone: the same batch gives the same bits every time. They keep no process alive. One batch at a time.
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
   * @param parts at most count + 1, and at most the batch's windows
   * @throws HansaError ProcessFailed where a thread has ended or its engine failed; whatever lossAndGradient throws
   */
  async lossAndGradient(
    shape: ModelShape,
    weights: Float32Array,
    batch: WindowBatch,
    parts: number,
  ): Promise<{ loss: number; gradient: Float32Array }> {
    this.#show(shape, weights);
    const from = (part: number) => Math.floor((part * batch.count) / parts);
    const answers = Promise.allSettled(
      this.#threads
        .slice(0, parts - 1)
        .map((thread, index) => thread.run(partOf(batch, from(index + 1), from(index + 2)))),
    );
    let own: { loss: number; gradient: Float32Array };
    try {
      own = lossAndGradient(shape, weights, partOf(batch, 0, from(1)));
    } finally {
      // Whatever happened here: a thread's answer must not be taken for one to the next batch.
      await answers;
    }
    const all = [own];
    for (const answer of await answers) {
      if (answer.status === 'rejected') throw answer.reason;
      all.push(answer.value);
    }
    const shares = all.map((_, part) => (from(part + 1) - from(part)) / batch.count);
    const gradient = own.gradient;
    const ownShare = shares[0]!;
    for (let index = 0; index < gradient.length; index++) gradient[index]! *= ownShare;
    for (const [part, { gradient: other }] of all.entries()) {
      if (part === 0) continue;
      const share = shares[part]!;
      for (let index = 0; index < gradient.length; index++) gradient[index]! += share * other[index]!;
    }
    return { loss: all.reduce((sum, { loss }, part) => sum + shares[part]! * loss, 0), gradient };
  }

  /** Ends the threads, and what they are doing, for good. */
  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.end()));
  }

  /** Lets the threads see a model; its weights are copied to where they look. */
  #show(shape: ModelShape, weights: Float32Array): void {
    const isOther = this.#shape !== shape || this.#weights.length !== weights.length;
    if (isOther) this.#weights = new Float32Array(new SharedArrayBuffer(weights.byteLength));
    this.#weights.set(weights);
    if (!isOther) return;
    this.#shape = shape;
    for (const thread of this.#threads) thread.tell({ type: 'model', shape, weights: this.#weights.buffer });
  }
}

/** The windows `from` … `to` − 1 of a batch; copies, since a message would take a view's whole memory along. */
function partOf(batch: WindowBatch, from: number, to: number): WindowBatch {
  const rows = <Rows extends Float32Array | Int32Array>(all: Rows): Rows => {
    const width = all.length / batch.count;
    return all.slice(from * width, to * width) as Rows;
  };
  return {
    count: to - from,
    pastPatches: batch.pastPatches,
    futurePatches: batch.futurePatches,
    past: rows(batch.past),
    pastPresent: rows(batch.pastPresent),
    future: rows(batch.future),
    staticCategories: rows(batch.staticCategories),
    staticNumbers: rows(batch.staticNumbers),
    scale: rows(batch.scale),
    target: rows(batch.target),
    targetObserved: rows(batch.targetObserved),
    stockOut: rows(batch.stockOut),
  };
}

type Part = Extract<PartAnswer, { type: 'done' }>;

interface Waiting {
  resolve(part: Part): void;
  reject(error: Error): void;
}

class Thread {
  readonly #worker = new Worker(new URL('./worker.mjs', import.meta.url), {
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb: MAX_YOUNG_GENERATION_MB },
  });
  #waiting: Waiting | undefined;
  #ended: HansaError | undefined;

  constructor() {
    this.#worker.unref();
    this.#worker.on('message', (answer: PartAnswer) => {
      const waiting = this.#settle();
      if (answer.type === 'done') waiting?.resolve(answer);
      else waiting?.reject(threadFailed(answer.reason));
    });
    this.#worker.on('error', (error) => this.#end(error.message));
    this.#worker.on('exit', (status) => this.#end(`it exited with status ${status}`));
  }

  tell(job: GradientJob): void {
    this.#worker.postMessage(job);
  }

  async run(batch: WindowBatch): Promise<Part> {
    if (this.#ended !== undefined) throw this.#ended;
    return await new Promise<Part>((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#worker.ref();
      this.tell({ type: 'part', batch });
    });
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
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
