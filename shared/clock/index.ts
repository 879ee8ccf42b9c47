export { timeoutSignal } from './timeoutSignal.ts';

/** Where time comes from. Drivers take one, so that tests run on a clock they turn by hand. */
export interface Clock {
  /** Wall clock, milliseconds since 1970. */
  now(): number;
  /** Calls back once after delayMs; the returned function cancels. */
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
