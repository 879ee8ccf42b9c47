import { HansaError, type Problem, toProblem } from '@hansa/shared/errors';
import type { Logger } from '@hansa/shared/log';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { storageFault } from '../storage/faults.ts';

export const problemType = 'application/problem+json';

/** Answers with a problem document (RFC 9457). */
export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  return reply.code(problem.status).type(problemType).send(problem);
}

/** Every error of every route becomes a problem document; what nobody foresaw is logged and reported as Internal. */
export function installProblems(app: FastifyInstance, log: Logger): void {
  app.setNotFoundHandler((request, reply) =>
    sendProblem(reply, toProblem(new HansaError('NotFound', `There is nothing at ${request.method} ${request.url}.`))),
  );
  app.setErrorHandler((error, request, reply) => {
    const fault = storageFault(error, 'what this request brought');
    const known = fault instanceof HansaError ? fault : fromFastify(error as Error & { code?: string });
    if (known === undefined) log.error({ err: error, method: request.method, url: request.url }, 'a request failed');
    return sendProblem(reply, toProblem(known ?? error));
  });
}

function fromFastify(error: Error & { code?: string; statusCode?: number }): HansaError | undefined {
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new HansaError('PayloadTooLarge', 'The body of this request is larger than this address takes.');
  }
  const { statusCode } = error;
  if (statusCode === undefined || statusCode < 400 || statusCode > 499) return undefined;
  return new HansaError('InvalidMessage', `The request cannot be read: ${error.message}.`);
}
