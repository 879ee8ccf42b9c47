import type { Trainer } from '../trainer/index.ts';

/** The node's one trainer: started when it is first asked for, and again after one has failed. */
export class TrainerSlot {
  readonly #start: () => Promise<Trainer>;
  #trainer: Promise<Trainer> | undefined;

  constructor(start: () => Promise<Trainer>) {
    this.#start = start;
  }

  /** @throws what starting the trainer throws */
  get(): Promise<Trainer> {
    this.#trainer ??= this.#start();
    return this.#trainer;
  }

  /** Closes the trainer, if there is one. */
  async close(): Promise<void> {
    const trainer = this.#trainer;
    this.#trainer = undefined;
    await trainer?.then((one) => one.close()).catch(() => undefined);
  }
}
