import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FoldedSum } from '@hansa/aggregation/secagg/encoding';
import type { UnmaskPlan } from '@hansa/aggregation/secagg/server';
import { leagueConfig } from '@hansa/aggregation/secagg/testing';
import { MaskThreads } from '@hansa/aggregation/secagg/threads';
import { SecretBytes, sha256 } from '@hansa/shared/crypto';
import { readHeader } from '@hansa/shared/numeric';
import type { SecAggConfig } from '@hansa/shared/protocol/secagg';
import { checkModel } from '../../../../client-node/session/localRound.ts';
import { openModel } from '../../../../coordinator/round/model/openModel.ts';
import { FileBlobStore } from '../../../../coordinator/storage/fileBlobStore.ts';
import { StrategyStates } from '../../../../coordinator/storage/strategyStates.ts';
import { UploadServerProcess } from '../../fold/uploadServerProcess.ts';
import { headerOf } from '../zeroModel.ts';
import { median, timed } from './timing.ts';

const strategy = { name: 'fedAvg', serverLearningRate: 1 } as const;
const trained = { mode: { kind: 'full' }, job: 'demand' } as const;

const REPEATS = 5;
/** Uploads whose cost is measured, and how many at once. */
const MEASURED_UPLOADS = 12;
const UPLOADS_AT_ONCE = 4;

/** What both rounds need, measured once: of a node to check the model, of the coordinator for one upload. */
export interface CommonMs {
  readonly checkMs: number;
  readonly uploadMs: number;
}

/** The pieces of work that rounds with masks and without have in common, each timed alone, on one model of `params` numbers. */
export class Pieces {
  readonly config: SecAggConfig;
  readonly #header: Uint8Array;
  readonly #modelFile: string;
  readonly #blobs: FileBlobStore;
  readonly #model: { readonly sha256: string; readonly sizeBytes: number };
  readonly #threads = new MaskThreads();

  private constructor(
    config: SecAggConfig,
    header: Uint8Array,
    modelFile: string,
    blobs: FileBlobStore,
    model: { readonly sha256: string; readonly sizeBytes: number },
  ) {
    this.config = config;
    this.#header = header;
    this.#modelFile = modelFile;
    this.#blobs = blobs;
    this.#model = model;
  }

  /** Writes the model into `folder`. */
  static async prepare(clients: number, params: number, folder: string): Promise<Pieces> {
    const header = headerOf(params);
    const config = leagueConfig(clients, {
      vectorLength: params,
      wordBits: 32,
      weighting: 'uniform',
      architectureHash: sha256(header),
    });
    const modelFile = join(folder, 'model.safetensors');
    await writeFile(modelFile, [header, new Uint8Array(4 * params)]);
    const blobs = await FileBlobStore.open(join(folder, 'blobs'));
    const model = await blobs.put(parts(header, new Uint8Array(4 * params)));
    return new Pieces(config, header, modelFile, blobs, model);
  }

  get modelBytes(): number {
    return this.#model.sizeBytes;
  }

  get modelHash(): Uint8Array {
    return new Uint8Array(Buffer.from(this.#model.sha256, 'hex'));
  }

  close(): Promise<void> {
    return this.#threads.close();
  }

  async commonMs(): Promise<CommonMs> {
    return { checkMs: await this.#checkMs(), uploadMs: await this.#uploadMs() };
  }

  /** What a node does with a model that has come: its hash, its header. */
  async #checkMs(): Promise<number> {
    const all: number[] = [];
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      const { tookMs } = await timed(async () => {
        sha256(await readFile(this.#modelFile));
        await checkModel(this.#modelFile, this.config, { ...trained, strategy }, 1);
      });
      all.push(tookMs);
    }
    return median(all);
  }

  /** What an upload takes of the coordinator, with spool, hash and fold, when several come at once. */
  #uploadMs(): Promise<number> {
    return UploadServerProcess.with(MEASURED_UPLOADS, this.config.vectorLength, async (server) => {
      const clients = Array.from({ length: MEASURED_UPLOADS }, (_, index) => index);
      const all: number[] = [];
      for (let repeat = 0; repeat < REPEATS; repeat++) {
        all.push((await timed(() => server.upload(clients, UPLOADS_AT_ONCE, true))).tookMs / MEASURED_UPLOADS);
        await server.discard();
      }
      return median(all);
    });
  }

  /** From the last share, or vector, to the stored model. */
  async openMs(plan: UnmaskPlan, sum: FoldedSum): Promise<number> {
    const header = readHeader(this.#header, this.#header.length + 4 * this.config.vectorLength);
    const all: number[] = [];
    // The first one starts the threads, as a coordinator's first round does.
    for (let repeat = -1; repeat < REPEATS; repeat++) {
      const copy = new FoldedSum(this.config);
      copy.add(0, sum.bytes);
      const masks = plan.masks.map(({ key, sign }) => ({ key: new SecretBytes(Uint8Array.from(key.expose())), sign }));
      const refuse = (error: Error) => {
        throw error;
      };
      const cohort = { plan: { survivors: plan.survivors, masks }, sum: async () => copy, refuse };
      const { tookMs } = await timed(() =>
        openModel({
          config: this.config,
          round: 1,
          cohorts: [cohort],
          header,
          taskId: 'bench',
          strategy,
          localSteps: 1,
          trained,
          modelHash: this.#model.sha256,
          strategyStateHash: undefined,
          blobs: this.#blobs,
          states: new StrategyStates(this.#blobs),
          threads: this.#threads,
        }),
      );
      if (repeat >= 0) all.push(tookMs);
    }
    return median(all);
  }
}

async function* parts(...all: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* all;
}
