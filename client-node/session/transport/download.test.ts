import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HansaError, toProblem } from '@hansa/shared/errors';
import { seededRandom } from '@hansa/shared/random';
import { listenLocally } from '@hansa/shared/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { download } from './download.ts';

const content = Buffer.from(seededRandom('model').bytes(300_000));
const hash = createHash('sha256').update(content).digest('hex');

describe('download', () => {
  let folder: string;
  let path: string;
  let server: Server;
  let address: string;
  let requests: { range: string | undefined; signed: string | undefined }[];
  let answer: (request: IncomingMessage, response: ServerResponse) => void;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'hansa-download-'));
    path = join(folder, 'model');
    requests = [];
    server = createServer((request, response) => {
      requests.push({ range: request.headers.range, signed: request.headers['x-signed'] as string | undefined });
      answer(request, response);
    });
    address = await listenLocally(server);
    answer = serve;
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true });
  });

  let signatures = 0;
  const sessions = {
    session: async () => ({ sign: (): Record<string, string> => ({ 'x-signed': String(++signatures) }) }),
  };
  const start = (change: object = {}) =>
    download({ address, sessions, hash, path, maxBytes: 1e6, signal: new AbortController().signal, ...change });
  const fileNames = () => readdirSync(folder);

  function serve(request: IncomingMessage, response: ServerResponse): void {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    if (from >= content.length) {
      response.writeHead(416).end();
      return;
    }
    response.writeHead(from > 0 ? 206 : 200, { 'content-length': content.length - from });
    response.end(content.subarray(from));
  }

  it('fetches a whole model, signs the request and leaves nothing beside it', async () => {
    const seen: number[] = [];
    await start({ onProgress: (done: number) => seen.push(done) });
    expect(readFileSync(path).equals(content)).toBe(true);
    expect(fileNames()).toEqual(['model']);
    expect(requests).toEqual([{ range: undefined, signed: expect.any(String) }]);
    expect(seen.at(-1)).toBe(content.length);
  });

  it('goes on where it was cut off, each time signed again', async () => {
    let cuts = 2;
    answer = (request, response) => {
      if (cuts-- === 0) return serve(request, response);
      const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
      response.writeHead(from > 0 ? 206 : 200, { 'content-length': content.length - from });
      response.write(content.subarray(from, from + 100_000), () => setImmediate(() => response.destroy()));
    };
    await start();
    expect(readFileSync(path).equals(content)).toBe(true);
    expect(requests).toHaveLength(3);
    expect(requests[0]?.range).toBeUndefined();
    expect(requests[2]?.range).toMatch(/^bytes=\d+-$/);
    expect(new Set(requests.map(({ signed }) => signed)).size).toBe(3);
  });

  it('takes up what an earlier process left, however much', async () => {
    for (const length of [1, 150_000, content.length]) {
      writeFileSync(`${path}.part`, content.subarray(0, length));
      await start();
      expect(readFileSync(path).equals(content)).toBe(true);
    }
  });

  it('starts over where what was left is not a part of it', async () => {
    writeFileSync(`${path}.part`, Buffer.alloc(1000));
    await start();
    expect(readFileSync(path).equals(content)).toBe(true);
  });

  it('throws a wrong model away', async () => {
    await expect(start({ hash: 'ab'.repeat(32) })).rejects.toMatchObject({ code: 'WrongHash' });
    expect(fileNames()).toEqual([]);
  });

  it.each([
    ['announced', true],
    ['unannounced', false],
  ])('breaks off a model that is too large, %s', async (_what, announced) => {
    answer = (_request, response) => {
      response.writeHead(200, announced ? { 'content-length': content.length } : {});
      response.end(content);
    };
    await expect(start({ maxBytes: 100_000 })).rejects.toMatchObject({ code: 'PayloadTooLarge' });
  });

  it('passes a refusal on, and tries again after one that may pass', async () => {
    const refusals = [new HansaError('Unavailable', 'later'), new HansaError('NotFound', 'no such blob')];
    answer = (_request, response) => {
      const problem = toProblem(refusals.shift());
      response.writeHead(problem.status, { 'content-type': 'application/problem+json' });
      response.end(JSON.stringify(problem));
    };
    await expect(start()).rejects.toMatchObject({ code: 'NotFound', message: 'no such blob' });
    expect(requests).toHaveLength(2);
  });

  it('stops when it is told to', async () => {
    const stop = new AbortController();
    answer = (_request, response) => {
      response.writeHead(200, { 'content-length': content.length });
      response.write(content.subarray(0, 10), () => stop.abort(new HansaError('Interrupted', 'stopped')));
    };
    await expect(start({ signal: stop.signal })).rejects.toMatchObject({ code: 'Interrupted' });
    expect(fileNames()).not.toContain('model');
  });
});
