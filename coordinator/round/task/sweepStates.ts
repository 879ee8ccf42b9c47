import type { RoundPorts } from '../ports.ts';

/** Deletes the states of strategies that no task goes on from; what cannot be deleted now is after the next round. */
export async function sweepStates({ store, states, log }: Pick<RoundPorts, 'store' | 'states' | 'log'>): Promise<void> {
  try {
    await states.sweep(await store.tasks());
  } catch (err) {
    log.warn({ err }, "an old state of a task's strategy could not be deleted");
  }
}
