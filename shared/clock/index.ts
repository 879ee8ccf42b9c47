export { blameClock, describeClockOffset, LARGE_CLOCK_OFFSET_MS } from './clockOffset.ts';
export { timeoutSignal } from './timeoutSignal.ts';

/** Where time comes from. Drivers take one, so that tests can run on a clock that they advance by hand. */
export interface Clock {
  /** Wall clock, milliseconds since 1970. */
  now(): number;
  /** Calls `callback` once after delayMs; the returned function cancels that. */
  schedule(delayMs: number, callback: () => void): () => void;
}

/** The machine's clock. Its timers never keep a process alive on their own. */
export const systemClock: Clock = {
  now: () => Date.now(),
  schedule(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
