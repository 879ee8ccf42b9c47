import { HansaError } from '@hansa/shared/errors';
import { step } from '../client/step.ts';
import type { ClientEffect, ClientEvent, ClientPorts, ClientState, ClientStep } from '../client/types.ts';
import { waiting } from '../client/waiting.ts';
import { carryOut, type Done, type EffectPorts, finish, finishNow, type Work } from './carryOut.ts';

/** What a set-up's effects do in the world. */
export interface SetupPorts extends EffectPorts<ClientEffect> {
  /** The set-up ends because of this error; called before its secrets are wiped and before `closed`. */
  failed(error: unknown): Done;
}

/**
 * One set-up of a node: its state, and the only interpreter of its reducer's effects.
 *
 * Events must come one after the other. What takes long (`prepareRound`, `expandMasks`, `mask`, `upload`) a port begins and does not wait for; its end is
 * another event. The `…Now` methods are for ports that wait for nothing.
 */
export class SetupDriver {
  readonly #reducer: ClientPorts;
  readonly #ports: SetupPorts;
  #state: ClientState;

  constructor(reducer: ClientPorts, ports: SetupPorts, state: ClientState = waiting) {
    this.#reducer = reducer;
    this.#ports = ports;
    this.#state = state;
  }

  get state(): ClientState {
    return this.#state;
  }

  /**
   * Takes one event in and carries out what follows from it.
   *
   * @throws HansaError (which refuses the event: nothing has changed)
   * @throws what a port throws (the set-up is closed then)
   */
  apply(event: ClientEvent): Promise<void> {
    return finish(this.#apply(event));
  }

  /** As {@link apply}. */
  applyNow(event: ClientEvent): void {
    finishNow(this.#apply(event));
  }

  /** Goes on with a step that was made from this driver's state. @throws as {@link apply} */
  take(step: ClientStep): Promise<void> {
    return finish(this.#take(step));
  }

  /** Ends the set-up, which cannot be continued because of this error; nothing happens where it is closed. @throws what a port throws */
  fail(error: unknown): Promise<void> {
    return finish(this.#fail(error));
  }

  *#apply(event: ClientEvent): Work {
    yield* this.#take(step(this.#state, event, this.#reducer));
  }

  *#take({ state, effects, refusal }: ClientStep): Work {
    this.#state = state;
    try {
      yield* carryOut(effects, this.#ports);
    } catch (error) {
      // The reducer has gone on and what it asked for was not done: perhaps a record is not on disk.
      yield* this.#fail(error);
      throw error;
    }
    if (refusal !== undefined) throw refusal;
  }

  *#fail(error: unknown): Work {
    if (this.#state.phase === 'closed') return;
    const known = error instanceof HansaError ? error : undefined;
    const reason = known?.message ?? 'An internal error; the log has its cause.';
    try {
      yield this.#ports.failed(error);
    } finally {
      yield* this.#apply({ type: 'stop', code: known?.code ?? 'Internal', reason });
    }
  }
}
