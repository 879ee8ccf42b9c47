import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { listenLocally } from '@hansa/shared/testing';
import { WebSocket, WebSocketServer } from 'ws';

/** Engine.IO's packets, protocol 4: the server pings, the client answers. */
const ping = '2';
const pong = '3';

/** What stands among a node's messages for its answer to this proxy's ping. */
export const answerToPing = 'answer to a ping';

/** One thing that a node sent to the coordinator. */
export interface Received {
  /** `PATCH /v1/uploads/…`, or `websocket`. */
  readonly where: string;
  readonly bytes: Uint8Array;
}

/**
 * Stands between nodes and a coordinator and keeps every byte that nodes send: request lines, headers and bodies of HTTP, and the messages of
 * web sockets. It pings a node, in the name of the coordinator, after each message that `pingsAfter` picks.
 */
export class RecordingProxy {
  address = '';
  readonly received: Received[] = [];
  /** Of each web socket the node's messages as text, in order, {@link answerToPing} where it answered a ping of this proxy. */
  readonly conversations: string[][] = [];
  readonly #server: Server;
  readonly #target: URL;
  readonly #pingsAfter: (message: string) => boolean;
  readonly #sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });

  private constructor(target: string, pingsAfter: (message: string) => boolean) {
    this.#target = new URL(target);
    this.#pingsAfter = pingsAfter;
    this.#server = createServer((incoming, answer) => {
      const chunks: Buffer[] = [];
      const { method, url, headers } = incoming;
      const onward = request(new URL(url ?? '/', this.#target), { method, headers }, (response) => {
        answer.writeHead(response.statusCode ?? 502, response.headers);
        response.pipe(answer);
      });
      onward.on('error', () => answer.destroy());
      answer.on('close', () => onward.destroy());
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => this.#keep(`${method} ${url}`, [headText(incoming), ...chunks]));
      incoming.pipe(onward);
    });
    this.#server.on('upgrade', (incoming, socket, head) => this.#upgraded(incoming, socket, head));
  }

  static async start(target: string, pingsAfter: (message: string) => boolean): Promise<RecordingProxy> {
    const proxy = new RecordingProxy(target, pingsAfter);
    proxy.address = await listenLocally(proxy.#server);
    return proxy;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #upgraded(incoming: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#keep(`upgrade ${incoming.url}`, [headText(incoming)]);
    this.#sockets.handleUpgrade(incoming, socket, head, (node) => {
      const coordinator = new WebSocket(new URL(incoming.url ?? '/', this.#target));
      const opened = once(coordinator, 'open');
      const conversation: string[] = [];
      this.conversations.push(conversation);
      let openPings = 0;
      node.on('message', (message: Buffer, binary) => {
        const said = message.toString();
        if (said === pong && openPings > 0) {
          openPings -= 1;
          conversation.push(answerToPing);
          return;
        }
        conversation.push(said);
        this.#keep('websocket', [message]);
        void opened.then(
          () => coordinator.send(message, { binary }),
          () => node.terminate(),
        );
        if (!this.#pingsAfter(said)) return;
        openPings += 1;
        node.send(ping);
      });
      coordinator.on('message', (message: Buffer, binary) => node.send(message, { binary }));
      for (const [end, other] of [
        [node, coordinator],
        [coordinator, node],
      ] as const) {
        end.on('error', () => undefined);
        end.on('close', () => other.terminate());
      }
    });
  }

  #keep(where: string, parts: readonly (Buffer | string)[]): void {
    this.received.push({ where, bytes: Buffer.concat(parts.map((part) => Buffer.from(part as Buffer))) });
  }
}

function headText({ method, url, httpVersion, rawHeaders }: IncomingMessage): string {
  const lines = Array.from(
    { length: rawHeaders.length / 2 },
    (_, i) => `${rawHeaders[2 * i]}: ${rawHeaders[2 * i + 1]}`,
  );
  return `${method} ${url} HTTP/${httpVersion}\r\n${lines.join('\r\n')}\r\n\r\n`;
}
