import { type RoundPhase, roundPhases } from '@hansa/shared/protocol';

/** When each phase of a round began; phases run in their order and without gaps, so that their times add up to the round's. */
export class PhaseTimes {
  readonly #startedAtMs: number;
  readonly #beganAtMs = new Map<RoundPhase, number>();
  #current: RoundPhase = roundPhases[0];

  constructor(nowMs: number) {
    this.#startedAtMs = nowMs;
    this.#beganAtMs.set(this.#current, nowMs);
  }

  get current(): RoundPhase {
    return this.#current;
  }

  get startedAtMs(): number {
    return this.#startedAtMs;
  }

  /** Enters a phase that comes later; entering it or an earlier one again changes nothing. */
  enter(phase: RoundPhase, atMs: number): void {
    if (roundPhases.indexOf(phase) <= roundPhases.indexOf(this.#current)) return;
    this.#current = phase;
    this.#beganAtMs.set(phase, atMs);
  }

  /** Seconds in each phase until `endMs`; 0 where a phase was not reached. */
  seconds(endMs: number): Record<RoundPhase, number> {
    const seconds = {} as Record<RoundPhase, number>;
    let nextMs = endMs;
    for (const phase of [...roundPhases].reverse()) {
      const beganMs = this.#beganAtMs.get(phase);
      seconds[phase] = beganMs === undefined ? 0 : (nextMs - beganMs) / 1000;
      nextMs = beganMs ?? nextMs;
    }
    return seconds;
  }
}
