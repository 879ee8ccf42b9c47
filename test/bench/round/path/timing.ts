/** A node's connection, each way: 100 Mbit/s. */
const BYTES_PER_MS = 12_500;
/** One way. */
export const LATENCY_MS = 10;

/** What one side does of its own, in milliseconds and bytes. */
export interface Share {
  processorMs: number;
  bytesUp: number;
  bytesDown: number;
}

export const nothing = (): Share => ({ processorMs: 0, bytesUp: 0, bytesDown: 0 });

/** One round as it was added up. */
export interface Round {
  readonly node: Share;
  /** What the round would gain if taking vectors cost the coordinator nothing. */
  readonly lineSpeedGainMs: number;
  /** Moments of the round, in milliseconds since its start, by name and in order. */
  readonly moments: Readonly<Record<string, number>>;
}

/** When what was sent at `sentMs` is there. */
export const arrival = (sentMs: number, sizeBytes: number): number => sentMs + LATENCY_MS + sizeBytes / BYTES_PER_MS;

export const median = (values: readonly number[]): number =>
  values.toSorted((left, right) => left - right)[values.length >> 1] ?? 0;
export const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

export async function timed<T>(work: () => T | Promise<T>): Promise<{ value: T; tookMs: number }> {
  const began = performance.now();
  const value = await work();
  return { value, tookMs: performance.now() - began };
}
