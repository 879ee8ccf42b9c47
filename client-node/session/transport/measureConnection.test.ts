import { createServer, type Server, type ServerResponse } from 'node:http';
import { systemRandom } from '@hansa/shared/random';
import { listenLocally } from '@hansa/shared/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { measureConnection } from './measureConnection.ts';

describe('measureConnection', () => {
  let server: Server;
  let address: string;
  /** Bytes of the last request's body. */
  let taken: number;
  let down: (bytes: number, response: ServerResponse) => void;
  let up: (response: ServerResponse) => void;
  /** Resolves once the other side has hung up on an answer. */
  let cutShort: Promise<void>;

  beforeEach(async () => {
    down = (bytes, response) => void response.end(Buffer.alloc(bytes));
    up = (response) => void response.end('{}');
    let cut: () => void = () => undefined;
    cutShort = new Promise((resolve) => {
      cut = resolve;
    });
    server = createServer(async (request, response) => {
      response.on('close', () => {
        if (!response.writableFinished) cut();
      });
      taken = 0;
      for await (const chunk of request) taken += (chunk as Buffer).length;
      if (request.method === 'POST') up(response);
      else down(Number(request.url?.split('/').at(-1)), response);
    });
    address = await listenLocally(server);
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const measure = () =>
    measureConnection({
      address,
      session: { sign: () => ({}) },
      random: systemRandom,
      signal: new AbortController().signal,
    });
  const endlessly = (response: ServerResponse) => {
    const more = () => {
      while (response.write(Buffer.alloc(64 * 1024)));
    };
    response.on('drain', more);
    more();
  };

  it('gives the speed of both directions', async () => {
    expect(await measure()).toEqual({ upBitsPerSecond: expect.any(Number), downBitsPerSecond: expect.any(Number) });
  });

  it.each<[string, typeof down]>([
    ['fewer', (bytes, response) => void response.end(Buffer.alloc(bytes - 1))],
    ['more', (bytes, response) => void response.end(Buffer.alloc(bytes + 1))],
    ['no', (_, response) => void response.end()],
  ])('takes %s bytes than asked for as no offer', async (_, answer) => {
    down = answer;
    expect(await measure()).toBeUndefined();
  });

  it.each(['sent for', 'told of what it took'])('hangs up on a coordinator that never stops, %s', async (what) => {
    if (what === 'sent for') down = (_, response) => endlessly(response);
    else up = endlessly;
    expect(await measure()).toBeUndefined();
    await cutShort;
  });

  it('sends once more what broke off on its way', async () => {
    let broken = false;
    up = (response) => {
      if (broken) return void response.end('{}');
      broken = true;
      response.destroy();
    };
    expect(await measure()).toEqual({ upBitsPerSecond: expect.any(Number), downBitsPerSecond: expect.any(Number) });
    expect(broken).toBe(true);
  });

  it('names a limit on bodies between', async () => {
    up = (response) => {
      if (taken > 1024 * 1024) response.writeHead(413, { 'content-type': 'text/html' });
      response.end('<html>');
    };
    await expect(measure()).rejects.toMatchObject({
      code: 'PayloadTooLarge',
      message: expect.stringMatching(/Something between .* 2097152 bytes \(413\): raise its limit/),
    });
  });

  it('takes a refusal as no offer', async () => {
    up = (response) => void response.writeHead(404).end('none');
    expect(await measure()).toBeUndefined();
  });
});
