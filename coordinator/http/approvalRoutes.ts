import { assertProtocolVersion, memberApprovalAnswerSchema, memberApprovalRequestSchema } from '@hansa/shared/protocol';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { type AuthFailurePorts, guarded } from '../auth/authFailures.ts';
import type { Rosters } from '../clients/rosters.ts';
import { parseMessage } from '../round/messages/parseMessage.ts';

/** POST /v1/approvals: a member approves a newcomer, where members approve each other. */
export function approvalRoutes(app: FastifyInstance, ports: AuthFailurePorts & { readonly rosters: Rosters }): void {
  app.post('/v1/approvals', { bodyLimit: 4096 }, (request) =>
    guarded(ports, 'enrolment', request.ip, async () => {
      const body = request.body as { protocolVersion?: unknown } | null;
      assertProtocolVersion(body?.protocolVersion, { own: 'the coordinator', peer: 'the node' });
      const { clientId, signerId, signature } = parseMessage(memberApprovalRequestSchema, body, 'approval');
      return z.encode(memberApprovalAnswerSchema, await ports.rosters.approve({ clientId, signerId, signature }));
    }),
  );
}
