import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, rm, stat, truncate, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { equalBytes } from '@hansa/shared/crypto';
import { type ErrorCode, HansaError, type Problem, problemSchema, toProblem } from '@hansa/shared/errors';
import { giveBack } from '@hansa/shared/memory';
import { DataStore, ERRORS, Server, Upload as TusUpload } from '@tus/server';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Metrics } from '../metrics/createMetrics.ts';
import type { ByteLedger } from '../round/byteLedger.ts';
import type { Upload, UploadDesk, UploadOrder } from '../round/ports.ts';
import { isStorageFull, storageFault } from '../storage/faults.ts';
import { type AuthPorts, nodeOf } from './authentication.ts';
import { sendProblem } from './problems.ts';

const UPLOADS_PATH = '/v1/uploads';
const CHUNK_BYTES = 256 * 1024;
/** How often the same node may send bytes that do not hash as it signed, before it is given up. */
const WRONG_HASH_LIMIT = 3;

export interface UploadPorts extends AuthPorts {
  readonly bytes: ByteLedger;
  readonly metrics: Metrics;
}

interface Entry {
  readonly id: string;
  readonly order: UploadOrder;
  readonly file: string;
  readonly requests: Set<IncomingMessage>;
  wrongHashes: number;
  closed: boolean;
  /** Set once all bytes were there and were being taken. */
  finishing: Promise<void> | undefined;
}

/**
 * Masked vectors on their way in: the tus protocol (HEAD and PATCH) over files of one spool folder.
 *
 * An upload exists because a round ordered it, for one node, of one length and hash; nothing else can be sent here. Every byte goes straight to disk, and then to whom
 * the upload was ordered by.
 */
export class Uploads implements UploadDesk {
  readonly #ports: UploadPorts;
  readonly #entries = new Map<string, Entry>();
  readonly #store: SpoolStore;
  readonly #tus: Server;

  private constructor(folder: string, ports: UploadPorts) {
    this.#ports = ports;
    this.#store = new SpoolStore(folder, {
      received: (id, offset, chunk) => this.#received(id, offset, chunk),
      full: (id, error) => this.#full(id, error),
    });
    this.#tus = new Server({
      path: UPLOADS_PATH,
      datastore: this.#store,
      allowedOrigins: [],
      onUploadFinish: async (_request, upload) => {
        await this.#finish(this.#entries.get(upload.id));
        return {};
      },
      onResponseError: (_request, error) => problemResponse(error),
    });
  }

  /** Opens the spool; what an earlier process left there goes. */
  static async open(folder: string, ports: UploadPorts): Promise<Uploads> {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return new Uploads(folder, ports);
  }

  async order(order: UploadOrder): Promise<Upload> {
    const id = randomUUID();
    const file = this.#store.fileOf(id);
    await this.#store.open(id, order.sizeBytes);
    const entry: Entry = {
      id,
      order,
      file,
      requests: new Set(),
      wrongHashes: 0,
      closed: false,
      finishing: undefined,
    };
    this.#entries.set(id, entry);
    return { path: `${UPLOADS_PATH}/${id}`, file, discard: () => this.#discard(entry) };
  }

  /** HEAD and PATCH /v1/uploads/ID, signed by the node that the upload was ordered for. */
  routes(app: FastifyInstance): void {
    app.register(async (scope) => {
      // The bytes are not read by Fastify: they are piped to the spool.
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
      scope.route<{ Params: { id: string } }>({
        method: ['HEAD', 'PATCH'],
        url: `${UPLOADS_PATH}/:id`,
        handler: async (request, reply) => {
          const clientId = await nodeOf(request, this.#ports);
          const entry = this.#entries.get(request.params.id);
          if (entry === undefined || entry.closed || entry.order.clientId !== clientId) {
            this.#ports.metrics.updates.inc({ result: 'refused', reason: 'late' });
            throw new HansaError('NotFound', 'There is no such upload: its round is over, or it is for another node.');
          }
          return this.#serve(entry, request, reply);
        },
      });
    });
  }

  async #serve(entry: Entry, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { raw } = request;
    entry.requests.add(raw);
    try {
      const response = await this.#tus.handleWeb(webRequest(request) as never);
      // The bytes may all have come in a request that broke off before they were taken.
      if (request.method === 'HEAD' && response.headers.get('upload-offset') === String(entry.order.sizeBytes)) {
        await this.#finish(entry);
      }
      if (!raw.complete) reply.header('connection', 'close');
      if (response.status >= 400 && request.method !== 'HEAD') return sendProblem(reply, await problemIn(response));
      return await reply.send(response);
    } finally {
      entry.requests.delete(raw);
    }
  }

  #received(id: string, byteOffset: number, chunk: Uint8Array): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#ports.bytes.add(entry.order.clientId, 'up', 'update', chunk.length);
    if (!entry.closed) entry.order.received(byteOffset, chunk);
  }

  #finish(entry: Entry | undefined): Promise<void> {
    if (entry === undefined || entry.closed) {
      return Promise.reject(new HansaError('UnexpectedMessage', 'This vector comes too late: its round is over.'));
    }
    entry.finishing ??= this.#takeVector(entry).catch((error: unknown) => {
      entry.finishing = undefined;
      throw error;
    });
    return entry.finishing;
  }

  async #takeVector(entry: Entry): Promise<void> {
    const { order } = entry;
    try {
      await assertHash(entry.file, order);
      await order.finished();
    } catch (error) {
      const fault = storageFault(error, 'a masked vector');
      this.#refused(fault);
      entry.wrongHashes += 1;
      const isDamaged = fault instanceof HansaError && fault.code === 'WrongHash';
      if (isDamaged && entry.wrongHashes < WRONG_HASH_LIMIT) {
        await order.deleting(entry.file);
        await truncate(entry.file, 0);
        throw new HansaError('DamagedUpload', `${fault.message} Send it again.`);
      }
      order.failed(fault as Error);
      throw fault;
    }
  }

  #refused(error: unknown): void {
    const code = error instanceof HansaError ? error.code : '';
    const reasons: Record<string, 'wrongHash' | 'wrongLength' | 'storageFull' | 'late'> = {
      WrongHash: 'wrongHash',
      WrongLength: 'wrongLength',
      StorageFull: 'storageFull',
      UnexpectedMessage: 'late',
    };
    this.#ports.metrics.updates.inc({ result: 'refused', reason: reasons[code] ?? 'other' });
  }

  async #discard(entry: Entry): Promise<void> {
    if (entry.closed) return;
    entry.closed = true;
    this.#entries.delete(entry.id);
    for (const request of entry.requests) request.destroy();
    await this.#store.written(entry.id);
    await entry.order.deleting(entry.file);
    await this.#store.remove(entry.id);
  }

  /** The disk had no room: the round goes on without this vector, which makes room for others. */
  #full(id: string, error: Error): void {
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.closed) return;
    this.#refused(error);
    entry.order.failed(error);
  }
}

interface SpoolEvents {
  /** A chunk was written; its bytes are good until this returns. */
  received(id: string, byteOffset: number, chunk: Uint8Array): void;
  full(id: string, error: Error): void;
}

/** Files of the spool, as tus asks for them; a full disk is told as such, and every byte is counted. */
class SpoolStore extends DataStore {
  readonly #folder: string;
  readonly #events: SpoolEvents;
  readonly #sizes = new Map<string, number>();
  readonly #writes = new Map<string, Promise<unknown>>();

  constructor(folder: string, events: SpoolEvents) {
    super();
    this.#folder = folder;
    this.#events = events;
  }

  fileOf(id: string): string {
    return path.join(this.#folder, id);
  }

  /** Makes an empty file that is to hold `sizeBytes`. @throws HansaError StorageFull */
  async open(id: string, sizeBytes: number): Promise<void> {
    try {
      await writeFile(this.fileOf(id), '', { flag: 'wx', mode: 0o600 });
    } catch (error) {
      await rm(this.fileOf(id), { force: true });
      throw storageFault(error, 'a masked vector');
    }
    this.#sizes.set(id, sizeBytes);
  }

  override async remove(id: string): Promise<void> {
    this.#sizes.delete(id);
    await rm(this.fileOf(id), { force: true });
  }

  override async getUpload(id: string): Promise<TusUpload> {
    const size = this.#sizes.get(id);
    if (size === undefined) throw ERRORS.FILE_NOT_FOUND;
    // A request that broke off may still be writing its last chunk.
    await this.written(id);
    return new TusUpload({ id, size, offset: (await stat(this.fileOf(id))).size });
  }

  /** Resolves once no write to the file is under way. */
  async written(id: string): Promise<void> {
    await this.#writes.get(id);
  }

  override async write(readable: Readable, id: string, offset: number): Promise<number> {
    const before = this.#writes.get(id);
    const work = Promise.resolve(before).then(() => this.#append(readable, id, offset));
    const settled = work.then(
      () => undefined,
      () => undefined,
    );
    this.#writes.set(id, settled);
    try {
      return await work;
    } catch (error) {
      const fault = storageFault(error, 'a masked vector');
      if (isStorageFull(error)) this.#events.full(id, fault as Error);
      throw fault;
    } finally {
      if (this.#writes.get(id) === settled) this.#writes.delete(id);
    }
  }

  /** Writes what comes to the end of the file, which must be at `offset`; each chunk is being written while the next one comes. */
  async #append(readable: Readable, id: string, offset: number): Promise<number> {
    const handle = await open(this.fileOf(id), 'r+');
    let reached = offset;
    let writing = Promise.resolve();
    try {
      if ((await handle.stat()).size !== offset) throw ERRORS.INVALID_OFFSET;
      for await (const chunk of readable as AsyncIterable<Uint8Array>) {
        await writing;
        const at = reached;
        reached += chunk.length;
        writing = writeWhole(handle, chunk, at).then(() => {
          this.#events.received(id, at, chunk);
          giveBack(chunk);
        });
        // Whoever waits for it hears of a failure.
        writing.catch(() => undefined);
      }
      await writing;
      return reached;
    } finally {
      await writing.catch(() => undefined);
      await handle.close();
    }
  }
}

async function writeWhole(handle: FileHandle, chunk: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < chunk.length; )
    done += (await handle.write(chunk, done, chunk.length - done, at + done)).bytesWritten;
}

/** Forces a vector to disk and checks its length and hash. */
async function assertHash(file: string, order: UploadOrder): Promise<void> {
  const { size } = await stat(file);
  if (size !== order.sizeBytes) {
    throw new HansaError('WrongLength', `The vector has ${size} bytes, its header says ${order.sizeBytes}.`);
  }
  const handle = await open(file, 'r+');
  const buffer = new Uint8Array(CHUNK_BYTES);
  try {
    await handle.sync();
    const hash = createHash('sha256');
    for (let position = 0; position < size; ) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
      if (bytesRead === 0) break;
      hash.update(buffer.subarray(0, bytesRead));
      position += bytesRead;
    }
    if (!equalBytes(hash.digest(), order.vectorHash)) {
      throw new HansaError('WrongHash', 'The vector does not hash to what its signed header says.');
    }
  } finally {
    giveBack(buffer);
    await handle.close();
  }
}

/** The request as tus reads it; without a bound on what is buffered a fast sender would fill the memory. */
function webRequest(request: FastifyRequest): Request {
  const { raw, method } = request;
  const headers = new Headers();
  for (const [name, value] of Object.entries(raw.headers)) {
    if (typeof value === 'string' && name !== 'expect') headers.set(name, value);
  }
  const url = `http://coordinator${raw.url ?? ''}`;
  if (method === 'HEAD') return new Request(url, { method, headers });
  const body = ReadableStream.from(raw);
  return new Request(url, { method, headers, body: body as never, duplex: 'half' } as RequestInit);
}

/** The problem in a refusal of tus; some of its own are plain text. */
async function problemIn(response: Response): Promise<Problem> {
  const text = await response.text();
  try {
    return problemSchema.parse(JSON.parse(text));
  } catch {
    return toProblem(fromTus({ status_code: response.status, body: text }));
  }
}

/** What tus or the spool refused with, as a problem document. */
function problemResponse(error: Error | { status_code: number; body: string }): { status_code: number; body: string } {
  const known = error instanceof HansaError ? error : fromTus(error);
  return { status_code: known.status, body: JSON.stringify(toProblem(known)) };
}

/** What tus answers with where a plain 4xx or 5xx would say too little; 501 is for an extension that is not offered. */
const codeOfStatus: Readonly<Record<number, ErrorCode>> = {
  404: 'NotFound',
  409: 'UnexpectedMessage',
  410: 'NotFound',
  413: 'PayloadTooLarge',
  501: 'InvalidMessage',
};

function fromTus(error: Error | { status_code: number; body: string }): HansaError {
  const cause = error instanceof Error ? error : undefined;
  if (isStorageFull(cause)) return storageFault(cause, 'a masked vector') as HansaError;
  const status = 'status_code' in error ? error.status_code : 500;
  const words = 'body' in error ? error.body.trim() : 'the upload broke off';
  const code = codeOfStatus[status] ?? (status < 500 ? 'InvalidMessage' : 'Unavailable');
  return new HansaError(code, `The upload cannot go on: ${words}.`);
}
