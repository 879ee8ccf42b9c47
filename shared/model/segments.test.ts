import { elementCount, layOut, parameterCount } from '@hansa/shared/numeric';
import { describe, expect, it } from 'vitest';
import { type AdapterMode, adapterManifest } from './adapter.ts';
import { architectureAround, architectureOf } from './architecture.ts';
import { manifestFor } from './manifestFor.ts';
import { gather, isIn, lengthOf, placeOf, type Segment, scatter, stretchesOf, trainedSegments } from './segments.ts';
import { trainingModeSchema } from './trainingMode.ts';

const nano = architectureOf('nano');
const full = { mode: { kind: 'full' }, job: 'demand' } as const;
const mode = (settings: object) => trainingModeSchema.parse(settings) as AdapterMode;

describe('placeOf', () => {
  it('knows every tensor of a model by its name', () => {
    const reader = architectureAround(nano.encoder, ['demand'], { vocabularySize: 10, pooling: 'mean' });
    const places = manifestFor(reader).map(({ name }) => [name, placeOf(name)] as const);
    for (const [name, place] of places) expect(place, name).toBeDefined();
    const byName = Object.fromEntries(places);
    expect(byName['bert.embeddings.word_embeddings.weight']).toEqual({ segment: 'words' });
    expect(byName['embedder.cls']).toEqual({ segment: 'encoder' });
    expect(byName['embedder.patch.bias']).toEqual({ segment: 'embedder', job: 'demand' });
    expect(byName['demand.corrections.bias']).toEqual({ segment: 'head', job: 'demand' });
    expect(placeOf('bert.encoder.layer.0.attention.self.query.lora_A.weight')).toEqual({ segment: 'factors' });
    expect(['bertha', 'other.weight'].map(placeOf)).toEqual([undefined, undefined]);
  });
});

describe('trainedSegments', () => {
  it('of a whole model are encoder, embedder and head, without the words', () => {
    const manifest = manifestFor(nano);
    const segments = trainedSegments(manifest, full, 3);
    expect(segments.map(({ name }) => name)).toEqual(['encoder', 'embedder', 'head']);
    expect(lengthOf(segments)).toBe(parameterCount(manifest));
    const reader = manifestFor(architectureAround(nano.encoder, ['demand'], { vocabularySize: 10, pooling: 'mean' }));
    expect(trainedSegments(reader, full, 1)).toEqual(
      segments.map((segment) => ({ ...segment, offset: segment.offset + 640 })),
    );
  });

  it('of RoLoRA hold B and A in turn, and what is trained whole in both, at one length', () => {
    for (const alsoTrain of [[], ['head'], ['embedder', 'head']]) {
      const roLora = mode({ kind: 'roLora', alsoTrain });
      const manifest = adapterManifest(nano, { mode: roLora, job: 'demand' });
      const [odd, even] = [1, 2].map((round) =>
        manifest.filter(isIn(trainedSegments(manifest, { mode: roLora, job: 'demand' }, round))),
      );
      const both = odd!.filter((entry) => even!.includes(entry));
      expect(new Set([...odd!, ...even!])).toEqual(new Set(manifest));
      expect(new Set(both.map(({ name }) => placeOf(name)?.segment))).toEqual(new Set(alsoTrain));
      expect(odd!.filter((entry) => !both.includes(entry)).every(({ name }) => name.includes('lora_B'))).toBe(true);
      expect(even!.filter((entry) => !both.includes(entry)).every(({ name }) => name.includes('lora_A'))).toBe(true);
      const sizes = [odd!, even!].map((entries) => entries.reduce((sum, { shape }) => sum + elementCount(shape), 0));
      expect(sizes[0]).toBe(sizes[1]);
    }
  });

  it('refuses a file without the factors that RoLoRA trains', () => {
    expect(() => trainedSegments(manifestFor(nano), { ...full, mode: mode({ kind: 'roLora' }) }, 1)).toThrow(
      expect.objectContaining({ code: 'InvalidModelFile' }),
    );
  });

  it('leave out a tensor that no job has', () => {
    const manifest = layOut([
      { name: 'bert.a', shape: [2] },
      { name: 'other.embedder', shape: [3] },
      { name: 'demand.b', shape: [4] },
    ]);
    expect(trainedSegments(manifest, full, 1)).toEqual([
      { name: 'encoder', offset: 0, length: 2 },
      { name: 'head', offset: 5, length: 4 },
    ]);
  });
});

describe('gather, scatter and stretchesOf', () => {
  const segments: Segment[] = [
    { name: 'encoder', offset: 1, length: 2 },
    { name: 'embedder', offset: 4, length: 1 },
    { name: 'head', offset: 7, length: 3 },
  ];
  const vector = Float32Array.from({ length: 11 }, (_, index) => index);

  it('lay the segments one after another and back, and touch nothing else', () => {
    const gathered = gather(vector, segments);
    expect([...gathered]).toEqual([1, 2, 4, 7, 8, 9]);
    const target = new Float32Array(11).fill(-1);
    scatter(gathered, segments, target);
    expect([...target]).toEqual([-1, 1, 2, -1, 4, -1, -1, 7, 8, 9, -1]);
  });

  it('copy nothing where the segments are contiguous', () => {
    const adjacent: Segment[] = [
      { name: 'encoder', offset: 2, length: 3 },
      { name: 'head', offset: 5, length: 4 },
    ];
    expect(gather(vector, adjacent).buffer).toBe(vector.buffer);
    expect([...gather(vector, adjacent)]).toEqual([2, 3, 4, 5, 6, 7, 8]);
  });

  it('find the place in the file of every piece of the sent vector', () => {
    const gathered = gather(vector, segments);
    for (let start = 0; start < 6; start++) {
      for (let count = 0; start + count <= 6; count++) {
        const found = stretchesOf(segments, start, count).flatMap(({ offset, length }) => [
          ...vector.subarray(offset, offset + length),
        ]);
        expect(found).toEqual([...gathered.subarray(start, start + count)]);
      }
    }
  });
});
