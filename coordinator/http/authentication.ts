import { httpSignatureHeaders } from '@hansa/shared/protocol';
import type { FastifyRequest } from 'fastify';
import { type AuthFailurePorts, guarded } from '../auth/authFailures.ts';
import type { BearerToken } from '../auth/bearerToken.ts';
import type { NodeSessions } from '../auth/nodeSessions.ts';

export interface AuthPorts extends AuthFailurePorts {
  readonly sessions: NodeSessions;
  readonly admin: BearerToken;
}

/** The id of the node that signed the request. @throws HansaError Unauthorized, BadSignature, ReplayedRequest, TooManyRequests */
export function nodeOf(request: FastifyRequest, ports: AuthPorts): Promise<string> {
  const header = (name: string) => {
    const value = request.headers[name];
    return typeof value === 'string' ? value : undefined;
  };
  return guarded(ports, 'request', request.ip, () =>
    ports.sessions.verify({
      sessionId: header(httpSignatureHeaders.sessionId),
      counter: header(httpSignatureHeaders.counter),
      signature: header(httpSignatureHeaders.signature),
      method: request.method,
      path: request.raw.url ?? '',
    }),
  );
}

/** @throws HansaError Unauthorized, TooManyRequests */
export function assertAdmin(request: FastifyRequest, ports: AuthPorts): Promise<void> {
  return guarded(ports, 'admin', request.ip, () => ports.admin.check(request.headers.authorization));
}
