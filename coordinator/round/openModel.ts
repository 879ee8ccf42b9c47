import { closeSync, openSync, readSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { openSum } from '@hansa/aggregation/secagg/encoding';
import { type UnmaskPlan, wipeUnmaskPlan } from '@hansa/aggregation/secagg/server';
import { fedAvg } from '@hansa/aggregation/strategy';
import { HansaError } from '@hansa/shared/errors';
import type { SafetensorsHeader } from '@hansa/shared/numeric';
import type { TaskFile } from '@hansa/shared/protocol';
import type { SecAggConfig } from '@hansa/shared/protocol/secagg';
import type { BlobFacts, BlobReader, BlobStore } from '../storage/blobStore.ts';

/** After so many tiles of 64 KiB other work gets its turn. */
const TILES_PER_TURN = 4;
const FLOAT_SIZE_BYTES = 4;

/** What came of opening a sum. */
export interface OpenedModel {
  readonly model: BlobFacts;
  /** SHA-256 of the unmasked sum: body then tail, little-endian u32 words. */
  readonly resultHash: Uint8Array;
  readonly weightSum: number;
  /** Means of the tail's numbers by name. */
  readonly means: Readonly<Record<string, number>>;
}

export interface OpenModelRequest {
  readonly config: SecAggConfig;
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
 * Tile by tile: memory does not grow with the number of vectors or their length. The model is stored only once the whole sum proved to be in range.
 *
 * @throws HansaError SumOutOfRange, StorageFull
 */
export async function openModel(request: OpenModelRequest): Promise<OpenedModel> {
  const { config, plan, files, header, baseModelHash, strategy, blobs } = request;
  const base = await blobs.open(baseModelHash);
  const vectors = new Map<number, number>();
  try {
    if (base === undefined) throw new RangeError('the model of the running round is not stored');
    for (const index of plan.survivors) vectors.set(index, openSync(fileOf(files, index), 'r'));
    const sum = openSum(config, plan, vectorReader(vectors));
    let resultHash: Uint8Array | undefined;
    const content = modelContent(sum.tiles(), base, header, strategy, (hash) => {
      resultHash = hash;
    });
    const model = await blobs.put(content);
    if (resultHash === undefined) throw new RangeError('the sum was not read to its end');
    return { model, resultHash, weightSum: sum.weightSum, means: sum.means };
  } finally {
    wipeUnmaskPlan(plan);
    for (const descriptor of vectors.values()) closeSync(descriptor);
    await base?.close();
  }
}

async function* modelContent(
  tiles: ReturnType<ReturnType<typeof openSum>['tiles']>,
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

function vectorReader(vectors: ReadonlyMap<number, number>) {
  let buffer = new Uint8Array(0);
  return (index: number, byteOffset: number, byteLength: number): Uint8Array => {
    if (buffer.length < byteLength) buffer = new Uint8Array(byteLength);
    const descriptor = vectors.get(index);
    if (descriptor === undefined) throw new RangeError(`no vector of member ${index} is open`);
    let done = 0;
    while (done < byteLength) {
      const read = readSync(descriptor, buffer, done, byteLength - done, byteOffset + done);
      if (read === 0) throw new RangeError('a committed vector is shorter than its header said');
      done += read;
    }
    return buffer.subarray(0, byteLength);
  };
}

function fileOf(files: ReadonlyMap<number, string>, index: number): string {
  const file = files.get(index);
  if (file === undefined) throw new RangeError(`member ${index} has no committed vector`);
  return file;
}

const bytesOf = (values: Float32Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
