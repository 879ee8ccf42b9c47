import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fromProblem, HansaError, problemSchema } from '@hansa/shared/errors';
import { syncFolder } from '@hansa/shared/files';
import { explainWriteError, writing } from '../../ledger/files.ts';
import type { Connection, Download } from '../connection.ts';
import type { Session } from './handshake.ts';
import { pause } from './retryDelay.ts';

/** A transfer in which nothing moves for so long is broken off and resumed. */
const STALL_MS = 30_000;

/** What transfers need of a connection: the session to sign with, now or after the next reconnect. */
export interface SessionSource {
  session(signal?: AbortSignal): Promise<Session>;
}

export interface DownloadOptions extends Download {
  readonly address: string;
  readonly sessions: SessionSource;
}

/** As {@link Connection.download}: ranged GET of `/v1/blobs/SHA256`. */
export async function download(options: DownloadOptions): Promise<void> {
  const part = `${options.path}.part`;
  const resumed = (await sizeOf(part)) > 0;
  await fetchWhole(part, options);
  if ((await sha256OfFile(part)) !== options.hash) {
    await rm(part, { force: true });
    // What an earlier process left may be at fault.
    if (resumed) return download(options);
    throw new HansaError(
      'WrongHash',
      `The model that came is not the one that was asked for (${options.hash.slice(0, 12)}…). It was thrown away.`,
    );
  }
  await writing(options.path, async () => {
    await rename(part, options.path);
    await syncFolder(dirname(options.path));
  });
}

async function fetchWhole(part: string, options: DownloadOptions): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await fetchRest(part, options);
    } catch (error) {
      options.signal.throwIfAborted();
      if (error instanceof HansaError && !error.retry) throw error;
      await pause(attempt, options.signal);
    }
  }
}

/** SHA-256 of a file, hexadecimal. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

async function fetchRest(part: string, { address, sessions, hash, maxBytes, signal, onProgress }: DownloadOptions) {
  const path = `/v1/blobs/${hash}`;
  const session = await sessions.session(signal);
  const have = await sizeOf(part);
  const stalled = new AbortController();
  let timer = setTimeout(() => stalled.abort(), STALL_MS);
  const moved = () => {
    clearTimeout(timer);
    timer = setTimeout(() => stalled.abort(), STALL_MS);
  };
  try {
    const response = await fetch(new URL(path, address), {
      headers: { ...session.sign('GET', path), ...(have > 0 ? { range: `bytes=${have}-` } : {}) },
      redirect: 'error',
      signal: AbortSignal.any([signal, stalled.signal]),
    });
    // The part is whole already: the process ended between the last byte and the check.
    if (response.status === 416 && have > 0) return void (await response.body?.cancel());
    if (!response.ok || response.body === null) throw await refusal(response);
    const start = response.status === 206 ? have : 0;
    const total = start + Number(response.headers.get('content-length') ?? 0);
    if (total > maxBytes) throw tooLarge(maxBytes);
    await writing(part, async () => {
      const file = await open(part, start === 0 ? 'w' : 'a', 0o600);
      try {
        let done = start;
        for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
          moved();
          done += chunk.length;
          if (done > maxBytes) throw tooLarge(maxBytes);
          await file.appendFile(chunk);
          onProgress?.(done, total);
        }
        await file.sync();
      } finally {
        await file.close();
      }
    });
  } catch (error) {
    throw explainWriteError(error, part);
  } finally {
    clearTimeout(timer);
  }
}

async function refusal(response: Response): Promise<HansaError> {
  const problem = problemSchema.safeParse(await response.json().catch(() => undefined));
  // 401: the session ended while the request was on its way; the next one is signed again.
  if (problem.success && response.status !== 401) return fromProblem(problem.data);
  const retry = response.status >= 500 || response.status === 401;
  return new HansaError(
    retry ? 'Unavailable' : 'NotFound',
    `The coordinator answered ${response.status} to a download.`,
  );
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}

const tooLarge = (maxBytes: number): HansaError =>
  new HansaError('PayloadTooLarge', `The model is larger than the ${maxBytes} bytes that its task allows.`);
