import type { Logger } from '@hansa/shared/log';
import Fastify, { type FastifyInstance } from 'fastify';
import type { Metrics } from '../metrics/createMetrics.ts';
import { installProblems } from './problems.ts';

/** How long a small body may take. */
const BODY_TIMEOUT_MS = 30_000;
/** Bodies of JSON requests; routes that take more say so. */
const BODY_LIMIT_BYTES = 256 * 1024;

export interface TlsFiles {
  /** PEM. */
  readonly cert: Uint8Array;
  readonly key: Uint8Array;
}

/** The HTTP application without its routes: problem documents, security headers, timing. */
export function createApp(options: {
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly tls?: TlsFiles;
}): FastifyInstance {
  const common = {
    bodyLimit: BODY_LIMIT_BYTES,
    exposeHeadRoutes: false,
    forceCloseConnections: true,
    // Not for the whole server: see the hook below.
    requestTimeout: 0,
    routerOptions: { maxParamLength: 128 },
  };
  const app = (
    options.tls === undefined
      ? Fastify(common)
      : Fastify({ ...common, https: { cert: Buffer.from(options.tls.cert), key: Buffer.from(options.tls.key) } })
  ) as FastifyInstance;
  installProblems(app, options.log);
  app.addHook('onRequest', async (_request, reply) => {
    reply.headers({
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'same-origin',
      'cache-control': 'no-store',
    });
    if (options.tls !== undefined) reply.header('strict-transport-security', 'max-age=31536000');
  });
  app.addHook('onRequest', async (request) => {
    // A masked vector or a model may take long on a slow connection; who may send one is known before its first byte, and a round's deadlines bound it.
    if (request.method === 'PATCH' || request.method === 'PUT') return;
    const { raw } = request;
    const timer = setTimeout(() => raw.complete || raw.destroy(), BODY_TIMEOUT_MS);
    raw.once('close', () => clearTimeout(timer));
  });
  app.addHook('onResponse', async (request, reply) => {
    options.metrics.httpDuration.observe(
      {
        route: request.routeOptions.url ?? 'unmatched',
        method: request.method,
        status_class: `${Math.floor(reply.statusCode / 100)}xx`,
      },
      reply.elapsedTime / 1000,
    );
  });
  return app;
}
