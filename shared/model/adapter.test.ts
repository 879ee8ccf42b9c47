import { readHeader, type TensorEntry } from '@hansa/shared/numeric';
import { describe, expect, it } from 'vitest';
import {
  type AdapterMode,
  adapterManifest,
  adapterOfHeader,
  assertAdapterOf,
  frozenFactors,
  initialAdapter,
} from './adapter.ts';
import { architectureOf } from './architecture.ts';
import { manifestFor } from './manifestFor.ts';
import { placeOf } from './segments.ts';
import { trainingModeSchema } from './trainingMode.ts';

const nano = architectureOf('nano');
const base = { architecture: nano, sha256: 'ab'.repeat(32) };
const mode = (settings: Record<string, unknown>) => trainingModeSchema.parse(settings) as AdapterMode;
const lora = mode({ kind: 'lora' });
const roLora = mode({ kind: 'roLora', rank: 4, targets: ['query', 'intermediate', 'output'], alsoTrain: [] });
const demand = (of: AdapterMode) => ({ mode: of, job: 'demand' as const });
const names = (of: AdapterMode) => adapterManifest(nano, demand(of)).map(({ name }) => name);
/** Every number of a tensor encodes its place. */
const read = async ({ offset, shape }: TensorEntry) =>
  Float32Array.from({ length: shape.reduce((product, size) => product * size, 1) }, (_, index) => offset + index);
const headerOf = (bytes: Uint8Array) => readHeader(bytes, bytes.length);
const fileOf = async (of: AdapterMode, seed = 1) => {
  const bytes = await initialAdapter(base, demand(of), seed, read);
  const header = headerOf(bytes);
  return { header, vector: new Float32Array(bytes.buffer.slice(header.dataOffset)) };
};

describe('adapterManifest', () => {
  it('of LoRA holds B of each adapted matrix and what is trained whole, and no A', () => {
    expect(names(lora)).toEqual([
      ...[0, 1].flatMap((layer) =>
        ['query', 'value'].map((part) => `bert.encoder.layer.${layer}.attention.self.${part}.lora_B.weight`),
      ),
      ...['token', 'item', 'row', 'corrections'].flatMap((layer) => [`demand.${layer}.weight`, `demand.${layer}.bias`]),
    ]);
    expect(adapterManifest(nano, demand(lora))[0]?.shape).toEqual([64, 8]);
  });

  it('adapts the blocks and matrices that the mode names', () => {
    const one = mode({ kind: 'lora', layers: [1], targets: ['output'], rank: 2, alsoTrain: [] });
    expect(adapterManifest(nano, demand(one))).toMatchObject([
      { name: 'bert.encoder.layer.1.output.dense.lora_B.weight', shape: [64, 2], offset: 0 },
    ]);
  });

  it("of head-only is the job's head", () => {
    const segments = names(mode({ kind: 'headOnly' })).map((name) => placeOf(name)?.segment);
    expect(new Set(segments)).toEqual(new Set(['head']));
  });

  it('refuses a block that is not there, and factors of RoLoRA whose rounds would differ in length', () => {
    const beyond = mode({ kind: 'lora', layers: [2] });
    expect(() => adapterManifest(nano, demand(beyond))).toThrow(expect.objectContaining({ code: 'InvalidTask' }));
    const uneven = mode({ kind: 'roLora', targets: ['query', 'output'] });
    expect(() => adapterManifest(nano, demand(uneven))).toThrow(expect.objectContaining({ code: 'InvalidTask' }));
  });
});

describe('initialAdapter', () => {
  it('has B at 0 and the rest as in the base model', async () => {
    const { header, vector } = await fileOf(lora);
    const whole = manifestFor(nano);
    for (const { name, shape, offset } of header.manifest) {
      const values = vector.subarray(offset, offset + shape.reduce((product, size) => product * size, 1));
      const entry = whole.find((one) => one.name === name);
      expect(values).toEqual(entry === undefined ? new Float32Array(values.length) : await read(entry));
    }
  });

  it('has A of RoLoRA from the seed: the same A that LoRA keeps frozen', async () => {
    const { header, vector } = await fileOf(roLora, 7);
    const asLora = { ...roLora, kind: 'lora' } as AdapterMode;
    const factors = frozenFactors(nano, asLora, 7);
    expect(factors).toHaveLength(6);
    for (const { name, values } of factors) {
      const { offset } = header.manifest.find((entry) => entry.name === name)!;
      expect(vector.subarray(offset, offset + values.length)).toEqual(values);
      const variance = values.reduce((sum, value) => sum + value * value, 0) / values.length;
      const inputs = header.manifest.find((entry) => entry.name === name)!.shape[1]!;
      // A normal cut at two deviations has 0.774 of the variance.
      expect(variance * inputs).toBeCloseTo(0.774, 0);
    }
    expect(frozenFactors(nano, asLora, 8)[0]?.values).not.toEqual(factors[0]?.values);
    expect(frozenFactors(nano, roLora, 7)).toEqual([]);
  });
});

describe('assertAdapterOf', () => {
  const refused = (message: string) =>
    expect.objectContaining({ code: 'InvalidModelFile', message: expect.stringContaining(message) });

  it('takes the file of this base model and mode, and no other', async () => {
    const { header } = await fileOf(lora);
    expect(() => assertAdapterOf(header, base, demand(lora), 1)).not.toThrow();
    expect(adapterOfHeader(header, base)).toEqual({ ...demand(lora), seed: 1 });
    const tiny = { ...base, architecture: architectureOf('tiny') };
    const shorter = { ...header, manifest: header.manifest.slice(0, -1) };
    for (const check of [
      () => assertAdapterOf(header, tiny, demand(lora), 1),
      () => assertAdapterOf(header, base, demand(mode({ kind: 'lora', alpha: 8 })), 1),
      () => assertAdapterOf(header, base, demand(mode({ kind: 'headOnly' })), 1),
      () => assertAdapterOf(shorter, base, demand(lora), 1),
      () => assertAdapterOf(header, base, demand(lora), 2),
    ]) {
      expect(check).toThrow(refused('not the one for mode'));
    }
  });

  it('says which base model is wanted and which was given', async () => {
    const { header } = await fileOf(lora);
    const other = { ...base, sha256: 'cd'.repeat(32) };
    for (const check of [() => assertAdapterOf(header, other, demand(lora), 1), () => adapterOfHeader(header, other)]) {
      expect(check).toThrow(refused(base.sha256));
      expect(check).toThrow(refused(other.sha256));
    }
    const { baseModelHash: _, ...metadata } = header.metadata;
    expect(() => adapterOfHeader({ ...header, metadata }, base)).toThrow(refused('does not say'));
    expect(() => adapterOfHeader({ ...header, metadata: { format: 'hansa' } }, base)).toThrow(
      refused('not an adapter'),
    );
  });
});

describe('trainingModeSchema', () => {
  it.each([
    { kind: 'lora', targets: [] },
    { kind: 'lora', targets: ['query', 'query'] },
    { kind: 'lora', targets: ['gate'] },
    { kind: 'lora', rank: 0 },
    { kind: 'lora', alpha: 0 },
    { kind: 'lora', layers: [] },
    { kind: 'headOnly', rank: 4 },
    { kind: 'other' },
  ])('refuses %j', (settings) => {
    expect(trainingModeSchema.safeParse(settings).success).toBe(false);
  });
});
