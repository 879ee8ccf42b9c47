import { z } from 'zod';
import { HansaError } from './hansaError.ts';
import { type ErrorCode, errorTable } from './table.ts';

/** A problem document (RFC 9457) as every edge of Hansa sends it. Codes of a newer peer are kept readable: `code` is any short string. */
export const problemSchema = z.strictObject({
  type: z.string().max(100),
  title: z.string().max(100),
  status: z.int().min(400).max(599),
  detail: z.string().max(4000),
  code: z.string().max(100),
  retry: z.boolean(),
});

export type Problem = z.infer<typeof problemSchema>;

/** Turns any thrown value into a problem document; what is not a HansaError is told as Internal without its message. */
export function toProblem(error: unknown): Problem {
  const known =
    error instanceof HansaError
      ? error
      : new HansaError('Internal', 'Internal error; the log of this process has the cause.');
  return {
    type: `urn:hansa:error:${known.code}`,
    title: known.code,
    status: known.status,
    detail: known.message.slice(0, 4000),
    code: known.code,
    retry: known.retry,
  };
}

/** The HansaError that a peer's problem document stands for; an unknown code becomes Internal and keeps the peer's words. */
export function fromProblem(problem: Problem): HansaError {
  const code: ErrorCode = Object.hasOwn(errorTable, problem.code) ? (problem.code as ErrorCode) : 'Internal';
  return new HansaError(code, problem.detail, code === 'Internal' ? { peerCode: problem.code } : {});
}
