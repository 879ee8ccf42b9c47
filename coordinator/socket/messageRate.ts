import type { Clock } from '@hansa/shared/clock';

/** How many messages one connection may send: `burst` at once, then one for every `refillMs`. */
export class MessageRate {
  readonly #clock: Clock;
  readonly #burst: number;
  readonly #refillMs: number;
  /** When the whole burst is available again. */
  #fullAtMs = 0;

  constructor(clock: Clock, burst = 200, refillMs = 20) {
    this.#clock = clock;
    this.#burst = burst;
    this.#refillMs = refillMs;
  }

  /** Takes one message; false where the connection has sent too many. */
  take(): boolean {
    const now = this.#clock.now();
    const fullAtMs = Math.max(this.#fullAtMs, now) + this.#refillMs;
    if (fullAtMs - now > this.#burst * this.#refillMs) return false;
    this.#fullAtMs = fullAtMs;
    return true;
  }
}
