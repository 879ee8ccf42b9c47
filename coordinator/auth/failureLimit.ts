import type { Clock } from '@hansa/shared/clock';
import { HansaError } from '@hansa/shared/errors';

const MAX_PEERS = 10_000;

/** Limits guessing: a peer may fail `burst` times at once, and once more for every `refillMs` that pass. */
export class FailureLimit {
  readonly #clock: Clock;
  readonly #burst: number;
  readonly #refillMs: number;
  /** Peer → when its whole burst is available again. */
  readonly #fullAtMs = new Map<string, number>();

  constructor(clock: Clock, burst = 20, refillMs = 3_000) {
    this.#clock = clock;
    this.#burst = burst;
    this.#refillMs = refillMs;
  }

  /** @throws HansaError TooManyRequests (when the peer has used up its failures) */
  check(peer: string): void {
    const owedMs = (this.#fullAtMs.get(peer) ?? 0) - this.#clock.now();
    if (owedMs < this.#burst * this.#refillMs) return;
    throw new HansaError('TooManyRequests', 'Too many failed attempts from this address; wait a minute and try again.');
  }

  failed(peer: string): void {
    const now = this.#clock.now();
    const fullAtMs = Math.max(this.#fullAtMs.get(peer) ?? 0, now) + this.#refillMs;
    this.#fullAtMs.delete(peer);
    this.#fullAtMs.set(peer, fullAtMs);
    for (const [oldest, atMs] of this.#fullAtMs) {
      if (atMs > now && this.#fullAtMs.size <= MAX_PEERS) break;
      this.#fullAtMs.delete(oldest);
    }
  }
}
