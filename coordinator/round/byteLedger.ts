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
  readonly #models = new Map<string, Map<string, number>>();
  readonly #counts = new Map<string, { up: number; down: number }>();

  constructor(metrics: Metrics) {
    this.#transferred = metrics.transferBytes;
  }

  add(clientId: string, direction: 'up' | 'down', kind: 'update' | 'control', count: number): void {
    const counts = this.#counts.get(clientId) ?? { up: 0, down: 0 };
    counts[direction] += count;
    this.#counts.set(clientId, counts);
    this.#transferred.inc({ direction, kind }, count);
  }

  /** Bytes of a model on their way to a node. Nodes fetch it as soon as it is published, before the round that starts from it. */
  addModel(clientId: string, sha256: string, count: number): void {
    const counts = this.#models.get(sha256) ?? new Map<string, number>();
    counts.set(clientId, (counts.get(clientId) ?? 0) + count);
    this.#models.set(sha256, counts);
    this.#transferred.inc({ direction: 'down', kind: 'model' }, count);
  }

  /** Bytes of models by node, each counted to the first round that asks. */
  takeModels(hashes: readonly (string | undefined)[]): ReadonlyMap<string, number> {
    const sums = new Map<string, number>();
    for (const sha256 of hashes.filter((hash) => hash !== undefined)) {
      for (const [id, count] of this.#models.get(sha256) ?? []) sums.set(id, (sums.get(id) ?? 0) + count);
      this.#models.delete(sha256);
    }
    return sums;
  }

  /** All counts at this moment, without models; with it the bytes since can be told. */
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
