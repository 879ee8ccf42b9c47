import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { MeanTile } from '@hansa/aggregation/secagg/encoding';
import { strategyFor } from '@hansa/aggregation/strategy';
import { lengthOf, type Trained, trainedSegments, trainingModeSchema } from '@hansa/shared/model';
import { encodeFile, layOut, type Manifest, parameterCount, readHeader } from '@hansa/shared/numeric';
import { readControlHeader, strategySchema } from '@hansa/shared/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileBlobStore } from '../../storage/fileBlobStore.ts';
import { StrategyStates } from '../../storage/strategyStates.ts';
import { type NextModelRequest, storeNextModel } from './nextModel.ts';

const TILE = 16_384;
/** Two segments, with a tensor of no job between them; several tiles, one of which holds the end of the first segment and the second. */
const manifest = layOut([
  { name: 'bert.encoder', shape: [40_000] },
  { name: 'of.nobody', shape: [300] },
  { name: 'demand.head', shape: [700] },
]);
/** As if members took two thirds of their steps: only FedNova asks. */
const stepShare = 2 / 3;
const full: Trained = { mode: { kind: 'full' }, job: 'demand' };

let folder: string;
let blobs: FileBlobStore;
let states: StrategyStates;
beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'hansa-next-model-'));
  blobs = await FileBlobStore.open(path.join(folder, 'blobs'));
  states = new StrategyStates(await FileBlobStore.open(path.join(folder, 'states')));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function* once(bytes: Uint8Array) {
  yield bytes;
}

const vectorOf = async (hash: string, dataOffset: number): Promise<Float32Array> => {
  const size = (await blobs.size(hash))!;
  return new Float32Array(new Uint8Array(await buffer(blobs.stream(hash, dataOffset, size - 1))).buffer);
};

/** A mean update of a round, in tiles as an opened sum gives them: each reuses the one before. */
const meanOf = (round: number, length: number) =>
  Float64Array.from({ length }, (_, at) => Math.sin(at * (round + 1)) / (10 + round));
function* tilesOf(mean: Float64Array): Generator<MeanTile> {
  const tile = new Float64Array(TILE);
  for (let start = 0; start < mean.length; start += TILE) {
    const count = Math.min(TILE, mean.length - start);
    tile.set(mean.subarray(start, start + count));
    yield { start, mean: tile.subarray(0, count) };
    tile.fill(Number.NaN);
  }
}

/** A task whose rounds run on the store, from a model of which every number tells its place. */
class Task {
  readonly trained: Trained;
  readonly settings: ReturnType<typeof strategySchema.parse>;
  readonly manifest: Manifest;
  request!: NextModelRequest;

  private constructor(strategy: object, of: Manifest, trained: Trained) {
    this.settings = strategySchema.parse(strategy);
    this.manifest = of;
    this.trained = trained;
  }

  static async start(strategy: object, of = manifest, trained = full): Promise<Task> {
    const task = new Task(strategy, of, trained);
    const vector = Float32Array.from({ length: parameterCount(of) }, (_, at) => Math.cos(at));
    const bytes = encodeFile(of, { format: 'test' }, vector);
    const { sha256 } = await blobs.put(once(bytes));
    const header = readHeader(bytes, bytes.length);
    const common = { taskId: 'some task', round: 1, strategy: task.settings, trained, blobs, states };
    task.request = { ...common, modelHash: sha256, header, strategyStateHash: undefined };
    return task;
  }

  async round(round: number, mean?: Float64Array): Promise<void> {
    const update = mean ?? meanOf(round, lengthOf(trainedSegments(this.manifest, this.trained, round)));
    const { model, strategyStateHash } = await storeNextModel({ ...this.request, round }, () => tilesOf(update), {
      stepShare,
      survivors: [0, 1],
    });
    this.request = { ...this.request, modelHash: model.sha256, strategyStateHash };
  }

  model(): Promise<Float32Array> {
    return vectorOf(this.request.modelHash, this.request.header.dataOffset);
  }

  /** What the rounds should come to: the strategy over whole vectors in memory, number by number of the file. */
  plainly(rounds: readonly number[]): Float32Array {
    const strategy = strategyFor(this.settings);
    const length = parameterCount(this.manifest);
    const model = Float32Array.from({ length }, (_, at) => Math.cos(at));
    const state = strategy.state.map(({ initial }) => new Float32Array(length).fill(initial));
    for (const round of rounds) {
      const segments = trainedSegments(this.manifest, this.trained, round);
      const mean = meanOf(round, lengthOf(segments));
      let from = 0;
      for (const { offset, length: count } of segments) {
        const piece = (values: Float32Array) => values.subarray(offset, offset + count);
        strategy.apply(
          {
            base: piece(model).slice(),
            mean: mean.subarray(from, from + count),
            state: state.map(piece),
            out: piece(model),
          },
          { stepShare },
        );
        from += count;
      }
    }
    return model;
  }
}

const stateFiles = () => readdirSync(path.join(folder, 'states')).filter((name) => name !== 'incoming');

describe('storeNextModel', () => {
  it.each(['fedAvg', 'fedAvgM', 'fedAdagrad', 'fedAdam', 'fedYogi', 'fedNova'])(
    '%s comes to what it comes to over whole vectors, round after round',
    async (name) => {
      const task = await Task.start({ name });
      for (const round of [1, 2, 3]) await task.round(round);
      const model = await task.model();
      expect(model).toEqual(task.plainly([1, 2, 3]));
      // What no segment covers stays as it is.
      expect(model[40_100]).toBe(Math.fround(Math.cos(40_100)));
    },
  );

  it('keeps the state of a factor over the rounds of RoLoRA that leave the factor alone', async () => {
    const factors = layOut([
      { name: 'bert.x.lora_B.weight', shape: [20_000] },
      { name: 'demand.head', shape: [50] },
      { name: 'bert.x.lora_A.weight', shape: [20_000] },
    ]);
    const trained: Trained = { mode: trainingModeSchema.parse({ kind: 'roLora' }), job: 'demand' };
    const task = await Task.start({ name: 'fedAdam' }, factors, trained);
    for (const round of [1, 2, 3, 4]) await task.round(round);
    expect(await task.model()).toEqual(task.plainly([1, 2, 3, 4]));
  });

  it('stores a safetensors file that says whose state it is, one tensor for each vector', async () => {
    const task = await Task.start({ name: 'fedYogi' });
    await task.round(1);
    const bytes = readFileSync(path.join(folder, 'states', task.request.strategyStateHash!));
    const header = readHeader(bytes, bytes.length);
    expect({ ...header.metadata }).toEqual({
      format: 'hansa-strategy-state',
      strategy: 'fedYogi',
      taskId: 'some task',
      round: '1',
    });
    expect(header.manifest).toMatchObject([
      { name: 'mean', shape: [40_700] },
      { name: 'variance', shape: [40_700] },
    ]);
  });

  it('keeps the c of SCAFFOLD as a file that says whose it is and in which sum each member was last', async () => {
    const task = await Task.start({ name: 'scaffold' });
    const length = 40_700;
    let c = new Float32Array(length);
    for (const [round, survivors, share] of [
      [1, [3, 4, 5], 1],
      [2, [4], 1 / 3],
      // Member 7 is new: two of four.
      [4, [3, 7], 1 / 2],
    ] as const) {
      const mean = meanOf(round, 2 * length);
      c = c.map((value, at) => value + share * mean[length + at]!);
      const facts = { stepShare, survivors };
      const { model, strategyStateHash } = await storeNextModel({ ...task.request, round }, () => tilesOf(mean), facts);
      task.request = { ...task.request, modelHash: model.sha256, strategyStateHash };
    }
    const hash = task.request.strategyStateHash!;
    const bytes = readFileSync(path.join(folder, 'states', hash));
    const header = readHeader(bytes, bytes.length);
    expect(readControlHeader(header, { taskId: 'some task', length })).toMatchObject({
      lastRounds: new Map([
        [3, 4],
        [4, 2],
        [5, 1],
        [7, 4],
      ]),
    });
    expect(new Float32Array(Uint8Array.from(bytes.subarray(header.dataOffset)).buffer)).toEqual(c);
    expect(await task.model()).toEqual(task.plainly([1, 2, 4]));
    task.request = { ...task.request, taskId: 'another task' };
    await expect(
      storeNextModel({ ...task.request, round: 5 }, () => tilesOf(meanOf(5, 2 * length)), {
        stepShare,
        survivors: [3],
      }),
    ).rejects.toMatchObject({ code: 'StrategyStateLost' });
  });

  it('stores no state where the strategy keeps nothing', async () => {
    const task = await Task.start({ name: 'fedAvg' });
    await task.round(1);
    expect(task.request.strategyStateHash).toBeUndefined();
    expect(stateFiles()).toEqual([]);
  });

  it('refuses a state that is missing, of another task, of another strategy or no state at all', async () => {
    const task = await Task.start({ name: 'fedAdam' });
    await task.round(1);
    const { request } = task;
    const other = await Task.start({ name: 'fedYogi' });
    await other.round(1);
    const noState = await states.put(once(encodeFile(manifest, {}, new Float32Array(parameterCount(manifest)))));
    const noFile = await states.put(once(new Uint8Array(100)));
    for (const change of [
      { taskId: 'another task' },
      { strategyStateHash: other.request.strategyStateHash },
      { strategyStateHash: '0'.repeat(64) },
      { strategyStateHash: noState.sha256 },
      { strategyStateHash: noFile.sha256 },
    ]) {
      task.request = { ...request, ...change };
      await expect(task.round(2)).rejects.toMatchObject({ code: 'StrategyStateLost' });
    }
  });

  it('stores nothing of a round whose numbers go beyond float32', async () => {
    const task = await Task.start({ name: 'fedAvgM' });
    const before = readdirSync(path.join(folder, 'blobs'));
    const mean = meanOf(1, 40_700);
    mean[40_690] = 1e39;
    await expect(task.round(1, mean)).rejects.toMatchObject({
      code: 'SumOutOfRange',
      message: expect.stringContaining('parameter 40990'),
    });
    expect(readdirSync(path.join(folder, 'blobs'))).toEqual(before);
    expect(stateFiles()).toEqual([]);
  });
});

describe('StrategyStates', () => {
  it('finds that a state is missing or damaged', async () => {
    const hash = (await states.put(once(Uint8Array.of(1, 2, 3)))).sha256;
    const check = (strategyStateHash: string | undefined) => states.assertIntact({ strategyStateHash });
    await expect(check(hash)).resolves.toBeUndefined();
    await expect(check(undefined)).resolves.toBeUndefined();
    const message = (what: string) =>
      expect.stringMatching(new RegExp(`states/[0-9a-f]{64} .* ${what}\\. Start a new`));
    await expect(check('0'.repeat(64))).rejects.toMatchObject({
      code: 'StrategyStateLost',
      message: message('is missing'),
    });
    for (const bytes of [Uint8Array.of(1, 2, 4), Uint8Array.of(1, 2), new Uint8Array(0)]) {
      writeFileSync(path.join(folder, 'states', hash), bytes);
      await expect(check(hash)).rejects.toMatchObject({ code: 'StrategyStateLost', message: message('is damaged') });
    }
  });

  it('deletes what no task goes on from', async () => {
    const stored = async (byte: number) => (await states.put(once(Uint8Array.of(byte)))).sha256;
    const [before, running, waiting, ended] = [await stored(0), await stored(1), await stored(2), await stored(3)];
    await states.sweep([
      { state: 'running', strategyStateHash: running },
      { state: 'waiting', strategyStateHash: waiting },
      { state: 'waiting', strategyStateHash: undefined },
      { state: 'completed', strategyStateHash: ended },
    ]);
    expect(stateFiles()).not.toContain(before);
    expect(new Set(stateFiles())).toEqual(new Set([running, waiting]));
  });
});
