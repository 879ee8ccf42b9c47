import type { Clock } from '@hansa/shared/clock';
import { HansaError } from '@hansa/shared/errors';
import type { FastifyInstance } from 'fastify';
import type { Metrics } from '../metrics/createMetrics.ts';

/** A probe writes to the disk: requests that come more often get the last answer. */
const PROBE_EVERY_MS = 1_000;

export interface HealthPorts {
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** @throws Error (when the coordinator cannot do its work now) */
  readonly assertReady: () => Promise<void>;
}

/** /livez: the process answers. /readyz: store and blobs take writes, and no shutdown is under way. /metrics: Prometheus. */
export function healthRoutes(app: FastifyInstance, { metrics, clock, assertReady }: HealthPorts): void {
  let probedAtMs = Number.NEGATIVE_INFINITY;
  let probe: Promise<void> = Promise.resolve();
  app.get('/livez', async () => ({ status: 'live' }));
  app.get('/readyz', async () => {
    if (clock.now() - probedAtMs >= PROBE_EVERY_MS) {
      probedAtMs = clock.now();
      probe = assertReady();
    }
    try {
      await probe;
    } catch (error) {
      if (error instanceof HansaError) throw error;
      throw new HansaError('Unavailable', 'The coordinator cannot store anything now.', {}, { cause: error });
    }
    return { status: 'ready' };
  });
  app.get('/metrics', async (_request, reply) => {
    reply.type(metrics.registry.contentType);
    return metrics.registry.metrics();
  });
}
