import { byteLengthOf } from '@hansa/aggregation/secagg/encoding';
import type { SecAggConfig } from '@hansa/shared/protocol/secagg';
import { arrival, LATENCY_MS } from './timing.ts';

/** What is known of all nodes' uploads. */
interface Uploads {
  readonly config: SecAggConfig;
  readonly clients: number;
  /** When a node has its vector. */
  readonly readyMs: number;
  readonly headerBytes: number;
  /** What the coordinator needs for all headers. */
  readonly headersMs: number;
  /** What it needs for one vector. */
  readonly uploadMs: number;
}

/** When the last vector is hashed and folded: announced, its ticket fetched, on its way; the coordinator takes all at once, or as fast as it can. */
export function uploaded({ config, clients, readyMs, headerBytes, headersMs, uploadMs }: Uploads) {
  const ticketMs = arrival(arrival(readyMs, headerBytes) + headersMs, 0);
  const lastByteMs = arrival(ticketMs, byteLengthOf(config));
  const takenMs = Math.max(lastByteMs + uploadMs, ticketMs + LATENCY_MS + clients * uploadMs);
  return { takenMs, lineSpeedGainMs: takenMs - lastByteMs };
}
