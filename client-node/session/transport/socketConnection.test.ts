import { createServer, type RequestListener, type Server } from 'node:http';
import { systemClock } from '@hansa/shared/clock';
import { createLogger } from '@hansa/shared/log';
import { systemRandom } from '@hansa/shared/random';
import { listenLocally } from '@hansa/shared/testing';
import { afterEach, describe, expect, it } from 'vitest';
import type { NodeIdentity } from '../../ledger/identity.ts';
import { SocketConnection } from './socketConnection.ts';

describe('SocketConnection', () => {
  let server: Server;
  let connection: SocketConnection;
  afterEach(async () => {
    connection.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  /** Connects to a server that is no coordinator; gives the reasons for which the connection is lost. */
  const connectTo = async (answer: RequestListener): Promise<string[]> => {
    server = createServer(answer);
    const reasons: string[] = [];
    connection = new SocketConnection({
      address: await listenLocally(server),
      identity: {} as NodeIdentity,
      random: systemRandom,
      clock: systemClock,
      log: createLogger('client-node', 'silent'),
      handlers: {
        ready: () => undefined,
        lost: (reason) => void reasons.push(reason),
        refused: () => undefined,
        message: async () => undefined,
      },
    });
    connection.open();
    return reasons;
  };

  it.each([-172_800_000, 172_800_000])('knows that its clock is %d ms off before it is connected', async (offsetMs) => {
    await connectTo((_, response) => {
      response.setHeader('date', new Date(Date.now() - offsetMs).toUTCString());
      response.end();
    });
    await expect.poll(() => connection.clockOffsetMs).toBeDefined();
    expect(Math.abs(connection.clockOffsetMs! - offsetMs)).toBeLessThan(60_000);
  });

  it('says what answers in the place of a coordinator', async () => {
    const reasons = await connectTo((_, response) => void response.writeHead(502).end('<html>'));
    await expect.poll(() => reasons[0]).toMatch(/^HTTP status 502/);
    expect(connection.clockOffsetMs).toBeUndefined();
  });
});
