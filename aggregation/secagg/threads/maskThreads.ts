import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { HansaError } from '@hansa/shared/errors';
import { type LayoutConfig, layoutOf } from '../encoding/layout.ts';
import { type ByteRange, expandMasks } from '../encoding/masks.ts';
import type { MaskTerm } from '../masks.ts';
import { KEY_SIZE_BYTES, type MaskWork } from './maskWork.ts';

/** Streams shorter than this together, some five milliseconds of work, are expanded at once by whoever asks. */
const WORTH_BYTES = 2 ** 24;
/** Ranges for each thread, so that one which is held up costs little; half a megabyte of sum at a time stays in the processor's cache. */
const RANGES_PER_THREAD = 8;
/** What a range takes of memory at most. */
const MAX_RANGE_SIZE_BYTES = 2 ** 20;
const RANGE_UNIT_SIZE_BYTES = 2 ** 16;
/** Enough for a thread that makes small objects alone; the default lets 48 MB of garbage gather. */
const MAX_YOUNG_GENERATION_MB = 4;

/**
 * Threads that expand masks, as many as there are cores: for the coordinator, which takes many away from a sum, and for a node that has its mask
 * sum made while it trains.
 *
 * They start with the first work that is worth it, which waits some tenths of a second for them, and keep no process alive. Each range of the vector is
 * one thread's work for all masks, so that nothing need be added up: time falls with their number, memory is a range for each. Threads have their own
 * copies of the keys and overwrite them after each range; one that dies leaves its memory to the system as it is.
 */
export class MaskThreads {
  readonly #count: number;
  #threads: readonly Thread[] = [];
  #turn: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(count = availableParallelism()) {
    this.#count = count;
  }

  /** All of them, running: one that died is replaced. */
  #running(): readonly Thread[] {
    const alive = this.#threads.filter(({ hasEnded }) => !hasEnded);
    this.#threads = [...alive, ...Array.from({ length: this.#count - alive.length }, () => new Thread())];
    return this.#threads;
  }

  /**
   * Expands Σ ± G(K) and hands it over part by part, in no order: `take` gets a part's place in the vector and its bytes, which are overwritten once
   * it returns. `take` is not called any more once the promise is settled.
   *
   * Calls are served one after the other. Where one fails, some parts may have been taken already: discard what they went into.
   *
   * @throws HansaError ProcessFailed (when a thread died or all are closed)
   * @throws the signal's reason
   * @throws what `take` throws
   */
  expand(
    config: LayoutConfig,
    masks: readonly MaskTerm[],
    take: (byteOffset: number, part: Uint8Array) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    const work = this.#turn.then(() => this.#expand(config, masks, take, signal));
    this.#turn = work.catch(() => undefined);
    return work;
  }

  async #expand(
    config: LayoutConfig,
    masks: readonly MaskTerm[],
    take: (byteOffset: number, part: Uint8Array) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    signal?.throwIfAborted();
    if (this.#isClosed) throw new HansaError('ProcessFailed', 'The threads that expand masks were ended.');
    const { sizeBytes } = layoutOf(config);
    if (sizeBytes * masks.length < WORTH_BYTES) {
      handOver(take, 0, expandMasks(config, masks));
      return;
    }
    const threads = this.#running();
    const ranges = rangesOf(sizeBytes, threads.length);
    const lanes = threads.map(async (thread) => {
      try {
        for (let range = ranges.shift(); range !== undefined; range = ranges.shift()) {
          signal?.throwIfAborted();
          handOver(take, range.start, await thread.run(config, masks, range));
        }
      } catch (error) {
        ranges.length = 0;
        throw error;
      }
    });
    const failed = (await Promise.allSettled(lanes)).find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
  }

  /** Ends the threads, and what they are doing, for good. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#threads.map((thread) => thread.end()));
  }
}

function handOver(take: (byteOffset: number, part: Uint8Array) => void, start: number, part: Uint8Array): void {
  try {
    take(start, part);
  } finally {
    part.fill(0);
  }
}

function rangesOf(sizeBytes: number, threads: number): ByteRange[] {
  const even = sizeBytes / (threads * RANGES_PER_THREAD);
  const step = Math.min(RANGE_UNIT_SIZE_BYTES * Math.ceil(even / RANGE_UNIT_SIZE_BYTES), MAX_RANGE_SIZE_BYTES);
  return Array.from({ length: Math.ceil(sizeBytes / step) }, (_, at) => ({
    start: at * step,
    end: Math.min((at + 1) * step, sizeBytes),
  }));
}

function keysOf(masks: readonly MaskTerm[]): Uint8Array<ArrayBuffer> {
  const keys = new Uint8Array(KEY_SIZE_BYTES * masks.length);
  for (const [at, { key }] of masks.entries()) keys.set(key.expose(), KEY_SIZE_BYTES * at);
  return keys;
}

interface Waiting {
  resolve(): void;
  reject(error: Error): void;
}

class Thread {
  readonly #worker = new Worker(new URL('./worker.mjs', import.meta.url), {
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb: MAX_YOUNG_GENERATION_MB },
  });
  /** Both sides' memory for a range. */
  #into = new SharedArrayBuffer(0);
  #waiting: Waiting | undefined;
  #ended: HansaError | undefined;

  constructor() {
    this.#worker.unref();
    this.#worker.on('message', () => {
      this.#worker.unref();
      this.#waiting?.resolve();
      this.#waiting = undefined;
    });
    this.#worker.on('error', (error) => this.#end(error.message));
    this.#worker.on('exit', (status) => this.#end(`it exited with status ${status}`));
  }

  get hasEnded(): boolean {
    return this.#ended !== undefined;
  }

  /** The masks' bytes in one range, which are good until the next call. One range at a time. */
  async run(
    { vectorLength, wordBits, tail }: LayoutConfig,
    masks: readonly MaskTerm[],
    range: ByteRange,
  ): Promise<Uint8Array> {
    if (this.#ended !== undefined) throw this.#ended;
    const sizeBytes = range.end - range.start;
    if (this.#into.byteLength < sizeBytes) this.#into = new SharedArrayBuffer(sizeBytes);
    // The copies of the keys are moved, not copied, to the thread.
    const keys = keysOf(masks);
    const config = { vectorLength, wordBits, tail };
    const work: MaskWork = { config, keys, signs: masks.map(({ sign }) => sign), range, into: this.#into };
    await new Promise<void>((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#worker.ref();
      this.#worker.postMessage(work, [keys.buffer]);
    });
    return new Uint8Array(this.#into, 0, sizeBytes);
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  #end(reason: string): void {
    this.#ended ??= new HansaError('ProcessFailed', `A thread that expands masks ended early: ${reason}.`);
    this.#waiting?.reject(this.#ended);
    this.#waiting = undefined;
  }
}
