import { setTimeout as wait } from 'node:timers/promises';

const FIRST_MS = 250;
/** A coordinator waits as long for a member that is gone (`reconnectGraceMs`). */
const LONGEST_MS = 10_000;

/** How long to wait before the next try, in ms, after `attempt` tries that failed since the last success (from 0): twice as long each time. */
export const retryDelayMs = (attempt: number): number => Math.min(LONGEST_MS, FIRST_MS * 2 ** attempt);

/** Waits before the next try. Rejects with the signal's reason. */
export async function pause(attempt: number, signal: AbortSignal): Promise<void> {
  try {
    await wait(retryDelayMs(attempt), undefined, { signal });
  } catch {
    throw signal.reason;
  }
}
