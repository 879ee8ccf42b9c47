import { createServer, type Server } from 'node:http';
import { listenLocally } from '@hansa/shared/testing';
import { io } from 'socket.io-client';
import { afterEach, describe, expect, it } from 'vitest';
import { failureCause } from './failureCause.ts';

describe('failureCause', () => {
  let server: Server | undefined;
  afterEach(async () => {
    server?.closeAllConnections();
    await new Promise<void>((resolve) => (server === undefined ? resolve() : server.close(() => resolve())));
    server = undefined;
  });

  /** An address where nothing listens: a server was there a moment ago. */
  const closedAddress = async () => {
    const closing = createServer();
    const address = await listenLocally(closing);
    await new Promise((resolve) => closing.close(resolve));
    return address;
  };
  const ofFetch = (address: string) => fetch(address).then(() => 'it answered', failureCause);
  const ofSocket = (address: string, transports: string[]) =>
    new Promise<string>((resolve) => {
      const socket = io(address, { forceNew: true, reconnection: false, transports, tryAllTransports: true });
      socket.on('connect_error', (error) => {
        socket.disconnect();
        resolve(failureCause(error));
      });
    });

  const transports = [['websocket'], ['polling'], ['websocket', 'polling']];

  it('is the same for a request and for either transport of Socket.IO', async () => {
    const address = await closedAddress();
    const words = await ofFetch(address);
    expect(words).toMatch(/^ECONNREFUSED: nothing listens there/);
    for (const some of transports) expect(await ofSocket(address, some)).toBe(words);
  });

  it('tells the status where something else answers', async () => {
    server = createServer((_, response) => response.writeHead(502, { 'content-type': 'text/html' }).end('<html>'));
    const address = await listenLocally(server);
    expect(await ofSocket(address, ['polling'])).toMatch(/^HTTP status 502, .* something between answers/);
    expect(await ofSocket(address, ['websocket', 'polling'])).toMatch(/^HTTP status 502/);
  });

  it.each(['DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'])(
    'names NODE_EXTRA_CA_CERTS for %s',
    (code) => {
      const inner = Object.assign(new Error('self-signed certificate'), { code });
      const words = new RegExp(`^${code}: .*NODE_EXTRA_CA_CERTS`);
      expect(failureCause(new TypeError('fetch failed', { cause: inner }))).toMatch(words);
      expect(
        failureCause(Object.assign(new Error('xhr poll error'), { description: 0, context: { statusText: inner } })),
      ).toMatch(words);
    },
  );

  it('finds the cause among several tries, and gives the message where there is no code', () => {
    const refused = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
    expect(failureCause(new TypeError('fetch failed', { cause: new AggregateError([refused], '') }))).toMatch(
      /^ECONNREFUSED/,
    );
    expect(failureCause(new Error('timeout'))).toBe('timeout');
    expect(failureCause(undefined)).toBe('no reason given');
  });

  it('ends where an error is its own cause', () => {
    const error: Error & { cause?: unknown } = new Error('round and round');
    error.cause = error;
    expect(failureCause(error)).toBe('round and round');
  });
});
