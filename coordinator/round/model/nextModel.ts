import { setImmediate as nextTurn } from 'node:timers/promises';
import type { MeanTile } from '@hansa/aggregation/secagg/encoding';
import { type RoundFacts, type Strategy, strategyFor } from '@hansa/aggregation/strategy';
import { HansaError } from '@hansa/shared/errors';
import { lengthOf, type Segment, stretchesOf, type Trained, trainedSegments } from '@hansa/shared/model';
import type { SafetensorsHeader } from '@hansa/shared/numeric';
import type { StrategySettings } from '@hansa/shared/protocol';
import type { BlobFacts, BlobReader, BlobStore } from '../../storage/blobStore.ts';
import type { StrategyStates } from '../../storage/strategyStates.ts';
import { storeNextControl } from './nextControl.ts';
import { firstState, readState, StateLayout, type StateReader, stateHeader } from './strategyState.ts';

/** After so many tiles of 64 KiB other work gets its turn. */
const TILES_PER_TURN = 4;
const FLOAT_SIZE_BYTES = 4;
/** Numbers that are copied at once. */
const COPY_LENGTH = 65_536;

export interface NextModelRequest {
  readonly taskId: string;
  readonly round: number;
  readonly strategy: StrategySettings;
  /** What the task trains of its model; the rest of the model stays. */
  readonly trained: Trained;
  /** The round's model. */
  readonly modelHash: string;
  readonly header: SafetensorsHeader;
  /** What the strategy keeps beside that model; undefined in the first round. */
  readonly strategyStateHash: string | undefined;
  readonly blobs: BlobStore;
  readonly states: StrategyStates;
}

/** What is known of a round's sum beside its mean. */
export interface SumFacts extends RoundFacts {
  /** Roster indexes of the members in it. */
  readonly survivors: readonly number[];
}

export interface NextModel {
  readonly model: BlobFacts;
  /** Of what the strategy keeps beside it; undefined where it keeps nothing. */
  readonly strategyStateHash: string | undefined;
}

/**
 * Applies a task's strategy to the mean update and stores the next model, and beside it what the strategy keeps.
 *
 * Each vector is written in a pass of its own over the mean, so that memory holds one tile of each, whatever the size of the model. Nothing is stored before
 * the whole mean proved to be in range.
 *
 * @param tiles begins another pass over the mean
 * @throws HansaError SumOutOfRange, StorageFull, StrategyStateLost
 */
export async function storeNextModel(
  request: NextModelRequest,
  tiles: () => Iterable<MeanTile>,
  facts: SumFacts,
): Promise<NextModel> {
  const { taskId, round, trained, modelHash, header, blobs, states } = request;
  const strategy = strategyFor(request.strategy);
  const layout = new StateLayout(trained, header.manifest);
  const base = await blobs.open(modelHash);
  if (base === undefined) throw new RangeError('the model of the running round is not stored');
  let before: StateReader | undefined;
  try {
    before = await stateBefore(request, strategy, layout);
    const segments = trainedSegments(header.manifest, trained, round);
    const length = lengthOf(segments);
    const updates = () => tilesWithin(tiles(), 0, length);
    const work = { header, segments, strategy, layout, base, before, facts };
    // The state is stored first: a state without its model is swept away, and nothing sweeps models.
    let strategyStateHash: string | undefined;
    if (strategy.state.length > 0) {
      const headerBytes = stateHeader({ taskId, round, strategy }, layout.length);
      strategyStateHash = (await states.put(stateContent(work, headerBytes, updates))).sha256;
    } else if (strategy.applyControl !== undefined) {
      const changes = tilesWithin(tiles(), length, 2 * length);
      strategyStateHash = await storeNextControl(
        { ...request, length, survivors: facts.survivors },
        strategy.applyControl,
        changes,
      );
    }
    return { model: await blobs.put(modelContent(work, updates())), strategyStateHash };
  } finally {
    await before?.close();
    await base.close();
  }
}

/** The numbers `start` to just before `end` of a mean, counted from `start`. It is read to its end whatever is asked for, since only then it proved to be in range. */
function* tilesWithin(tiles: Iterable<MeanTile>, start: number, end: number): Generator<MeanTile> {
  for (const tile of tiles) {
    const from = Math.max(start, tile.start);
    const to = Math.min(end, tile.start + tile.mean.length);
    if (from < to) yield { start: from - start, mean: tile.mean.subarray(from - tile.start, to - tile.start) };
  }
}

async function stateBefore(
  { taskId, strategyStateHash: hash, states }: NextModelRequest,
  strategy: Strategy,
  layout: StateLayout,
): Promise<StateReader> {
  if (hash === undefined || strategy.state.length === 0) return firstState(strategy.state);
  const blob = await states.open(hash);
  try {
    return await readState(blob, hash, { taskId, strategy }, layout.length);
  } catch (error) {
    await blob.close();
    throw error;
  }
}

interface Work {
  readonly header: SafetensorsHeader;
  /** What this round trains, in the order of the mean's numbers. */
  readonly segments: readonly Segment[];
  readonly strategy: Strategy;
  readonly layout: StateLayout;
  readonly base: BlobReader;
  readonly before: StateReader;
  readonly facts: RoundFacts;
}

/** New numbers that lie together in the model's vector; good until the next are asked for. */
interface NewNumbers {
  /** Place of the first in the model's vector. */
  readonly offset: number;
  readonly parameters: Float32Array;
  /** One for each vector of the strategy. */
  readonly state: readonly Float32Array[];
}

async function* newNumbers(
  { strategy, layout, base, before, header, segments, facts }: Work,
  tiles: Iterable<MeanTile>,
): AsyncGenerator<NewNumbers> {
  let tile = { base: new Float32Array(0), out: new Float32Array(0), state: [] as Float32Array[] };
  let count = 0;
  for (const { start, mean } of tiles) {
    if (tile.out.length !== mean.length) {
      const vector = () => new Float32Array(mean.length);
      tile = { base: vector(), out: vector(), state: strategy.state.map(vector) };
    }
    const stretches = stretchesOf(segments, start, mean.length);
    for (const { start: at, offset, length } of stretches) {
      const part = (values: Float32Array) => values.subarray(at - start, at - start + length);
      await base.read(bytesOf(part(tile.base)), header.dataOffset + offset * FLOAT_SIZE_BYTES);
      for (const [vector, values] of tile.state.entries())
        await before.read(vector, layout.placeOf(offset), part(values));
    }
    strategy.apply({ ...tile, mean }, facts);
    for (const { start: at, offset, length } of stretches) {
      const part = (values: Float32Array) => values.subarray(at - start, at - start + length);
      yield { offset, parameters: part(tile.out), state: tile.state.map(part) };
    }
    count += 1;
    if (count % TILES_PER_TURN === 0) await nextTurn();
  }
}

async function* modelContent(work: Work, tiles: Iterable<MeanTile>): AsyncGenerator<Uint8Array> {
  const { header, base } = work;
  const read = (place: number, into: Float32Array) =>
    base.read(bytesOf(into), header.dataOffset + place * FLOAT_SIZE_BYTES);
  yield header.headerBytes;
  let written = 0;
  for await (const { offset, parameters } of newNumbers(work, tiles)) {
    assertFinite(parameters, offset);
    // What lies between two segments stays as it is.
    yield* copied(read, written, offset);
    yield bytesOf(parameters);
    written = offset + parameters.length;
  }
  yield* copied(read, written, header.dataSizeBytes / FLOAT_SIZE_BYTES);
}

async function* stateContent(
  work: Work,
  headerBytes: Uint8Array,
  tiles: () => Iterable<MeanTile>,
): AsyncGenerator<Uint8Array> {
  const { strategy, layout, before } = work;
  yield headerBytes;
  for (const vector of strategy.state.keys()) {
    const read = (place: number, into: Float32Array) => before.read(vector, place, into);
    let written = 0;
    for await (const { offset, state } of newNumbers(work, tiles())) {
      const place = layout.placeOf(offset);
      const values = state[vector]!;
      assertFinite(values, offset);
      // What this round does not train keeps its state.
      yield* copied(read, written, place);
      yield bytesOf(values);
      written = place + values.length;
    }
    yield* copied(read, written, layout.length);
  }
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

/** Numbers `start` to `end` of a vector as they are. */
async function* copied(
  read: (place: number, into: Float32Array) => Promise<void>,
  start: number,
  end: number,
): AsyncGenerator<Uint8Array> {
  for (let at = start; at < end; at += COPY_LENGTH) {
    const values = new Float32Array(Math.min(COPY_LENGTH, end - at));
    await read(at, values);
    yield bytesOf(values);
  }
}

const bytesOf = (values: Float32Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
