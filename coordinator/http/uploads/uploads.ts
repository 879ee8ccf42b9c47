import { randomUUID } from 'node:crypto';
import { mkdir, rm, truncate } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { HansaError } from '@hansa/shared/errors';
import { Server } from '@tus/server';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Metrics } from '../../metrics/createMetrics.ts';
import type { ByteLedger } from '../../round/byteLedger.ts';
import type { ExpectedVector, Upload, VectorUploads } from '../../round/ports.ts';
import { storageFault } from '../../storage/faults.ts';
import { type AuthPorts, nodeOf } from '../authentication.ts';
import { sendProblem } from '../problems.ts';
import { assertHash } from './assertHash.ts';
import { SpoolStore } from './spoolStore.ts';
import { problemIn, problemResponse, webRequest } from './tus.ts';

const UPLOADS_PATH = '/v1/uploads';
/** How often the same node may send bytes that do not hash as it signed, before it is given up. */
const WRONG_HASH_LIMIT = 3;

export interface UploadPorts extends AuthPorts {
  readonly bytes: ByteLedger;
  readonly metrics: Metrics;
}

interface Entry {
  readonly id: string;
  readonly expected: ExpectedVector;
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
 * An upload exists because a round expects it, of one node, of one length and hash; nothing else can be sent here. Every byte goes straight to disk, and then to
 * the round.
 */
export class Uploads implements VectorUploads {
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

  /** Opens the spool and deletes what an earlier process left there. */
  static async open(folder: string, ports: UploadPorts): Promise<Uploads> {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return new Uploads(folder, ports);
  }

  async expect(expected: ExpectedVector): Promise<Upload> {
    const id = randomUUID();
    const file = this.#store.fileOf(id);
    await this.#store.open(id, expected.sizeBytes);
    const entry: Entry = {
      id,
      expected,
      file,
      requests: new Set(),
      wrongHashes: 0,
      closed: false,
      finishing: undefined,
    };
    this.#entries.set(id, entry);
    return { path: `${UPLOADS_PATH}/${id}`, file, discard: () => this.#discard(entry) };
  }

  /** HEAD and PATCH /v1/uploads/ID, signed by the node whose vector is expected. */
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
          if (entry === undefined || entry.closed || entry.expected.clientId !== clientId) {
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
      if (request.method === 'HEAD' && response.headers.get('upload-offset') === String(entry.expected.sizeBytes)) {
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
    this.#ports.bytes.add(entry.expected.clientId, 'up', 'update', chunk.length);
    if (!entry.closed) entry.expected.received(byteOffset, chunk);
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
    const { expected } = entry;
    try {
      await assertHash(entry.file, expected);
      await expected.finished();
    } catch (error) {
      const fault = storageFault(error, 'a masked vector');
      this.#refused(fault);
      entry.wrongHashes += 1;
      const isDamaged = fault instanceof HansaError && fault.code === 'WrongHash';
      if (isDamaged && entry.wrongHashes < WRONG_HASH_LIMIT) {
        await expected.deleting(entry.file);
        await truncate(entry.file, 0);
        throw new HansaError('DamagedUpload', `${fault.message} Send it again.`);
      }
      expected.failed(fault as Error);
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
    await entry.expected.deleting(entry.file);
    await this.#store.remove(entry.id);
  }

  /** The disk had no room: the round goes on without this vector, which makes room for others. */
  #full(id: string, error: Error): void {
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.closed) return;
    this.#refused(error);
    entry.expected.failed(error);
  }
}
