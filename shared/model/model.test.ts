import { elementCount, encodeFile, layOut, parameterCount, readHeader } from '@hansa/shared/numeric';
import { describe, expect, it } from 'vitest';
import {
  architectureAround,
  architectureOf,
  architectureOfMetadata,
  architectureSchema,
  modelMetadata,
  modelSizes,
} from './architecture.ts';
import { architectureOfHeader, manifestFor, WORD_EMBEDDINGS } from './manifestFor.ts';

const nano = architectureOf('nano');

describe('architectureOf', () => {
  it.each(modelSizes)('gives %s a shape that its own schema allows', (size) => {
    expect(architectureSchema.parse(architectureOf(size))).toEqual(architectureOf(size));
  });

  it('refuses heads that do not divide the hidden size, too few positions and unknown keys', () => {
    const { encoder } = nano;
    expect(architectureSchema.safeParse({ ...nano, encoder: { ...encoder, attentionHeads: 3 } }).success).toBe(false);
    expect(
      architectureSchema.safeParse({
        ...nano,
        encoder: { ...encoder, positions: 32 },
        heads: { demand: { ...nano.heads.demand, pastPatches: 40 } },
      }).success,
    ).toBe(false);
    expect(architectureSchema.safeParse({ ...nano, other: 1 }).success).toBe(false);
    expect(architectureSchema.safeParse({ ...nano, heads: {} }).success).toBe(false);
    expect(architectureSchema.safeParse({ ...nano, heads: { ...nano.heads, other: {} } }).success).toBe(false);
  });
});

describe('architectureAround', () => {
  const { encoder } = architectureOf('small');

  it('adds the words without moving anything in models that have none', () => {
    const text = { vocabularySize: 30_522, pooling: 'mean' } as const;
    const reader = architectureSchema.parse(architectureAround(encoder, ['demand'], text));
    expect(JSON.stringify(architectureOf('small'))).not.toContain('text');
    const [words, ...others] = manifestFor(reader);
    expect(words).toMatchObject({ name: WORD_EMBEDDINGS, shape: [30_522, 384], offset: 0 });
    expect(layOut(others)).toEqual(manifestFor(architectureOf('small')));
    expect(architectureSchema.safeParse({ ...reader, text: { ...text, vocabularySize: 0 } }).success).toBe(false);
  });
});

describe('manifestFor', () => {
  it('lays out nano without holes, with the names of public BERT weights', () => {
    const manifest = manifestFor(nano);
    let offset = 0;
    for (const entry of manifest) {
      expect(entry.offset).toBe(offset);
      offset += elementCount(entry.shape);
    }
    expect(parameterCount(manifest)).toBe(138_324);
    expect(parameterCount(manifestFor(architectureOf('tiny')))).toBe(485_268);
    expect(parameterCount(manifestFor(architectureOf('small')))).toBe(10986132);
    expect(parameterCount(manifestFor(architectureOf('base')))).toBe(85720596);
    const names = manifest
      .filter(({ name }) => name.startsWith('bert.encoder.layer.1.'))
      .map(({ name }) => name.slice(21));
    expect(names).toEqual([
      ...['query', 'key', 'value'].flatMap((part) => [`attention.self.${part}.weight`, `attention.self.${part}.bias`]),
      'attention.output.dense.weight',
      'attention.output.dense.bias',
      'attention.output.LayerNorm.weight',
      'attention.output.LayerNorm.bias',
      'intermediate.dense.weight',
      'intermediate.dense.bias',
      'output.dense.weight',
      'output.dense.bias',
      'output.LayerNorm.weight',
      'output.LayerNorm.bias',
    ]);
    expect(manifest.find(({ name }) => name.endsWith('intermediate.dense.weight'))?.shape).toEqual([256, 64]);
  });
});

describe('architectureOfHeader', () => {
  const fileOf = (manifest: ReturnType<typeof manifestFor>, metadata: Record<string, string>) => {
    const bytes = encodeFile(manifest, metadata, new Float32Array(parameterCount(manifest)));
    return readHeader(bytes, bytes.length);
  };

  it('gives back what the file was made for', () => {
    expect(architectureOfHeader(fileOf(manifestFor(nano), modelMetadata(nano)))).toEqual(nano);
  });

  it.each([
    [1, 'an earlier'],
    [2, 'an earlier'],
    [4, 'a later'],
  ])('says of a model of format %i that it is of %s release, and what to do', (formatVersion, release) => {
    const metadata = { format: 'hansa', architecture: JSON.stringify({ ...nano, formatVersion }) };
    expect(() => architectureOfMetadata(metadata)).toThrow(
      expect.objectContaining({
        code: 'InvalidModelFile',
        message: expect.stringMatching(new RegExp(`format ${formatVersion}, of ${release} release.*model init`)),
      }),
    );
  });

  it.each([
    ['a tensor more', [...manifestFor(nano), { name: 'extra', shape: [1] }]],
    ['a tensor less', manifestFor(nano).slice(0, -1)],
    [
      'a tensor of another shape',
      manifestFor(nano).map((entry) => (entry.name === 'embedder.cls' ? { ...entry, shape: [8, 8] } : entry)),
    ],
    ['two tensors exchanged', manifestFor(nano).with(4, manifestFor(nano)[6]!).with(6, manifestFor(nano)[4]!)],
  ])('refuses %s', (_, tensors) => {
    expect(() => architectureOfHeader(fileOf(layOut(tensors), modelMetadata(nano)))).toThrow(
      expect.objectContaining({ code: 'InvalidModelFile' }),
    );
  });

  it.each([
    ['none', {}],
    ['another format', { ...modelMetadata(nano), format: 'pt' }],
    ['an architecture that is not JSON', { ...modelMetadata(nano), architecture: '{' }],
    ['an architecture with a fault', { ...modelMetadata(nano), architecture: '{"formatVersion":3}' }],
  ])('refuses metadata with %s', (_, metadata) => {
    expect(() => architectureOfMetadata(metadata)).toThrow(expect.objectContaining({ code: 'InvalidModelFile' }));
  });

  it('refuses an adapter and says what makes a model of it', () => {
    expect(() => architectureOfMetadata({ ...modelMetadata(nano), format: 'hansa-adapter' })).toThrow(
      expect.objectContaining({ code: 'InvalidModelFile', message: expect.stringContaining('model merge') }),
    );
  });
});
