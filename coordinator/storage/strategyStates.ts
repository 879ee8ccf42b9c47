import { createHash } from 'node:crypto';
import { HansaError } from '@hansa/shared/errors';
import type { BlobFacts, BlobReader, BlobStore } from './blobStore.ts';
import type { TaskRow } from './stateStore.ts';

/** The states of the tasks' strategies: blobs in a folder of their own, of which the newest of each task that has not ended is kept. */
export class StrategyStates {
  readonly #blobs: BlobStore;

  constructor(blobs: BlobStore) {
    this.#blobs = blobs;
  }

  /** Stores a state; what no task refers to afterwards is deleted by {@link sweep}. @throws HansaError StorageFull */
  put(source: AsyncIterable<Uint8Array>): Promise<BlobFacts> {
    return this.#blobs.put(source);
  }

  /** Where what members may fetch of one of `tasks` lies; undefined where `hash` is no such state. */
  handedOut(hash: string, tasks: readonly TaskRow[]): BlobStore | undefined {
    return tasks.some((task) => handedOutState(task) === hash) ? this.#blobs : undefined;
  }

  /** @throws HansaError StrategyStateLost (when it is not there) */
  async open(hash: string): Promise<BlobReader> {
    const blob = await this.#blobs.open(hash);
    if (blob === undefined) throw lostState(hash, 'is missing');
    return blob;
  }

  /**
   * Reads a task's state through, so that no round is trained which could not be committed.
   *
   * @throws HansaError StrategyStateLost (when it is missing, or its bytes do not hash to its name)
   */
  async assertIntact({ strategyStateHash: hash }: Pick<TaskRow, 'strategyStateHash'>): Promise<void> {
    if (hash === undefined) return;
    const sizeBytes = await this.#blobs.size(hash);
    if (sizeBytes === undefined) throw lostState(hash, 'is missing');
    const digest = createHash('sha256');
    if (sizeBytes > 0) for await (const chunk of this.#blobs.stream(hash, 0, sizeBytes - 1)) digest.update(chunk);
    if (digest.digest('hex') !== hash) throw lostState(hash, 'is damaged');
  }

  /** Deletes every state that none of `tasks` goes on from: those of rounds before, and those that a crash kept from being committed. */
  async sweep(tasks: readonly Pick<TaskRow, 'state' | 'strategyStateHash'>[]): Promise<void> {
    const open = tasks.filter(({ state }) => state === 'waiting' || state === 'running');
    const kept = new Set(open.map(({ strategyStateHash }) => strategyStateHash));
    for (const hash of await this.#blobs.list()) if (!kept.has(hash)) await this.#blobs.delete(hash);
  }
}

/** SHA-256 of the state that members of a task train with: SCAFFOLD's c, from round 2 on. */
export const handedOutState = ({ file, strategyStateHash }: TaskRow): string | undefined =>
  file.strategy.name === 'scaffold' ? strategyStateHash : undefined;

/** The error for a strategy's state that cannot be gone on from. */
export function lostState(hash: string, what: string): HansaError {
  return new HansaError(
    'StrategyStateLost',
    `The state of the task's strategy, states/${hash} in the coordinator's data folder, ${what}. Start a new task from the newest model: its strategy starts over.`,
  );
}
