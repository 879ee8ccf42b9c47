import { randomBytes } from 'node:crypto';
import { HansaError } from '@hansa/shared/errors';
import { maxBandwidthProbeBytes } from '@hansa/shared/protocol';
import type { FastifyInstance } from 'fastify';
import { type AuthPorts, nodeOf } from './authentication.ts';

/**
 * How fast a node's connection is: GET /v1/bandwidth/BYTES answers with so many bytes, POST /v1/bandwidth takes some and throws them away. Both are
 * signed by a node, and larger than maxBandwidthProbeBytes is neither.
 */
export function bandwidthRoutes(app: FastifyInstance, ports: AuthPorts): void {
  // Random, so that nothing on the way can compress it.
  const filler = randomBytes(maxBandwidthProbeBytes);
  app.register(async (scope) => {
    scope.addHook('onRequest', async (request) => {
      await nodeOf(request, ports);
    });
    scope.get<{ Params: { bytes: string } }>('/v1/bandwidth/:bytes', async (request, reply) => {
      const count = /^\d{1,9}$/.test(request.params.bytes) ? Number(request.params.bytes) : 0;
      if (count < 1 || count > maxBandwidthProbeBytes) {
        throw new HansaError('InvalidArgument', `Ask for 1 to ${maxBandwidthProbeBytes} bytes.`);
      }
      return reply.type('application/octet-stream').send(filler.subarray(0, count));
    });
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      '*',
      { parseAs: 'buffer', bodyLimit: maxBandwidthProbeBytes },
      (_request, body: Buffer, done) => done(null, body),
    );
    scope.post('/v1/bandwidth', { bodyLimit: maxBandwidthProbeBytes }, async (request, reply) => {
      return reply.send({ bytes: Buffer.isBuffer(request.body) ? request.body.length : 0 });
    });
  });
}
