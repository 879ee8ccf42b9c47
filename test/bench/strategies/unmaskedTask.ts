import { copyFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FoldedSum, quantisedTiles, rotationSeed } from '@hansa/aggregation/secagg/encoding';
import type { MaskThreads } from '@hansa/aggregation/secagg/threads';
import { initialWeights, writeModelFile } from '@hansa/client-node/model';
import type { TrainRequest, TrainResult } from '@hansa/client-node/trainer';
import { architectureOf, type ModelSize } from '@hansa/shared/model';
import type { Plan, TaskFile } from '@hansa/shared/protocol';
import { noControl, type SecAggConfig } from '@hansa/shared/protocol/secagg';
import { Controls } from '../../../client-node/session/controls.ts';
import { openContribution } from '../../../client-node/session/localRound.ts';
import { openModelStore } from '../../../client-node/session/modelStore.ts';
import { newTask, readModelHeader, secAggConfigOf, trainedOf } from '../../../coordinator/federation/createTask.ts';
import { openModel } from '../../../coordinator/round/model/openModel.ts';
import { FileBlobStore } from '../../../coordinator/storage/fileBlobStore.ts';
import type { TaskRow } from '../../../coordinator/storage/stateStore.ts';
import { handedOutState, StrategyStates } from '../../../coordinator/storage/strategyStates.ts';
import type { Merchant } from './merchants.ts';

/** What every contender's members start from. */
const MODEL_SEED = 1;

/**
 * A task over merchants in this process: what its members train, clip and quantise is the nodes' own code, and what becomes of the sum the coordinator's. Masks and
 * sockets are left out, for speed: they change no bit of a sum.
 */
export class UnmaskedTask {
  readonly #merchants: readonly Merchant[];
  readonly #folder: string;
  readonly #threads: MaskThreads;
  readonly #blobs: FileBlobStore;
  readonly #states: StrategyStates;
  readonly #plan: Plan;
  #row: TaskRow;

  private constructor(
    merchants: readonly Merchant[],
    folder: string,
    threads: MaskThreads,
    stores: { readonly blobs: FileBlobStore; readonly states: StrategyStates },
    row: TaskRow,
  ) {
    this.#merchants = merchants;
    this.#folder = folder;
    this.#threads = threads;
    this.#blobs = stores.blobs;
    this.#states = stores.states;
    this.#row = row;
    this.#plan = JSON.parse(row.plan) as Plan;
  }

  /** Begins a task in a folder that is emptied first, from a new model. */
  static async begin(
    file: TaskFile,
    merchants: readonly Merchant[],
    folder: string,
    threads: MaskThreads,
    { size, seed }: { readonly size: ModelSize; readonly seed: number } = { size: 'nano', seed: MODEL_SEED },
  ): Promise<UnmaskedTask> {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    const blobs = await FileBlobStore.open(join(folder, 'blobs'));
    const states = new StrategyStates(await FileBlobStore.open(join(folder, 'states')));
    const architecture = architectureOf(size);
    const start = join(folder, 'start.safetensors');
    const { sha256 } = await writeModelFile(start, architecture, initialWeights(architecture, seed));
    await copyFile(start, join(folder, 'blobs', sha256));
    const { task } = await newTask({ task: file, modelHash: sha256 }, blobs, 0);
    return new UnmaskedTask(merchants, folder, threads, { blobs, states }, task);
  }

  /** Carries a round out. Resolves to the mean validation loss of the model that it started from. */
  async round(round: number): Promise<number> {
    const { file, plan, modelHash } = this.#row;
    const header = await readModelHeader(this.#blobs, modelHash);
    const config = secAggConfigOf(file, plan, header);
    const folded = new FoldedSum(config);
    for (const merchant of this.#merchants) {
      const result = await this.#train(merchant, round, config);
      const seed = rotationSeed(config, Buffer.from(modelHash, 'hex'), round);
      const { contribution, close } = openContribution(updateFileOf(merchant), config, this.#plan, result, seed);
      let at = 0;
      for (const tile of quantisedTiles(contribution)) {
        folded.add(at, tile);
        at += tile.length;
      }
      close();
    }
    const opened = await openModel({
      config,
      round,
      cohorts: [
        {
          plan: { survivors: [...this.#merchants.keys()], masks: [] },
          sum: async () => folded,
          refuse: (error) => {
            throw error;
          },
        },
      ],
      header,
      taskId: this.#row.id,
      strategy: file.strategy,
      localSteps: file.plan.training.steps,
      trained: trainedOf(file),
      modelHash,
      strategyStateHash: this.#row.strategyStateHash,
      blobs: this.#blobs,
      states: this.#states,
      threads: this.#threads,
    });
    this.#row = { ...this.#row, modelHash: opened.model.sha256, strategyStateHash: opened.strategyStateHash };
    return opened.means.validationLoss!;
  }

  /** The model that round 1 started from, and the newest one. */
  get models(): { readonly initial: string; readonly newest: string } {
    return {
      initial: join(this.#folder, 'start.safetensors'),
      newest: join(this.#folder, 'blobs', this.#row.modelHash),
    };
  }

  /** Mean validation loss of the newest model. */
  async validationLoss(): Promise<number> {
    const losses: number[] = [];
    for (const merchant of this.#merchants) {
      const training = { ...this.#plan.training, steps: 1, earlyStop: undefined };
      const request = { ...this.#request(merchant, this.#plan.rounds), training };
      losses.push((await run(merchant, request)).validationLoss);
    }
    return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
  }

  async #train(merchant: Merchant, round: number, config: SecAggConfig): Promise<TrainResult> {
    const { strategy } = this.#plan;
    const request = this.#request(merchant, round);
    if (strategy.name !== 'scaffold') return run(merchant, request);
    const taskId = this.#row.id;
    const state = handedOutState(this.#row);
    const member = this.#merchants.indexOf(merchant);
    const { isLost: _, ...files } = await this.#controlsOf(merchant).prepare({
      taskId,
      controlHash: state === undefined ? noControl : new Uint8Array(Buffer.from(state, 'hex')),
      length: config.vectorLength / 2,
      round,
      member,
      signal: new AbortController().signal,
    });
    return run(merchant, { ...request, control: { ...files, taskId, member, clipNorm: strategy.controlClipNorm } });
  }

  #controlsOf({ folder }: Merchant): Controls {
    const own = join(folder, 'controls');
    const download = async ({ hash, path }: { readonly hash: string; readonly path: string }) =>
      copyFile(join(this.#folder, 'states', hash), path);
    return new Controls(own, openModelStore(join(own, 'common'), { download }));
  }

  #request(merchant: Merchant, round: number): TrainRequest {
    const { job, training, rounds, seed } = this.#plan;
    return {
      modelFile: join(this.#folder, 'blobs', this.#row.modelHash),
      job: job.kind,
      adapter: undefined,
      round,
      rounds,
      training,
      updateFile: updateFileOf(merchant),
      seed: `${seed}/${round}`,
    };
  }
}

const updateFileOf = ({ folder }: Merchant): string => join(folder, 'update.f32');

function run({ trainer }: Merchant, request: TrainRequest): Promise<TrainResult> {
  const context = { signal: new AbortController().signal, onProgress: () => undefined };
  return trainer.run('train', request, context) as Promise<TrainResult>;
}
