import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { HansaError } from '@hansa/shared/errors';
import { httpSignatureHeaders } from '@hansa/shared/protocol';
import { enc } from '@hansa/shared/protocol/secagg';
import type { Request } from './uploadServer.ts';
import { clientOf, configOf, federation, vectorOf } from './vector.ts';

const program = fileURLToPath(new URL('uploadServer.mjs', import.meta.url));

/** The server of `uploadServer.ts` in a process of its own, and clients of it in this one. */
export class UploadServerProcess {
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #vector: ReturnType<typeof vectorOf>;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #counters = new Map<number, number>();
  #port = 0;

  private constructor(clients: number, params: number) {
    this.#folder = mkdtempSync(path.join(tmpdir(), 'hansa-bench-fold-'));
    // The option is a coordinator's own.
    this.#child = fork(program, { execArgv: ['--max-semi-space-size=1'] });
    this.#vector = vectorOf(configOf(clients, params));
  }

  /** Runs `work` with a server for so many clients, which is gone with all its files when the work is over. */
  static async with<T>(clients: number, params: number, work: (server: UploadServerProcess) => Promise<T>): Promise<T> {
    const server = new UploadServerProcess(clients, params);
    const interrupted = () => void server.#end().then(() => process.exit(130));
    process.once('SIGINT', interrupted);
    try {
      server.#port = await server.#ask<number>({ type: 'start', folder: server.#folder, clients, params });
      return await work(server);
    } finally {
      process.off('SIGINT', interrupted);
      await server.#end();
    }
  }

  /** The vectors of these clients, so many at once; resolves when the last one is taken. */
  async upload(clients: readonly number[], atOnce: number, isFolded: boolean): Promise<void> {
    const left = [...clients];
    const lane = async () => {
      for (let client = left.shift(); client !== undefined; client = left.shift()) {
        await this.#send(client, await this.#ask<string>({ type: 'order', client, isFolded }));
      }
    };
    await Promise.all(Array.from({ length: atOnce }, lane));
  }

  discard(): Promise<void> {
    return this.#ask({ type: 'discard' });
  }

  open(): Promise<number> {
    return this.#ask({ type: 'open' });
  }

  /** The most memory that the server ever had resident (VmHWM), in bytes; only Linux tells. */
  peakRssBytes(): number {
    const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.#child.pid}/status`, 'utf8'));
    if (peak === null) throw failed('This system does not tell the peak memory of a process.');
    return Number(peak[1]) * 1024;
  }

  #asking: Promise<unknown> = Promise.resolve();

  /** One request at a time: the server answers in their order. */
  #ask<T>(message: Request): Promise<T> {
    const answer = this.#asking.then(
      () =>
        new Promise<T>((resolve, reject) => {
          const ended = () => reject(failed('The server ended early.'));
          this.#child.once('exit', ended);
          this.#child.once('message', (reply: { value?: T; error?: string }) => {
            this.#child.off('exit', ended);
            if (reply.error === undefined) resolve(reply.value as T);
            else reject(failed(`The server failed:\n${reply.error}`));
          });
          this.#child.send(message);
        }),
    );
    this.#asking = answer.catch(() => undefined);
    return answer;
  }

  async #send(client: number, target: string): Promise<void> {
    const { sizeBytes, chunks } = this.#vector;
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const sent = request(
        {
          agent: this.#agent,
          host: '127.0.0.1',
          port: this.#port,
          path: target,
          method: 'PATCH',
          headers: {
            ...this.#signed(client, 'PATCH', target),
            'tus-resumable': '1.0.0',
            'upload-offset': '0',
            'content-type': 'application/offset+octet-stream',
            'content-length': sizeBytes,
          },
        },
        (response) => {
          response.resume();
          response.once('end', () => resolve(response.statusCode));
        },
      );
      sent.once('error', reject);
      pipeline(Readable.from(chunks()), sent).catch(reject);
    });
    if (status !== 204) throw failed(`An upload was answered with ${status}.`);
  }

  #signed(client: number, method: string, target: string): Record<string, string> {
    const { key, sessionId } = clientOf(client);
    const counter = String((this.#counters.get(client) ?? 0) + 1);
    this.#counters.set(client, Number(counter));
    const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url');
    return {
      [httpSignatureHeaders.sessionId]: text(sessionId),
      [httpSignatureHeaders.counter]: counter,
      [httpSignatureHeaders.signature]: text(key.sign('http', enc(federation, sessionId, counter, method, target))),
    };
  }

  async #end(): Promise<void> {
    this.#agent.destroy();
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exited = new Promise((resolve) => this.#child.once('exit', resolve));
      this.#child.kill('SIGKILL');
      await exited;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const failed = (message: string): HansaError => new HansaError('ProcessFailed', message);
