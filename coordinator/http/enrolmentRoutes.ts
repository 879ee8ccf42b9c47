import { assertProtocolVersion, enrolmentAnswerSchema, enrolmentRequestSchema } from '@hansa/shared/protocol';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { type AuthFailurePorts, guarded } from '../auth/authFailures.ts';
import { type EnrolmentPorts, enrolNode } from '../clients/enrolment.ts';
import { parseMessage } from '../round/messages/parseMessage.ts';

/** POST /v1/enrolments: a node with a join token enrols its key. */
export function enrolmentRoutes(
  app: FastifyInstance,
  ports: EnrolmentPorts & AuthFailurePorts & { enrolled(): void },
): void {
  app.post('/v1/enrolments', { bodyLimit: 4096 }, (request) =>
    guarded(ports, 'enrolment', request.ip, async () => {
      const body = request.body as { protocolVersion?: unknown } | null;
      assertProtocolVersion(body?.protocolVersion, { own: 'the coordinator', peer: 'the node' });
      const answer = await enrolNode(parseMessage(enrolmentRequestSchema, body, 'enrolment'), ports);
      ports.enrolled();
      return z.encode(enrolmentAnswerSchema, answer);
    }),
  );
}
