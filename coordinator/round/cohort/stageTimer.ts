import type { Clock } from '@hansa/shared/clock';
import type { Stage } from '@hansa/shared/protocol';
import { type Deadlines, maskedInputEnd, stageMs } from './deadlines.ts';

export interface StageTimerEvents {
  /** The stage's deadline has passed. */
  passed(stage: Stage): void;
  /** The deadline was put off. */
  putOff(): void;
  /** Whether every member that is left has announced its vector. */
  allAnnounced(): boolean;
}

/** The deadline of the stage that a cohort is in; that of masked input is put off as vectors are announced and their bytes arrive. */
export class StageTimer {
  readonly #clock: Clock;
  readonly #deadlines: Deadlines;
  readonly #notAfterMs: number;
  readonly #events: StageTimerEvents;
  #cancel: () => void = () => undefined;
  #deadlineAtMs: number | undefined;
  #trainBeganAtMs = 0;
  #lastBytesAtMs = 0;

  constructor(clock: Clock, deadlines: Deadlines, notAfterMs: number, events: StageTimerEvents) {
    this.#clock = clock;
    this.#deadlines = deadlines;
    this.#notAfterMs = notAfterMs;
    this.#events = events;
  }

  /** When the stage ends at the latest; undefined between stages. */
  get deadlineAtMs(): number | undefined {
    return this.#deadlineAtMs;
  }

  enter(stage: Stage): void {
    const nowMs = this.#clock.now();
    if (stage !== 'maskedInput') {
      this.#arm(stage, nowMs + stageMs(this.#deadlines, stage));
      return;
    }
    this.#trainBeganAtMs = nowMs;
    this.#lastBytesAtMs = 0;
    this.#armMaskedInput();
  }

  /** A member has announced its vector. */
  announced(): void {
    this.#lastBytesAtMs = this.#clock.now();
    this.#armMaskedInput();
  }

  /** Bytes of a vector have arrived: looked at when the deadline comes. */
  bytesArrived(): void {
    this.#lastBytesAtMs = this.#clock.now();
  }

  clear(): void {
    this.#cancel();
    this.#cancel = () => undefined;
    this.#deadlineAtMs = undefined;
  }

  #arm(stage: Stage, atMs: number): void {
    this.clear();
    this.#deadlineAtMs = atMs;
    this.#cancel = this.#clock.schedule(Math.max(0, atMs - this.#clock.now()), () => {
      if (stage === 'maskedInput' && this.#maskedInputEndMs() > this.#clock.now()) {
        this.#armMaskedInput();
        this.#events.putOff();
        return;
      }
      this.#events.passed(stage);
    });
  }

  #armMaskedInput(): void {
    this.#arm('maskedInput', Math.max(this.#clock.now(), this.#maskedInputEndMs()));
  }

  #maskedInputEndMs(): number {
    return maskedInputEnd(this.#deadlines, {
      trainBeganAtMs: this.#trainBeganAtMs,
      lastBytesAtMs: this.#lastBytesAtMs,
      allAnnounced: this.#events.allAnnounced(),
      notAfterMs: this.#notAfterMs,
    });
  }
}
