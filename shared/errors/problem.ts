import { z } from 'zod';
import { parseDetails } from './details.ts';
import { HansaError } from './hansaError.ts';
import { isErrorCode } from './table.ts';

/**
 * A problem document (RFC 9457), as every interface of Hansa sends it. From a newer peer `code` may be any short string and `details` may have any fields:
 * {@link fromProblem} keeps those that it knows.
 */
export const problemSchema = z.strictObject({
  type: z.string().max(100),
  title: z.string().max(100),
  status: z.int().min(400).max(599),
  detail: z.string().max(4000),
  code: z.string().max(100),
  retry: z.boolean(),
  details: z.record(z.string().max(100), z.unknown()).optional(),
});

export type Problem = z.infer<typeof problemSchema>;

/** Turns any thrown value into a problem document; what is not a HansaError becomes Internal without its message. */
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
    ...(Object.keys(known.details).length > 0 && { details: { ...known.details } }),
  };
}

/** The HansaError of a peer's problem document; an unknown code becomes Internal with the peer's message. */
export function fromProblem({ code, detail, details = {} }: Problem): HansaError {
  if (!isErrorCode(code)) return new HansaError('Internal', detail, { peerCode: code });
  return new HansaError(code, detail, parseDetails(code, details));
}
