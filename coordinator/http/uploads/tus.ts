import { type ErrorCode, HansaError, type Problem, problemSchema, toProblem } from '@hansa/shared/errors';
import type { FastifyRequest } from 'fastify';
import { isStorageFull, storageFault } from '../../storage/faults.ts';

/** The request as tus reads it; without a bound on what is buffered a fast sender would fill the memory. */
export function webRequest(request: FastifyRequest): Request {
  const { raw, method } = request;
  const headers = new Headers();
  for (const [name, value] of Object.entries(raw.headers)) {
    if (typeof value === 'string' && name !== 'expect') headers.set(name, value);
  }
  const url = `http://coordinator${raw.url ?? ''}`;
  if (method === 'HEAD') return new Request(url, { method, headers });
  const body = ReadableStream.from(raw);
  return new Request(url, { method, headers, body: body as never, duplex: 'half' } as RequestInit);
}

/** The problem document in a response of tus that refuses; some of its own are plain text. */
export async function problemIn(response: Response): Promise<Problem> {
  const text = await response.text();
  try {
    return problemSchema.parse(JSON.parse(text));
  } catch {
    return toProblem(fromTus({ status_code: response.status, body: text }));
  }
}

/** What tus or the spool refused with, as a problem document. */
export function problemResponse(error: Error | { status_code: number; body: string }): {
  status_code: number;
  body: string;
} {
  const known = error instanceof HansaError ? error : fromTus(error);
  return { status_code: known.status, body: JSON.stringify(toProblem(known)) };
}

/** What tus answers with where a plain 4xx or 5xx would say too little; 501 is for an extension that is not offered. */
const codeOfStatus: Readonly<Record<number, ErrorCode>> = {
  404: 'NotFound',
  409: 'UnexpectedMessage',
  410: 'NotFound',
  413: 'PayloadTooLarge',
  501: 'InvalidMessage',
};

function fromTus(error: Error | { status_code: number; body: string }): HansaError {
  const cause = error instanceof Error ? error : undefined;
  if (isStorageFull(cause)) return storageFault(cause, 'a masked vector') as HansaError;
  const status = 'status_code' in error ? error.status_code : 500;
  const words = 'body' in error ? error.body.trim() : 'the upload broke off';
  const code = codeOfStatus[status] ?? (status < 500 ? 'InvalidMessage' : 'Unavailable');
  return new HansaError(code, `The upload cannot go on: ${words}.`);
}
