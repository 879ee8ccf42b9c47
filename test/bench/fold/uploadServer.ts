import { createHash } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { MaskThreads } from '@hansa/aggregation/secagg/threads';
import { systemClock } from '@hansa/shared/clock';
import { SecretBytes } from '@hansa/shared/crypto';
import { createLogger } from '@hansa/shared/log';
import { encodeHeader, layOut, readHeader } from '@hansa/shared/numeric';
import { BearerToken } from '../../../coordinator/auth/bearerToken.ts';
import { FailureLimit } from '../../../coordinator/auth/failureLimit.ts';
import { NodeSessions } from '../../../coordinator/auth/nodeSessions.ts';
import { createApp } from '../../../coordinator/http/createApp.ts';
import { Uploads } from '../../../coordinator/http/uploads/uploads.ts';
import { createMetrics } from '../../../coordinator/metrics/createMetrics.ts';
import { ByteLedger } from '../../../coordinator/round/byteLedger.ts';
import { CohortSum } from '../../../coordinator/round/cohort/cohortSum.ts';
import { openModel } from '../../../coordinator/round/model/openModel.ts';
import type { Upload } from '../../../coordinator/round/ports.ts';
import { startCoordinator } from '../../../coordinator/startCoordinator.ts';
import { FileBlobStore } from '../../../coordinator/storage/fileBlobStore.ts';
import { StrategyStates } from '../../../coordinator/storage/strategyStates.ts';
import { clientOf, configOf, federation, vectorOf } from './vector.ts';

/** What the benchmark asks of this process, one thing after the other; each is answered with one message. */
export type Request =
  | { readonly type: 'start'; readonly folder: string; readonly clients: number; readonly params: number }
  /** An upload for a client; answered with its path. Without `isFolded` whoever ordered it does nothing with the bytes. */
  | { readonly type: 'order'; readonly client: number; readonly isFolded: boolean }
  /** Ends the uploads; answered once their files are gone. */
  | { readonly type: 'discard' }
  /** Opens the sum of all clients' vectors as the coordinator does; answered with Σ of their weights. */
  | { readonly type: 'open' };

/**
 * A coordinator that is idle and, in the same process, the parts of one through which masked vectors go, driven by the benchmark in place of a round:
 * the upload routes behind fastify, a cohort's sum, the opening of a model. They are the product's own; what is left out is the protocol.
 */
class UploadServer {
  readonly #clients: number;
  readonly #config;
  readonly #vector;
  readonly #folder: string;
  readonly #sum: CohortSum;
  readonly #orders = new Map<number, Upload>();
  readonly #threads = new MaskThreads();
  #uploads!: Uploads;

  constructor({ folder, clients, params }: Extract<Request, { type: 'start' }>) {
    this.#folder = folder;
    this.#clients = clients;
    this.#config = configOf(clients, params);
    this.#vector = vectorOf(this.#config);
    this.#sum = new CohortSum(this.#config);
  }

  async start(): Promise<number> {
    const log = createLogger('bench-coordinator', 'warn');
    await startCoordinator({ dataFolder: path.join(this.#folder, 'coordinator'), host: '127.0.0.1', port: 0, log });
    const metrics = createMetrics('bench');
    const sessions = new NodeSessions(federation);
    for (let index = 0; index < this.#clients; index++) {
      const { id, key, sessionId } = clientOf(index);
      sessions.open(id, key.publicKey, sessionId);
    }
    const auth = { sessions, admin: new BearerToken('none'), failures: new FailureLimit(systemClock), metrics };
    this.#uploads = await Uploads.open(path.join(this.#folder, 'spool'), { ...auth, bytes: new ByteLedger(metrics) });
    const app = createApp({ log, metrics });
    this.#uploads.routes(app);
    await app.listen({ host: '127.0.0.1', port: 0 });
    return (app.server.address() as AddressInfo).port;
  }

  async order(client: number, isFolded: boolean): Promise<string> {
    const upload = await this.#uploads.expect({
      clientId: clientOf(client).id,
      sizeBytes: this.#vector.sizeBytes,
      vectorHash: this.#vector.hash,
      received: isFolded ? (byteOffset, chunk) => this.#sum.fold(client, byteOffset, chunk) : () => undefined,
      deleting: async (file) => {
        if (isFolded) await this.#sum.takeOut(client, file);
      },
      finished: async () => undefined,
      failed: (error) => {
        throw error;
      },
    });
    this.#orders.set(client, upload);
    return upload.path;
  }

  async discard(): Promise<void> {
    for (const upload of this.#orders.values()) await upload.discard();
    this.#orders.clear();
  }

  async open(): Promise<number> {
    const blobs = await FileBlobStore.open(path.join(this.#folder, 'blobs'));
    const headerBytes = encodeHeader(layOut([{ name: 'bench', shape: [this.#config.vectorLength] }]), {});
    const base = await blobs.put(zeroModel(headerBytes, this.#config.vectorLength));
    const members = Array.from({ length: this.#clients }, (_, index) => index);
    // As many masks as a sum of all has; each second one takes away the one before it, since nobody has put them on.
    const masks = members.slice(0, 2 * (this.#clients >> 1)).map((index) => {
      const key = createHash('sha256')
        .update(`bench mask ${index >> 1}`)
        .digest();
      return { key: new SecretBytes(new Uint8Array(key)), sign: index % 2 === 0 ? (1 as const) : (-1 as const) };
    });
    const files = new Map([...this.#orders].map(([client, { file }]) => [client, file]));
    const opened = await openModel({
      config: this.#config,
      round: 1,
      cohorts: [
        {
          plan: { survivors: members, masks },
          sum: (survivors) => this.#sum.complete(survivors, files),
          refuse: (error) => {
            throw error;
          },
        },
      ],
      header: readHeader(headerBytes, headerBytes.length + 4 * this.#config.vectorLength),
      taskId: 'bench',
      strategy: { name: 'fedAvg', serverLearningRate: 1 },
      localSteps: 1,
      trained: { mode: { kind: 'full' }, job: 'demand' },
      modelHash: base.sha256,
      strategyStateHash: undefined,
      blobs,
      states: new StrategyStates(blobs),
      threads: this.#threads,
    });
    return opened.sums[0]!.weightSum;
  }
}

async function* zeroModel(headerBytes: Uint8Array, params: number): AsyncGenerator<Uint8Array> {
  yield headerBytes;
  const zeros = new Uint8Array(65_536);
  for (let left = 4 * params; left > 0; left -= zeros.length) yield zeros.subarray(0, left);
}

let server: UploadServer | undefined;

async function answer(request: Request): Promise<unknown> {
  if (request.type === 'start') {
    server = new UploadServer(request);
    return server.start();
  }
  if (server === undefined) throw new RangeError('the first request must be "start"');
  if (request.type === 'order') return server.order(request.client, request.isFolded);
  return request.type === 'discard' ? server.discard() : server.open();
}

process.on('message', (request: Request) => {
  answer(request).then(
    (value) => process.send?.({ value }),
    (error: Error) => process.send?.({ error: error.stack }),
  );
});
process.on('disconnect', () => process.exit(0));
