import { open } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  addMasks,
  FoldedSum,
  type OpenedSum,
  openSum,
  opposite,
  rotationSeed,
} from '@hansa/aggregation/secagg/encoding';
import { type UnmaskPlan, wipeUnmaskPlan } from '@hansa/aggregation/secagg/server';
import { fedAvg } from '@hansa/aggregation/strategy';
import { HansaError } from '@hansa/shared/errors';
import type { SafetensorsHeader } from '@hansa/shared/numeric';
import type { TaskFile } from '@hansa/shared/protocol';
import type { SecAggConfig } from '@hansa/shared/protocol/secagg';
import type { BlobFacts, BlobReader, BlobStore } from '../storage/blobStore.ts';

/** After so many tiles of 64 KiB other work gets its turn. */
const TILES_PER_TURN = 4;
/** What is read of a vector at once. */
const CHUNK_SIZE_BYTES = 256 * 1024;
const FLOAT_SIZE_BYTES = 4;

/** What came of opening a sum. */
export interface OpenedModel {
  readonly model: BlobFacts;
  /** SHA-256 of the unmasked sum: body then tail. */
  readonly resultHash: Uint8Array;
  readonly weightSum: number;
  /** Means of the tail's numbers by name. */
  readonly means: Readonly<Record<string, number>>;
}

export interface OpenModelRequest {
  readonly config: SecAggConfig;
  readonly round: number;
  readonly plan: UnmaskPlan;
  /** Files of the committed vectors by roster index. */
  readonly files: ReadonlyMap<number, string>;
  readonly header: SafetensorsHeader;
  readonly baseModelHash: string;
  readonly strategy: TaskFile['strategy'];
  readonly blobs: BlobStore;
}

/**
 * Folds the survivors' vectors, subtracts the masks, applies the strategy and stores the next model; wipes the plan.
 *
 * Memory: the sum, whatever the number of vectors; in the 16-bit ring also the mean. The model is stored only once the whole sum proved to be in range.
 *
 * @throws HansaError SumOutOfRange, StorageFull
 */
export async function openModel(request: OpenModelRequest): Promise<OpenedModel> {
  const { config, round, plan, files, header, baseModelHash, strategy, blobs } = request;
  const base = await blobs.open(baseModelHash);
  try {
    if (base === undefined) throw new RangeError('the model of the running round is not stored');
    const folded = new FoldedSum(config);
    for (const index of plan.survivors) await foldFile(folded, fileOf(files, index));
    await unmask(config, plan, folded.bytes);
    const seed = rotationSeed(config, Buffer.from(baseModelHash, 'hex'), round);
    const sum = openSum(config, plan.survivors.length, folded.bytes, seed);
    let resultHash: Uint8Array | undefined;
    const content = modelContent(sum.tiles(), base, header, strategy, (hash) => {
      resultHash = hash;
    });
    const model = await blobs.put(content);
    if (resultHash === undefined) throw new RangeError('the sum was not read to its end');
    return { model, resultHash, weightSum: sum.weightSum, means: sum.means };
  } finally {
    wipeUnmaskPlan(plan);
    await base?.close();
  }
}

async function foldFile(folded: FoldedSum, file: string): Promise<void> {
  const handle = await open(file, 'r');
  try {
    const chunk = new Uint8Array(CHUNK_SIZE_BYTES);
    let done = 0;
    while (done < folded.bytes.length) {
      const { bytesRead } = await handle.read(chunk, 0, chunk.length, done);
      if (bytesRead === 0) throw new RangeError('a committed vector is shorter than its header said');
      folded.add(done, chunk.subarray(0, bytesRead));
      done += bytesRead;
    }
  } finally {
    await handle.close();
  }
}

async function unmask(config: SecAggConfig, plan: UnmaskPlan, sum: Uint8Array): Promise<void> {
  const masks = opposite(plan.masks);
  for (let start = 0; start < sum.length; start += CHUNK_SIZE_BYTES) {
    addMasks(config, masks, sum, { start, end: Math.min(start + CHUNK_SIZE_BYTES, sum.length) });
    await nextTurn();
  }
}

async function* modelContent(
  tiles: ReturnType<OpenedSum['tiles']>,
  base: BlobReader,
  header: SafetensorsHeader,
  settings: TaskFile['strategy'],
  summarised: (resultHash: Uint8Array) => void,
): AsyncGenerator<Uint8Array> {
  const strategy = fedAvg({ serverLearningRate: settings.serverLearningRate });
  yield header.headerBytes;
  let before = new Float32Array(0);
  let after = new Float32Array(0);
  for (let count = 1; ; count++) {
    const tile = tiles.next();
    if (tile.done) {
      summarised(tile.value.resultHash);
      return;
    }
    const { start, mean } = tile.value;
    if (after.length !== mean.length) {
      before = new Float32Array(mean.length);
      after = new Float32Array(mean.length);
    }
    await base.read(bytesOf(before), header.dataOffset + start * FLOAT_SIZE_BYTES);
    strategy.apply(before, mean, after, start);
    for (let index = 0; index < after.length; index++) {
      if (!Number.isFinite(after[index])) {
        throw new HansaError(
          'SumOutOfRange',
          `The new model would hold a number that is not finite (parameter ${start + index}). The round's model stays.`,
        );
      }
    }
    yield bytesOf(after);
    if (count % TILES_PER_TURN === 0) await nextTurn();
  }
}

function fileOf(files: ReadonlyMap<number, string>, index: number): string {
  const file = files.get(index);
  if (file === undefined) throw new RangeError(`member ${index} has no committed vector`);
  return file;
}

const bytesOf = (values: Float32Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
