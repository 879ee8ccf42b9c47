import { type DrawEffect, type DrawState, type DrawStep, idleDraw } from '../grouping/client.ts';
import { carryOut, type EffectPorts, finish, finishNow, type Work } from './carryOut.ts';

/** What a draw's effects do in the world. */
export type DrawPorts = EffectPorts<DrawEffect>;

/** A node's part in draws of groups, one at a time: the state, and the only interpreter of the reducer's effects. Its steps are made by `stepDraw`. */
export class DrawDriver {
  #state: DrawState = idleDraw;

  get state(): DrawState {
    return this.#state;
  }

  /**
   * Goes on with a step that was made from this driver's state, and carries out its effects.
   *
   * @throws HansaError (the step's refusal)
   * @throws what a port throws (the draw is given up then)
   */
  take(step: DrawStep, ports: DrawPorts): Promise<void> {
    return finish(this.#take(step, ports));
  }

  /** As {@link take}, for ports that wait for nothing. */
  takeNow(step: DrawStep, ports: DrawPorts): void {
    finishNow(this.#take(step, ports));
  }

  *#take({ state, effects, refusal }: DrawStep, ports: DrawPorts): Work {
    this.#state = state;
    try {
      yield* carryOut(effects, ports);
    } catch (error) {
      // The reducer has gone on and what it asked for was not done: a try that is not on disk would not count.
      this.#state = idleDraw;
      if (state.phase === 'committed') yield ports.wipe({ type: 'wipe', secrets: [state.seed] });
      throw error;
    }
    if (refusal !== undefined) throw refusal;
  }
}
