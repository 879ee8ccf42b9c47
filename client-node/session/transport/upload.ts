import { createReadStream } from 'node:fs';
import { fromProblem, HansaError, problemSchema } from '@hansa/shared/errors';
import { DefaultHttpStack, type DetailedError, type HttpRequest, Upload } from 'tus-js-client';
import type { Connection, FileUpload } from '../connection.ts';
import type { SessionSource } from './download.ts';
import { refusedInBetween } from './inBetween.ts';
import { proxyAgentFor } from './outgoingProxy.ts';

export interface UploadOptions extends FileUpload {
  readonly address: string;
  readonly sessions: SessionSource;
}

/** As {@link Connection.upload}: tus, HEAD to learn where it left off, then PATCH. */
export function upload({ address, sessions, path, file, sizeBytes, signal, onProgress }: UploadOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const agent = proxyAgentFor(address);
    const transfer = new Upload(Buffer.alloc(0), {
      ...(agent !== undefined && { httpStack: new DefaultHttpStack({ agent }) }),
      endpoint: null,
      uploadUrl: new URL(path, address).href,
      uploadSize: sizeBytes,
      storeFingerprintForResuming: false,
      retryDelays: null,
      fileReader: { openFile: async () => fileSource(file, sizeBytes) },
      onBeforeRequest: async (request: HttpRequest) => {
        const session = await sessions.session(signal);
        const signed = session.sign(request.getMethod(), new URL(request.getURL()).pathname);
        for (const [name, value] of Object.entries(signed)) request.setHeader(name, value);
      },
      onProgress: (done, total) => onProgress?.(done, total),
      onSuccess: () => settle(resolve),
      onError: (error) => settle(() => reject(explain(error as DetailedError, sizeBytes))),
    });
    const onAbort = () => {
      void transfer.abort().catch(() => undefined);
      settle(() => reject(signal.reason));
    };
    const settle = (finish: () => void) => {
      signal.removeEventListener('abort', onAbort);
      finish();
    };
    signal.addEventListener('abort', onAbort, { once: true });
    transfer.start();
  });
}

/** The file as tus-js-client reads it: a stream from where the coordinator left off, opened when it is needed and never held. */
function fileSource(path: string, sizeBytes: number) {
  return {
    size: sizeBytes,
    async slice(start: number, end: number) {
      const last = Math.min(end, sizeBytes);
      if (start >= last) return { value: Buffer.alloc(0), done: true };
      const stream = createReadStream(path, { start, end: last - 1 });
      return { value: Object.assign(stream, { size: last - start }), done: last === sizeBytes };
    },
    close() {
      // Nothing is held between two slices.
    },
  };
}

function explain(error: DetailedError, sizeBytes: number): HansaError {
  const response = error.originalResponse;
  if (response === null || response === undefined) {
    return new HansaError('ConnectionLost', 'The upload broke off.', {}, { cause: error });
  }
  let body: unknown;
  try {
    body = JSON.parse(response.getBody());
  } catch {
    body = undefined;
  }
  const problem = problemSchema.safeParse(body);
  const status = response.getStatus();
  // 401: the session ended while the request was on its way; the next one is signed again.
  if (problem.success && status !== 401) return fromProblem(problem.data);
  return refusedInBetween(status, sizeBytes);
}
