import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';

/** Engine.IO's packets, protocol 4: the server pings, the client answers. */
const ping = '2';
const pong = '3';

/** One thing that a node sent to the coordinator. */
export interface Received {
  /** `PATCH /v1/uploads/…`, or `websocket`. */
  readonly where: string;
  readonly bytes: Uint8Array;
}

/**
 * Stands between nodes and a coordinator and keeps every byte that nodes send: request lines, headers and bodies of HTTP, and the messages of
 * web sockets.
 */
export class RecordingProxy {
  readonly received: Received[] = [];
  readonly #server: Server;
  readonly #target: URL;
  /** Nodes that were asked for a sign of life. */
  readonly #pings = new Map<WebSocket, () => void>();
  readonly #sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });

  private constructor(target: string) {
    this.#target = new URL(target);
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

  static async start(target: string): Promise<RecordingProxy> {
    const proxy = new RecordingProxy(target);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Asks every node for a sign of life in the name of the coordinator; resolves to the milliseconds that the slowest took. */
  async ping(): Promise<number> {
    const beganMs = performance.now();
    const answers = [...this.#sockets.clients].map(
      (node) =>
        new Promise<void>((resolve) => {
          this.#pings.set(node, resolve);
          node.once('close', resolve);
          node.send(ping);
        }),
    );
    await Promise.all(answers);
    return performance.now() - beganMs;
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
      node.on('message', (message: Buffer, binary) => {
        const answered = message.length === 1 && message.toString() === pong ? this.#pings.get(node) : undefined;
        if (answered !== undefined) {
          this.#pings.delete(node);
          return answered();
        }
        this.#keep('websocket', [message]);
        void opened.then(
          () => coordinator.send(message, { binary }),
          () => node.terminate(),
        );
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
