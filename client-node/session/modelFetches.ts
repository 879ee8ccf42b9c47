import type { Logger } from '@hansa/shared/log';
import type { Plan, TaskEnded } from '@hansa/shared/protocol';
import { MAX_MODEL_BYTES, type ModelStore } from './modelStore.ts';
import type { TaskBook } from './taskBook.ts';

/** Downloads of models that no round waits for. */
export class ModelFetches {
  readonly #models: ModelStore;
  readonly #tasks: TaskBook;
  readonly #log: Logger;
  readonly #signal: AbortSignal;
  readonly #running = new Set<Promise<void>>();

  /** @param signal ends the downloads */
  constructor(models: ModelStore, tasks: TaskBook, log: Logger, signal: AbortSignal) {
    this.#models = models;
    this.#tasks = tasks;
    this.#log = log;
    this.#signal = signal;
  }

  /** Begins to fetch a new model before a round asks for it, and then removes those that no task needs any more. */
  ahead(hash: string): void {
    const fetch = this.#fetch([hash])
      .catch((error: unknown) => {
        if (!this.#signal.aborted) this.#log.warn({ err: error, hash }, 'the new model was not fetched');
      })
      .finally(() => this.#running.delete(fetch));
    this.#running.add(fetch);
  }

  /** Fetches what `evaluate` compares after a task: the first model, the last, and the one that adapters belong to. @throws what the downloads throw */
  ofTask({ modelHash }: TaskEnded, { initialModelHash, baseModelHash }: Plan): Promise<void> {
    return this.#fetch([...(baseModelHash === undefined ? [] : [baseModelHash]), initialModelHash, modelHash]);
  }

  /** Resolves when nothing is fetched ahead. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#running);
  }

  async #fetch(hashes: readonly string[]): Promise<void> {
    for (const hash of hashes) await this.#models.fetch(hash, { maxBytes: MAX_MODEL_BYTES, signal: this.#signal });
    await this.#models.keepOnly(this.#tasks.modelsInUse());
  }
}
