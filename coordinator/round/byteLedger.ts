import type { Metrics } from '../metrics/createMetrics.ts';

/** Bytes of one node, both ways. */
export interface ByteCount {
  readonly up: number;
  readonly down: number;
}

const none: ByteCount = { up: 0, down: 0 };

/** Counts the bytes that moved between the coordinator and each node, HTTP bodies and control messages. */
export class ByteLedger {
  readonly #transferred: Metrics['transferBytes'];
  readonly #counts = new Map<string, { up: number; down: number }>();

  constructor(metrics: Metrics) {
    this.#transferred = metrics.transferBytes;
  }

  add(clientId: string, direction: 'up' | 'down', kind: 'model' | 'update' | 'control', count: number): void {
    const counts = this.#counts.get(clientId) ?? { up: 0, down: 0 };
    counts[direction] += count;
    this.#counts.set(clientId, counts);
    this.#transferred.inc({ direction, kind }, count);
  }

  /** All counts at this moment; with it the bytes since can be told. */
  mark(): ByteMark {
    const marked = new Map([...this.#counts].map(([id, { up, down }]) => [id, { up, down }]));
    return {
      since: (clientId) => {
        const now = this.#counts.get(clientId) ?? none;
        const then = marked.get(clientId) ?? none;
        return { up: now.up - then.up, down: now.down - then.down };
      },
    };
  }
}

/** A moment in a ledger. */
export interface ByteMark {
  since(clientId: string): ByteCount;
}
