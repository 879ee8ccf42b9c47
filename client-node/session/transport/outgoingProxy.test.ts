import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@hansa/shared/clock';
import { createLogger } from '@hansa/shared/log';
import { systemRandom } from '@hansa/shared/random';
import { listenLocally } from '@hansa/shared/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { NodeIdentity } from '../../ledger/identity.ts';
import { fetchThroughProxies, proxyFor, proxyVariables } from './outgoingProxy.ts';
import { SocketConnection } from './socketConnection.ts';
import { upload } from './upload.ts';

const signal = new AbortController().signal;

describe('the outgoing proxy', () => {
  let target: Server;
  let proxy: Server;
  /** What each was asked, as "METHOD URL". */
  let atTarget: string[];
  let atProxy: string[];
  beforeEach(async () => {
    for (const name of [...proxyVariables, 'NO_PROXY', 'no_proxy']) vi.stubEnv(name, '');
    atTarget = [];
    atProxy = [];
    let received = 0;
    target = createServer(async (request, response) => {
      atTarget.push(`${request.method} ${request.url}`);
      for await (const chunk of request) received += (chunk as Buffer).length;
      response.writeHead(request.method === 'PATCH' ? 204 : request.method === 'HEAD' ? 200 : 403, {
        'upload-offset': received,
        'upload-length': 5,
        'tus-resumable': '1.0.0',
      });
      response.end();
    });
    target.on('upgrade', (request, socket) => {
      atTarget.push(`UPGRADE ${request.url}`);
      socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n');
    });
    const { port } = new URL(await listenLocally(target));
    proxy = createServer((request, response) => {
      atProxy.push(`${request.method} ${request.url}`);
      response.writeHead(403).end();
    });
    // Names are looked up by the proxy alone: nobody else could know coordinator.example.
    proxy.on('connect', (request, socket, head) => {
      atProxy.push(`CONNECT ${request.url}`);
      if (request.url?.startsWith('coordinator.example:') !== true || request.url.endsWith(':443')) {
        socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
        return;
      }
      const up = connect(Number(port), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
        up.write(head);
        up.pipe(socket).pipe(up);
      });
      for (const end of [up, socket]) end.on('error', () => [up, socket].map((one) => one.destroy()));
      socket.on('close', () => up.destroy());
    });
    await listenLocally(proxy);
    const named = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    vi.stubEnv('HTTP_PROXY', named);
    vi.stubEnv('HTTPS_PROXY', named);
    await fetchThroughProxies();
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    for (const server of [proxy, target]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it('is used by fetch, and https is asked for through CONNECT', async () => {
    expect((await fetch('http://coordinator.example/livez')).status).toBe(403);
    expect([atProxy, atTarget]).toEqual([['CONNECT coordinator.example:80'], ['GET /livez']]);
    await expect(fetch('https://coordinator.example/livez')).rejects.toThrow();
    expect(atProxy.at(-1)).toBe('CONNECT coordinator.example:443');
    // This machine itself is never asked for through a proxy.
    const { port } = target.address() as AddressInfo;
    expect((await fetch(`http://127.0.0.1:${port}/direct`)).status).toBe(403);
    expect([atProxy.length, atTarget.at(-1)]).toEqual([2, 'GET /direct']);
  });

  it('is used by uploads', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'hansa-proxy-'));
    try {
      const file = join(folder, 'vector');
      writeFileSync(file, 'bytes');
      await upload({
        address: 'http://coordinator.example',
        sessions: { session: async () => ({ sign: () => ({}) }) },
        path: '/v1/uploads/a',
        file,
        sizeBytes: 5,
        signal,
      });
      expect(atTarget).toEqual(['HEAD /v1/uploads/a', 'PATCH /v1/uploads/a']);
      expect(new Set(atProxy)).toEqual(new Set(['CONNECT coordinator.example:80']));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('is used by both transports of the socket', async () => {
    const connection = new SocketConnection({
      address: 'http://coordinator.example',
      identity: {} as NodeIdentity,
      random: systemRandom,
      clock: systemClock,
      log: createLogger('client-node', 'silent'),
      handlers: {
        ready: () => undefined,
        lost: () => undefined,
        refused: () => undefined,
        message: async () => undefined,
      },
    });
    connection.open();
    try {
      await expect.poll(() => atTarget).toContainEqual(expect.stringMatching(/^UPGRADE .*transport=websocket/));
      await expect.poll(() => atTarget).toContainEqual(expect.stringMatching(/^GET .*transport=polling/));
    } finally {
      connection.close();
    }
  });

  it.each([
    ['coordinator.example', undefined],
    ['.example', undefined],
    ['*', undefined],
    ['other.example,coordinator.example:9', '127.0.0.1'],
    ['', '127.0.0.1'],
  ])('with NO_PROXY=%s is %s', (noProxy, expected) => {
    vi.stubEnv('NO_PROXY', noProxy);
    expect(proxyFor('https://coordinator.example')?.hostname).toBe(expected);
  });

  it.each(['socks5://proxy.example:1080', 'http://:secret@'])('is refused as %s, its password untold', (named) => {
    vi.stubEnv('HTTPS_PROXY', named);
    expect(() => proxyFor('https://coordinator.example')).toThrow(/HTTPS_PROXY.*http:\/\/proxy\.example:3128/);
    expect(() => proxyFor('https://coordinator.example')).not.toThrow(/secret/);
  });
});
