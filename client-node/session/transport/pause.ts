import { setTimeout as wait } from 'node:timers/promises';

/** Waits before the next try: 0.25 s, twice as long each time, 10 s at most. Rejects with the signal's reason. */
export async function pause(attempt: number, signal: AbortSignal): Promise<void> {
  try {
    await wait(Math.min(10_000, 250 * 2 ** attempt), undefined, { signal });
  } catch {
    throw signal.reason;
  }
}
