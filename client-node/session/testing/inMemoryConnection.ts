import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { HansaError } from '@hansa/shared/errors';
import type { Connection, ConnectionHandlers, Download, FileUpload } from '../connection.ts';

/** The coordinator's end of in-memory connections. */
export interface OtherEnd {
  /** Models by their hash. */
  readonly blobs: ReadonlyMap<string, Uint8Array>;
  connected(node: number): void;
  received(node: number, name: string, wire: unknown): Promise<unknown>;
  uploaded(node: number, path: string, bytes: Uint8Array): void;
}

/** A connection whose other end is the test's coordinator. It breaks and comes back when the test says so. */
export class InMemoryConnection implements Connection {
  readonly handlers: ConnectionHandlers;
  readonly sent: { name: string; body: unknown }[] = [];
  readonly #otherEnd: OtherEnd;
  readonly #node: number;
  readonly #waiters = new Set<() => void>();
  #up = false;
  #closed = false;
  /** Set by the test. */
  clockOffsetMs: number | undefined;

  constructor(otherEnd: OtherEnd, node: number, handlers: ConnectionHandlers) {
    this.#otherEnd = otherEnd;
    this.#node = node;
    this.handlers = handlers;
  }

  open(): void {
    this.connect();
  }

  close(): void {
    this.#closed = true;
    this.#up = false;
  }

  get isUp(): boolean {
    return this.#up;
  }

  connect(): void {
    if (this.#closed) return;
    this.#up = true;
    this.handlers.ready();
    for (const waiter of [...this.#waiters]) waiter();
    this.#otherEnd.connected(this.#node);
  }

  /** What is under way is lost, as on a broken connection. */
  break(): void {
    this.#up = false;
    this.handlers.lost('the test broke it');
  }

  async ready(signal: AbortSignal): Promise<void> {
    while (!this.#up) {
      await new Promise<void>((resolve, reject) => {
        const done = () => {
          this.#waiters.delete(done);
          signal.removeEventListener('abort', stop);
          resolve();
        };
        const stop = () => reject(signal.reason);
        this.#waiters.add(done);
        signal.addEventListener('abort', stop, { once: true });
      });
    }
  }

  async send(name: string, body: unknown): Promise<unknown> {
    if (!this.#up) throw new HansaError('ConnectionLost', 'The test broke the connection.');
    const wire: unknown = JSON.parse(JSON.stringify(body));
    this.sent.push({ name, body: wire });
    return this.#otherEnd.received(this.#node, name, wire);
  }

  async download({ hash, path, maxBytes }: Download): Promise<void> {
    const bytes = this.#otherEnd.blobs.get(hash);
    if (bytes === undefined) throw new HansaError('NotFound', `There is no blob ${hash}.`);
    if (bytes.length > maxBytes) throw new HansaError('PayloadTooLarge', 'too large');
    await writeFile(path, bytes);
  }

  async upload({ path, file, sizeBytes, onProgress }: FileUpload): Promise<void> {
    await this.ready(new AbortController().signal);
    onProgress?.(sizeBytes, sizeBytes);
    this.#otherEnd.uploaded(this.#node, path, new Uint8Array(readFileSync(file)));
  }
}
