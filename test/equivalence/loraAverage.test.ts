import { createHash } from 'node:crypto';
import { ToyLeague } from '@hansa/coordinator/testing';
import {
  type AdapterMode,
  adapterManifest,
  adapterOfHeader,
  architectureOf,
  frozenFactors,
  gather,
  initialAdapter,
  lengthOf,
  manifestFor,
  modelMetadata,
  scatter,
  trainedSegments,
  trainingModeSchema,
} from '@hansa/shared/model';
import {
  elementCount,
  encodeFile,
  type Manifest,
  parameterCount,
  readHeader,
  type TensorEntry,
} from '@hansa/shared/numeric';
import { seededNumbers } from '@hansa/shared/random';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const architecture = architectureOf('nano');
const base = manifestFor(architecture);
const model = encodeFile(base, modelMetadata(architecture), new Float32Array(parameterCount(base)).fill(0.01));
const hashOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const matrix = 'bert.encoder.layer.1.attention.self.value';
const members = 5;

let league: ToyLeague;
beforeEach(async () => {
  league = await ToyLeague.start();
});
afterEach(() => league.close());

/** Runs a task whose members send `updateOf(member, round)`; resolves to the file's vector before, and after each round. */
async function train(mode: AdapterMode, rounds: number, updateOf: (member: number, round: number) => Float32Array) {
  for (let member = 0; member < members; member++) {
    await league.enrol(1, { update: (round) => updateOf(member, round) });
  }
  const taskId = await league.createTask({ rounds, plan: { mode, seed: 3 } }, model);
  await Promise.all(league.nodes.map((node) => node.connect()));
  await Promise.all(league.nodes.map((node) => node.ended));
  const { initialModelHash } = await league.task(taskId);
  const records = await league.rounds(taskId);
  const hashes = [initialModelHash, ...records.map(({ modelHash }) => modelHash!)];
  const files = await Promise.all(
    hashes.map(async (hash) => {
      const response = await league.nodes[0]!.request('GET', `/v1/blobs/${hash}`);
      const bytes = new Uint8Array(await response.arrayBuffer());
      const header = readHeader(bytes, bytes.length);
      expect(header.manifest).toEqual(adapterManifest(architecture, { mode, job: 'demand' }));
      expect(adapterOfHeader(header, { architecture, sha256: hashOf(model) })).toEqual({
        mode,
        job: 'demand',
        seed: 3,
      });
      return new Float32Array(bytes.slice(header.dataOffset).buffer);
    }),
  );
  return { taskId, files };
}

const tensor = (manifest: Manifest, vector: Float32Array, name: string): Float32Array => {
  const { offset, shape } = manifest.find((entry) => entry.name === name)!;
  return vector.slice(offset, offset + elementCount(shape));
};

/** B [64, rank] · A [rank, 64]. */
function product(b: Float32Array, a: Float32Array, rank: number): Float64Array {
  const size = b.length / rank;
  const out = new Float64Array(size * size);
  for (let row = 0; row < size; row++)
    for (let column = 0; column < size; column++)
      for (let inner = 0; inner < rank; inner++)
        out[row * size + column]! += b[row * rank + inner]! * a[inner * size + column]!;
  return out;
}
const mean = (all: readonly ArrayLike<number>[]): Float64Array =>
  Float64Array.from(
    { length: all[0]!.length },
    (_, index) => all.reduce((sum, one) => sum + one[index]!, 0) / all.length,
  );
const added = (one: Float32Array, other: Float32Array) => one.map((value, index) => value + other[index]!);
const distance = (found: ArrayLike<number>, expected: Float64Array): number => {
  const norm = (values: ArrayLike<number>) => Math.sqrt(Array.from(values).reduce((sum, value) => sum + value ** 2, 0));
  return norm(expected.map((value, index) => value - found[index]!)) / norm(expected);
};
const noise = (name: string, length: number, scale: number): Float32Array => {
  const numbers = seededNumbers(name);
  return Float32Array.from({ length }, () => scale * numbers.truncatedNormal());
};

describe('what the coordinator averages', () => {
  it('of LoRA is the mean of the members’ products, with A frozen', async () => {
    const mode = trainingModeSchema.parse({ kind: 'lora', rank: 4 }) as AdapterMode & { rank: number };
    const manifest = adapterManifest(architecture, { mode, job: 'demand' });
    const updates = Array.from({ length: members }, (_, member) =>
      noise(`b/${member}`, parameterCount(manifest), 0.05),
    );
    const { files } = await train(mode, 1, (member) => updates[member]!);
    const { values: a } = frozenFactors(architecture, mode, 3).find(({ name }) => name === `${matrix}.lora_A.weight`)!;
    const name = `${matrix}.lora_B.weight`;
    const products = updates.map((update) => product(tensor(manifest, update, name), a, 4));
    const averaged = product(tensor(manifest, files[1]!, name), a, 4);
    // What is left is the step in which members tell their numbers.
    expect(distance(averaged, mean(products))).toBeLessThan(1e-5);
  });

  it('of RoLoRA is exact in every round, and touches no number of the factor that stays', async () => {
    const mode = trainingModeSchema.parse({ kind: 'roLora', rank: 4 }) as AdapterMode & { rank: number };
    const manifest = adapterManifest(architecture, { mode, job: 'demand' });
    const trained = [1, 2, 3].map((round) => trainedSegments(manifest, { mode, job: 'demand' }, round));
    const updates = trained.map((segments, place) =>
      Array.from({ length: members }, (_, member) => noise(`${place}/${member}`, lengthOf(segments), 0.05)),
    );
    const { files } = await train(mode, 3, (member, round) => updates[round - 1]![member]!);
    expect(files).toHaveLength(4);
    for (const [place, segments] of trained.entries()) {
      const [before, after] = [files[place]!, files[place + 1]!];
      const outside = (vector: Float32Array) => {
        const others = vector.slice();
        scatter(new Float32Array(lengthOf(segments)), segments, others);
        return others;
      };
      expect(outside(after)).toEqual(outside(before));
      // Each member's own model after its training, and the product in it.
      const products = updates[place]!.map((update) => {
        const own = before.slice();
        scatter(added(gather(before, segments), update), segments, own);
        return productIn(manifest, own);
      });
      expect(distance(productIn(manifest, after), mean(products))).toBeLessThan(1e-5);
    }
  });

  it('would not be the mean of the products if both factors were trained at once', () => {
    const [bs, as] = ['b', 'a'].map((factor) =>
      Array.from({ length: members }, (_, member) => noise(`${factor}/${member}`, 64 * 4, 0.05)),
    ) as [Float32Array[], Float32Array[]];
    const products = bs.map((b, member) => product(b, as[member]!, 4));
    const ofMeans = product(Float32Array.from(mean(bs)), Float32Array.from(mean(as)), 4);
    expect(distance(ofMeans, mean(products))).toBeGreaterThan(0.5);
  });

  it('starts every task of a base model from the same adapter', async () => {
    const mode = trainingModeSchema.parse({ kind: 'lora' }) as AdapterMode;
    const taskId = await league.createTask({ plan: { mode, seed: 3 } }, model);
    const again = await league.createTask({ plan: { mode, seed: 3 } }, model);
    expect((await league.task(taskId)).initialModelHash).toBe((await league.task(again)).initialModelHash);
    const read = async ({ shape }: TensorEntry) => new Float32Array(elementCount(shape)).fill(0.01);
    const bytes = await initialAdapter({ architecture, sha256: hashOf(model) }, { mode, job: 'demand' }, 3, read);
    expect((await league.task(taskId)).initialModelHash).toBe(hashOf(bytes));
    const beyond = trainingModeSchema.parse({ kind: 'lora', layers: [7] });
    await expect(league.createTask({ plan: { mode: beyond } }, model)).rejects.toMatchObject({ code: 'InvalidTask' });
  });
});

const productIn = (manifest: Manifest, vector: Float32Array): Float64Array =>
  product(tensor(manifest, vector, `${matrix}.lora_B.weight`), tensor(manifest, vector, `${matrix}.lora_A.weight`), 4);
