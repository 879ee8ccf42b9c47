import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@hansa/shared/clock';
import { HansaError, toProblem } from '@hansa/shared/errors';
import { listenLocally } from '@hansa/shared/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { probeCoordinator } from './probeCoordinator.ts';
import { upload } from './upload.ts';

const signal = new AbortController().signal;

describe('an answer from between', () => {
  let server: Server;
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'hansa-between-'));
    writeFileSync(join(folder, 'vector'), 'bytes');
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true });
  });
  const listen = (answer: RequestListener) => {
    server = createServer(answer);
    return listenLocally(server);
  };
  /** Uploads to a server that answers PATCH with this. */
  const uploadTo = async (status: number, body: string) => {
    const address = await listen((request, response) => {
      const head = { 'upload-offset': 0, 'upload-length': 5, 'tus-resumable': '1.0.0' };
      if (request.method === 'HEAD') response.writeHead(200, head).end();
      else request.resume().on('end', () => response.writeHead(status).end(body));
    });
    const sessions = { session: async () => ({ sign: () => ({}) }) };
    return upload({ address, sessions, path: '/v1/uploads/a', file: join(folder, 'vector'), sizeBytes: 5, signal });
  };

  it('of 413 to an upload names the limit, and is not tried again', async () => {
    await expect(uploadTo(413, '<html>')).rejects.toMatchObject({
      code: 'PayloadTooLarge',
      retry: false,
      message: expect.stringMatching(/^Something between .* 5 bytes \(413\): raise its limit/),
    });
  });

  it('is told from the coordinator by its problem document', async () => {
    const problem = toProblem(new HansaError('PayloadTooLarge', 'The vector is too long.'));
    await expect(uploadTo(413, JSON.stringify(problem))).rejects.toMatchObject({ message: 'The vector is too long.' });
  });

  it('of 502 is tried again', async () => {
    await expect(uploadTo(502, '<html>')).rejects.toMatchObject({
      code: 'Unavailable',
      retry: true,
      message: expect.stringMatching(/^Something between .* 502/),
    });
  });

  it.each([200, 502])('that is a web page with status %d is no coordinator', async (status) => {
    const address = await listen((_, response) => {
      response.writeHead(status, { 'content-type': 'text/html; charset=utf-8' }).end('<html>');
    });
    await expect(probeCoordinator(address, systemClock, signal)).rejects.toMatchObject({
      code: 'ConnectionLost',
      message: expect.stringMatching(/a web page answers .* login page/),
    });
  });
});
