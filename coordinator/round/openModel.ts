import { setImmediate as nextTurn } from 'node:timers/promises';
import { type FoldedSum, type MeanTile, openSum, rotationSeed } from '@hansa/aggregation/secagg/encoding';
import { type UnmaskPlan, wipeUnmaskPlan } from '@hansa/aggregation/secagg/server';
import type { MaskThreads } from '@hansa/aggregation/secagg/threads';
import { fedAvg } from '@hansa/aggregation/strategy';
import { HansaError } from '@hansa/shared/errors';
import { type Segment, stretchesOf } from '@hansa/shared/model';
import type { SafetensorsHeader } from '@hansa/shared/numeric';
import type { TaskFile } from '@hansa/shared/protocol';
import type { SecAggConfig } from '@hansa/shared/protocol/secagg';
import type { BlobFacts, BlobReader, BlobStore } from '../storage/blobStore.ts';

/** After so many tiles of 64 KiB other work gets its turn. */
const TILES_PER_TURN = 4;
const FLOAT_SIZE_BYTES = 4;
/** What is copied of a model at once. */
const COPY_SIZE_BYTES = 256 * 1024;
/** Numbers of a tile of the mean. */
const TILE_LENGTH = 16_384;

/** What came of opening the sums of a round. */
export interface OpenedModel {
  readonly model: BlobFacts;
  /** One for each cohort that is in the model, in the order of the request. */
  readonly sums: readonly {
    /** SHA-256 of the unmasked sum: body then tail. */
    readonly resultHash: Uint8Array;
    readonly weightSum: number;
  }[];
  /** Means of the tail's numbers by name, over all survivors. */
  readonly means: Readonly<Record<string, number>>;
}

/** One cohort's masked sum and how their masks go. */
export interface CohortToOpen {
  readonly plan: UnmaskPlan;
  /** The sum of these members' vectors; asked for once, and its masks are taken away in place. */
  sum(survivors: readonly number[]): Promise<FoldedSum>;
  /** Its sum cannot be that of clipped updates: the others go on without it. */
  refuse(error: HansaError): void;
}

export interface OpenModelRequest {
  readonly config: SecAggConfig;
  readonly round: number;
  /** At least one. */
  readonly cohorts: readonly CohortToOpen[];
  readonly header: SafetensorsHeader;
  /** The segments of the model that the sums are of, in the order of the sums' numbers; the rest of the model stays. */
  readonly segments: readonly Segment[];
  readonly baseModelHash: string;
  readonly strategy: TaskFile['strategy'];
  readonly blobs: BlobStore;
  readonly threads: MaskThreads;
}

/**
 * Takes the masks away from the sum of each cohort, applies the strategy to the mean over all of them and stores the next model; wipes
 * the plans.
 *
 * Memory: the sums, one for each cohort, whatever the number of vectors; with several cohorts, or in the 16-bit ring, also the mean. The model is stored only once every sum
 * in it proved to be in range.
 *
 * @throws HansaError SumOutOfRange (when no cohort's sum is in range), StorageFull, ProcessFailed
 */
export async function openModel(request: OpenModelRequest): Promise<OpenedModel> {
  const { cohorts, baseModelHash, blobs } = request;
  const base = await blobs.open(baseModelHash);
  try {
    if (base === undefined) throw new RangeError('the model of the running round is not stored');
    const [only] = cohorts;
    if (only !== undefined && cohorts.length === 1) {
      const opened = await openCohort(request, only);
      const model = await blobs.put(modelContent(opened.tiles, base, request));
      return { model, sums: [opened.summary()], means: opened.means };
    }
    const mean = await meanOfCohorts(request);
    const model = await blobs.put(modelContent(mean.tiles(), base, request));
    return { model, sums: mean.sums, means: mean.means };
  } finally {
    for (const { plan } of cohorts) wipeUnmaskPlan(plan);
    await base?.close();
  }
}

interface OpenCohort {
  readonly tiles: Generator<MeanTile, void, void>;
  readonly weightSum: number;
  readonly means: Readonly<Record<string, number>>;
  /** Known once every tile was read. */
  summary(): { readonly resultHash: Uint8Array; readonly weightSum: number };
}

async function openCohort(
  { config, round, baseModelHash, threads }: OpenModelRequest,
  { plan, sum: sumOf }: CohortToOpen,
): Promise<OpenCohort> {
  const folded = await sumOf(plan.survivors);
  await threads.expand(config, plan.masks, (at, part) => folded.subtract(at, part));
  const seed = rotationSeed(config, Buffer.from(baseModelHash, 'hex'), round);
  const sum = openSum(config, plan.survivors.length, folded.bytes, seed);
  let resultHash: Uint8Array | undefined;
  function* tiles(): Generator<MeanTile, void, void> {
    resultHash = (yield* sum.tiles()).resultHash;
  }
  return {
    tiles: tiles(),
    weightSum: sum.weightSum,
    means: sum.means,
    summary: () => {
      if (resultHash === undefined) throw new RangeError('the sum was not read to its end');
      return { resultHash, weightSum: sum.weightSum };
    },
  };
}

/** The weighted mean over several cohorts, one after the other; one whose sum is out of range is refused and left out. */
async function meanOfCohorts(
  request: OpenModelRequest,
): Promise<Pick<OpenedModel, 'sums' | 'means'> & { tiles(): Generator<MeanTile, void, void> }> {
  const { config, cohorts } = request;
  const total = new Float64Array(config.vectorLength);
  const sums: OpenedModel['sums'][number][] = [];
  const means: Record<string, number> = {};
  let weight = 0;
  let survivors = 0;
  let refusal: HansaError | undefined;
  for (const cohort of cohorts) {
    const part = new Float64Array(config.vectorLength);
    try {
      const opened = await openCohort(request, cohort);
      for (const { start, mean } of opened.tiles) part.set(mean, start);
      for (let index = 0; index < total.length; index++) total[index] = total[index]! + part[index]! * opened.weightSum;
      sums.push(opened.summary());
      weight += opened.weightSum;
      const count = cohort.plan.survivors.length;
      for (const [name, value] of Object.entries(opened.means)) means[name] = (means[name] ?? 0) + value * count;
      survivors += count;
    } catch (error) {
      if (!(error instanceof HansaError) || error.code !== 'SumOutOfRange') throw error;
      refusal = error;
      cohort.refuse(error);
    }
    await nextTurn();
  }
  if (refusal !== undefined && sums.length === 0) throw refusal;
  for (const name of Object.keys(means)) means[name] = means[name]! / survivors;
  return {
    sums,
    means,
    *tiles() {
      const mean = new Float64Array(TILE_LENGTH);
      for (let start = 0; start < total.length; start += TILE_LENGTH) {
        const count = Math.min(TILE_LENGTH, total.length - start);
        for (let index = 0; index < count; index++) mean[index] = total[start + index]! / weight;
        yield { start, mean: mean.subarray(0, count) };
      }
    },
  };
}

async function* modelContent(
  tiles: Iterable<MeanTile>,
  base: BlobReader,
  { header, segments, strategy: settings }: OpenModelRequest,
): AsyncGenerator<Uint8Array> {
  const strategy = fedAvg({ serverLearningRate: settings.serverLearningRate });
  const { dataOffset, headerBytes } = header;
  const placeOf = (offset: number) => dataOffset + offset * FLOAT_SIZE_BYTES;
  yield headerBytes;
  let written = dataOffset;
  let before = new Float32Array(0);
  let after = new Float32Array(0);
  let count = 0;
  for (const { start, mean } of tiles) {
    count += 1;
    if (after.length !== mean.length) {
      before = new Float32Array(mean.length);
      after = new Float32Array(mean.length);
    }
    const stretches = stretchesOf(segments, start, mean.length);
    for (const stretch of stretches) {
      const from = stretch.start - start;
      await base.read(bytesOf(before.subarray(from, from + stretch.length)), placeOf(stretch.offset));
    }
    strategy.apply(before, mean, after, start);
    for (const stretch of stretches) {
      const from = stretch.start - start;
      const values = after.subarray(from, from + stretch.length);
      assertFinite(values, stretch.offset);
      // What lies between two segments stays as it is.
      yield* copied(base, written, placeOf(stretch.offset));
      yield bytesOf(values);
      written = placeOf(stretch.offset + stretch.length);
    }
    if (count % TILES_PER_TURN === 0) await nextTurn();
  }
  yield* copied(base, written, base.sizeBytes);
}

/** @throws HansaError SumOutOfRange (with the place of the number in the model) */
function assertFinite(values: Float32Array, offset: number): void {
  const index = values.findIndex((value) => !Number.isFinite(value));
  if (index < 0) return;
  throw new HansaError(
    'SumOutOfRange',
    `The new model would hold a number that is not finite (parameter ${offset + index}). The round's model stays.`,
  );
}

/** Bytes `start` to `end` of a blob as they are. */
async function* copied(base: BlobReader, start: number, end: number): AsyncGenerator<Uint8Array> {
  for (let at = start; at < end; at += COPY_SIZE_BYTES) {
    const bytes = new Uint8Array(Math.min(COPY_SIZE_BYTES, end - at));
    await base.read(bytes, at);
    yield bytes;
  }
}

const bytesOf = (values: Float32Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
