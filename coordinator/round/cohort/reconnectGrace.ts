import type { Clock } from '@hansa/shared/clock';
import type { Member } from './member.ts';

/** Gives members whose connection is lost a while to come back. */
export class ReconnectGrace {
  readonly #clock: Clock;
  readonly #graceMs: number;
  readonly #over: (member: Member) => void;
  readonly #cancels = new Map<Member, () => void>();

  /** `over` is called for a member that did not come back within `graceMs`. */
  constructor(clock: Clock, graceMs: number, over: (member: Member) => void) {
    this.#clock = clock;
    this.#graceMs = graceMs;
    this.#over = over;
  }

  lost(member: Member): void {
    if (this.#cancels.has(member)) return;
    const cancel = this.#clock.schedule(this.#graceMs, () => {
      this.#cancels.delete(member);
      this.#over(member);
    });
    this.#cancels.set(member, cancel);
  }

  back(member: Member): void {
    this.#cancels.get(member)?.();
    this.#cancels.delete(member);
  }

  clear(): void {
    for (const cancel of this.#cancels.values()) cancel();
    this.#cancels.clear();
  }
}
