import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Architecture, architectureOf, isPublic, manifestFor, WORD_EMBEDDINGS } from '@hansa/shared/model';
import { elementCount } from '@hansa/shared/numeric';
import { localTrainingSchema } from '@hansa/shared/protocol';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { activate, engineNames, missingPart } from '../../engines/engine.ts';
import { openLocalModel } from '../../gradient/localModel.ts';
import { sampleBatch } from '../../jobs/demand/sample.ts';
import { trainLocally } from '../../training/localTraining.ts';
import { initialWeights } from '../initialise.ts';
import { type Model, readModelFile, writeModelFile } from '../modelFile.ts';
import { createTextModel, pooled } from '../text/textModel.ts';
import { createTokenizer, readTokenizerFile, tokenizerPathOf } from '../text/tokenizer.ts';
import { exportModel } from './exportModel.ts';
import {
  bertFolder,
  fixtureFolder,
  fixtureTensors,
  type RawTensor,
  type RawTensors,
  references,
  renamed,
  safetensorsFile,
} from './fixtures/fixtureFolder.ts';
import { type ImportedModel, importModel } from './importModel.ts';

let scratch: string;
let here: string;
let cases = 0;
let original: RawTensors;
let imported: ImportedModel;
let model: Model;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'hansa-import-'));
  original = await fixtureTensors();
  const path = join(scratch, 'bert.safetensors');
  imported = await importModel({ folder: bertFolder, path, seed: 3 });
  model = await readModelFile(path);
});
afterAll(() => rm(scratch, { recursive: true, force: true }));
beforeEach(() => {
  here = join(scratch, String(cases++));
});

const tensorOf = ({ manifest, vector }: Model, name: string) => {
  const entry = manifest.find((one) => one.name === name)!;
  return vector.subarray(entry.offset, entry.offset + elementCount(entry.shape));
};
const far = (ours: Float32Array, theirs: ArrayLike<number>) =>
  ours.reduce((most, value, index) => Math.max(most, Math.abs(value - theirs[index]!)), 0);
const config = async () => JSON.parse(await readFile(join(bertFolder, 'config.json'), 'utf8')) as object;
const text = { vocabularySize: 89, pooling: 'mean' } as const;

describe.each(engineNames.filter((name) => missingPart(name) === undefined))('on %s', (engine) => {
  beforeAll(() => activate(engine, { withoutCard: true }));

  it('computes the hidden states and sentence embeddings of Python’s transformers from the same folder', async () => {
    const tokenizer = createTokenizer(await readTokenizerFile(imported.tokenizerPath!), text.vocabularySize, 40);
    const before = tf.memory().numTensors;
    const textModel = createTextModel(model);
    const encoded = references.map((reference) => tokenizer.encode(reference.text));
    expect(encoded.map(({ ids }) => ids)).toEqual(references.map(({ tokens }) => tokens));
    expect(encoded.map(({ truncated }) => truncated)).toEqual(references.map((_, at) => at === references.length - 1));
    const hidden = await textModel.hiddenStates(encoded.map(({ ids }) => ids));
    textModel.dispose();
    expect(tf.memory().numTensors).toBe(before);
    references.forEach((reference, at) => {
      expect(hidden[at]!.length).toBe(reference.tokens.length * 32);
      expect(far(hidden[at]!, reference.hidden.flat())).toBeLessThan(1e-5);
      expect(far(pooled(hidden[at]!, 32, 'mean'), reference.embedding)).toBeLessThan(1e-6);
    });
  });
});

describe('an imported model', () => {
  it('tells what it took, left out and made', () => {
    expect(imported.architecture).toEqual({
      ...architectureOf('nano'),
      encoder: { hiddenSize: 32, layers: 2, attentionHeads: 4, feedForwardSize: 64, positions: 40 },
      text,
    });
    expect(imported.leftOut).toEqual(['pooler.dense.bias', 'pooler.dense.weight']);
    expect(imported).toMatchObject({ ownTensors: false, parameters: model.vector.length });
    expect(imported.tokenizerPath).toBe(join(scratch, 'bert.tokenizer.json'));
  });

  it('holds the encoder as published and the rest as a fresh model would', () => {
    const fresh = initialWeights(imported.architecture, 3);
    for (const { name, offset, shape } of model.manifest) {
      const values = tensorOf(model, name);
      const expected = isPublic(name)
        ? new Float32Array(original[name.slice(5)]!.bytes.slice().buffer)
        : fresh.subarray(offset, offset + elementCount(shape));
      expect(values.length, name).toBe(expected.length);
      expect(far(values, expected), name).toBe(0);
    }
  });

  it('trains: every tensor of the demand job moves, and the words stay bit for bit', async () => {
    await activate('wasm');
    const windows = {
      count: 8,
      weights: new Float64Array(8).fill(1),
      batch: (indices: ArrayLike<number>) => sampleBatch('windows', indices.length),
    };
    const local = await openLocalModel({ modelFile: join(scratch, 'bert.safetensors'), job: 'demand' });
    const part = local.part(local.vector, 1);
    const trained = await trainLocally(part.shape, part.weights, windows, {
      training: localTrainingSchema.parse({ steps: 3, batchSize: 4, learningRate: 1e-3 }),
      fall: 'none',
      seed: 'imported',
      fullBatch: false,
    });
    expect(trained.loss).toBeGreaterThan(0);
    // What is sent is what is trained: the words are not in it.
    const words = elementCount(model.manifest[0]!.shape);
    expect(part.segments[0]?.offset).toBe(words);
    expect(part.weights.length).toBe(model.vector.length - words);
    const weights = model.vector.slice();
    weights.set(trained.weights, words);
    expect(weights.every(Number.isFinite)).toBe(true);
    for (const { name } of model.manifest) {
      const moved = far(tensorOf({ ...model, vector: weights }, name), tensorOf(model, name)) > 0;
      expect(moved, name).toBe(name !== WORD_EMBEDDINGS);
    }
  });
});

describe('the same weights in another form', () => {
  const shards = (): Record<string, unknown> => {
    const names = Object.keys(original);
    const first = new Set(names.slice(0, 9));
    const file = (name: string) =>
      first.has(name) ? 'model-00001-of-00002.safetensors' : 'model-00002-of-00002.safetensors';
    return {
      'model.safetensors': undefined,
      'model-00001-of-00002.safetensors': safetensorsFile(
        renamed(original, (name) => (first.has(name) ? name : undefined)),
      ),
      'model-00002-of-00002.safetensors': safetensorsFile(
        renamed(original, (name) => (first.has(name) ? undefined : name)),
      ),
      'model.safetensors.index.json': {
        metadata: { total_size: 1 },
        weight_map: Object.fromEntries(names.map((name) => [name, file(name)])),
      },
    };
  };
  const scaffold = { dtype: 'I64', shape: [1, 40], bytes: new Uint8Array(320) };

  it.each<[string, () => Record<string, unknown>]>([
    ['in shards', shards],
    [
      'under the prefix bert., beside heads',
      () => ({
        'model.safetensors': safetensorsFile({
          ...renamed(original, (name) => `bert.${name}`),
          'cls.predictions.bias': original['embeddings.LayerNorm.bias']!,
        }),
      }),
    ],
    [
      'with gamma and beta, and position ids',
      () => ({
        'model.safetensors': safetensorsFile({
          'embeddings.position_ids': scaffold,
          ...renamed(original, (name) =>
            name.replace('LayerNorm.weight', 'LayerNorm.gamma').replace('LayerNorm.bias', 'LayerNorm.beta'),
          ),
        }),
      }),
    ],
    [
      'in another order',
      () => ({ 'model.safetensors': safetensorsFile(Object.fromEntries(Object.entries(original).reverse())) }),
    ],
  ])('%s give the same model', async (_, files) => {
    const folder = await fixtureFolder(here, files());
    const found = await importModel({ folder, path: join(folder, 'out.safetensors'), seed: 3 });
    expect(found.sha256).toBe(imported.sha256);
  });

  it('with a tensor that does not fit into one piece are whole', async () => {
    const rows = 40_000;
    const words = Float32Array.from({ length: rows * 32 }, (_, index) => index);
    const folder = await fixtureFolder(here, {
      'config.json': { ...(await config()), vocab_size: rows },
      'model.safetensors': safetensorsFile({
        ...original,
        'embeddings.word_embeddings.weight': { dtype: 'F32', shape: [rows, 32], bytes: new Uint8Array(words.buffer) },
      }),
    });
    const out = join(folder, 'out.safetensors');
    await importModel({ folder, path: out, seed: 3 });
    expect(far(tensorOf(await readModelFile(out), WORD_EMBEDDINGS), words)).toBe(0);
  });

  it.each([
    ['F16', 2 ** -11, 2 ** -25],
    ['BF16', 2 ** -8, 0],
  ] as const)('as %s are rounded, and no further', async (dtype, relative, absolute) => {
    const halves = Object.fromEntries(Object.entries(original).map(([name, tensor]) => [name, halved(tensor, dtype)]));
    await fixtureFolder(here, { 'model.safetensors': safetensorsFile(halves) });
    const out = join(here, 'out.safetensors');
    await importModel({ folder: here, path: out, seed: 3 });
    const half = await readModelFile(out);
    for (const { name } of half.manifest) {
      if (!isPublic(name)) continue;
      const exact = tensorOf(model, name);
      const beyond = tensorOf(half, name).filter(
        (value, at) => !(Math.abs(value - exact[at]!) <= relative * Math.abs(exact[at]!) + absolute),
      );
      expect(beyond, name).toHaveLength(0);
    }
  });
});

describe('a tokenizer that cannot be read', () => {
  it.each([
    ['missing', 'missing.json', 'NotFound', 'There is no tokenizer at'],
    ['a folder', '.', 'InvalidModelFile', 'cannot be read (EISDIR)'],
  ])('is named: %s', async (_, name, code, message) => {
    await expect(readTokenizerFile(join(scratch, name))).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
  });
});

describe('exportModel', () => {
  it('gives what an import makes the same file of', async () => {
    const tokenizer = await readTokenizerFile(imported.tokenizerPath!);
    const out = join(scratch, 'exported');
    const files = await exportModel(model, out, tokenizer);
    expect(files).toEqual(
      expect.arrayContaining(['config.json', 'model.safetensors', 'hansa.safetensors', 'tokenizer.json']),
    );
    const back = await importModel({ folder: out, path: join(scratch, 'back.safetensors'), seed: 99 });
    expect(back).toMatchObject({ sha256: imported.sha256, ownTensors: true, leftOut: [] });
    expect(await readTokenizerFile(back.tokenizerPath!)).toEqual(tokenizer);
    expect((await readdir(scratch)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('keeps how texts are pooled', async () => {
    const architecture: Architecture = { ...model.architecture, text: { ...text, pooling: 'cls' } };
    const out = join(scratch, 'cls');
    await exportModel({ ...model, architecture }, out, undefined);
    const back = await importModel({ folder: out, path: join(scratch, 'cls-back.safetensors'), seed: 0 });
    expect(back.architecture).toEqual(architecture);
    expect(back.tokenizerPath).toBeUndefined();
  });

  it('takes a model that reads no texts, there and back', async () => {
    const architecture = architectureOf('nano');
    const from = join(scratch, 'nano.safetensors');
    await writeModelFile(from, architecture, initialWeights(architecture, 5));
    const out = join(scratch, 'nano');
    await exportModel(await readModelFile(from), out, undefined);
    const to = join(scratch, 'nano-back.safetensors');
    const back = await importModel({ folder: out, path: to, seed: 0 });
    expect(back.architecture).toEqual(architecture);
    expect((await readFile(to)).equals(await readFile(from))).toBe(true);
  });
});

describe('a folder that cannot be taken', () => {
  const file = (tensors: RawTensors) => ({ 'model.safetensors': safetensorsFile(tensors) });
  const changed = async (change: object) => ({ 'config.json': { ...(await config()), ...change } });
  const index = (weight_map: unknown) => ({
    'model.safetensors': undefined,
    'model.safetensors.index.json': { weight_map },
  });
  const oneShard = (names: string[], of: RawTensors = original) => ({
    ...index(Object.fromEntries(names.map((name) => [name, 'a.safetensors']))),
    'a.safetensors': safetensorsFile(of),
  });
  const word = 'embeddings.word_embeddings.weight';
  const filled = (value: number): RawTensor => {
    const bytes = original[word]!.bytes.slice();
    new Float32Array(bytes.buffer)[100] = value;
    return { ...original[word]!, bytes };
  };
  const tokenizer = async (change: object) => {
    const whole = JSON.parse(await readFile(join(bertFolder, 'tokenizer.json'), 'utf8')) as object;
    return { 'tokenizer.json': { ...whole, ...change } };
  };

  it.each<[string, RegExp, () => object | Promise<object>]>([
    ['without config.json', /has no config\.json/, () => ({ 'config.json': undefined })],
    ['with a config.json that is not JSON', /config\.json is not JSON/, () => ({ 'config.json': '{' })],
    [
      'with a pointer for its weights',
      /model\.safetensors.*Git LFS pointer.*git lfs pull/,
      () => ({ 'model.safetensors': 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 90868376\n' }),
    ],
    [
      'with a pointer for its tokenizer',
      /tokenizer\.json is not JSON: it is a Git LFS pointer/,
      () => ({ 'tokenizer.json': 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 90868376\n' }),
    ],
    ['with a page for its weights', /web page/, () => ({ 'model.safetensors': '<!DOCTYPE html><html></html>' })],
    [
      'with half a config.json',
      /config\.json is malformed.*hidden_size/s,
      () => ({ 'config.json': { model_type: 'bert' } }),
    ],
    ['with a huge config.json', /has 1048577 bytes/, () => ({ 'config.json': ' '.repeat(1_048_577) })],
    ['of RoBERTa', /type "roberta" \(RoBERTa's positions begin at 2/, () => changed({ model_type: 'roberta' })],
    ['of an unknown family', /type "constructor"\. /, () => changed({ model_type: 'constructor' })],
    ['with another activation', /hidden_act is "gelu_new", not "gelu"/, () => changed({ hidden_act: 'gelu_new' })],
    [
      'with relative positions and another epsilon',
      /position_embedding_type is "relative_key", not "absolute"; layer_norm_eps is 0\.00001/,
      () => changed({ position_embedding_type: 'relative_key', layer_norm_eps: 1e-5 }),
    ],
    ['with one token type', /type_vocab_size is 1, not 2/, () => changed({ type_vocab_size: 1 })],
    [
      'that is too wide',
      /outside of what Hansa trains.*hiddenSize/s,
      () => changed({ hidden_size: 2048, num_attention_heads: 16 }),
    ],
    [
      'with too many positions',
      /outside of what Hansa trains.*positions/s,
      () => changed({ max_position_embeddings: 8192 }),
    ],
    [
      'with heads that do not divide',
      /is no multiple of num_attention_heads/,
      () => changed({ num_attention_heads: 5 }),
    ],
    ['without weights', /neither model\.safetensors nor/, () => ({ 'model.safetensors': undefined })],
    [
      'with pickled weights',
      /can run code when it is opened/,
      () => ({ 'model.safetensors': undefined, 'pytorch_model.bin': 'x' }),
    ],
    [
      'with the weights of another model',
      /layer\.1\.output\.dense\.weight is missing/,
      () => file(renamed(original, (name) => (name === 'encoder.layer.1.output.dense.weight' ? undefined : name))),
    ],
    ['with a layer too many', /layer\.1\.[^;]* has no place in it/, () => changed({ num_hidden_layers: 1 })],
    [
      'without words',
      /word_embeddings\.weight is missing/,
      () => file(renamed(original, (name) => (name === word ? undefined : name))),
    ],
    [
      'with a transposed matrix',
      /intermediate\.dense\.weight" has the shape \[32, 64\], not \[64, 32\]/,
      () => {
        const name = 'encoder.layer.0.intermediate.dense.weight';
        return file({ ...original, [name]: { ...original[name]!, shape: [32, 64] } });
      },
    ],
    [
      'with unknown tensors',
      /BERT has no tensors called "roberta\.embeddings.*" and \d+ more/,
      () => file(renamed(original, (name) => `roberta.${name}`)),
    ],
    [
      'with a tensor under two names',
      /has the same place in the model/,
      () => file({ ...original, 'bert.embeddings.LayerNorm.gamma': original['embeddings.LayerNorm.weight']! }),
    ],
    [
      'with whole numbers as weights',
      /has the type "I32"; weights are F32, F16, BF16/,
      () => file({ ...original, [word]: { ...original[word]!, dtype: 'I32' } }),
    ],
    [
      'with a weight that is no number',
      /word_embeddings\.weight" holds something that is no finite/,
      () => file({ ...original, [word]: filled(Number.NaN) }),
    ],
    [
      'with an infinite weight',
      /holds something that is no finite/,
      () => file({ ...original, [word]: filled(Number.NEGATIVE_INFINITY) }),
    ],
    ['cut off', /header describes/, () => ({ 'model.safetensors': safetensorsFile(original).slice(0, -4) })],
    [
      'with a huge header',
      /header is larger/,
      () => ({ 'model.safetensors': safetensorsFile(original).fill(255, 0, 8) }),
    ],
    [
      'whose weights are a folder',
      /model\.safetensors cannot be read \(EISDIR\)/,
      () => ({ 'model.safetensors': undefined, 'model.safetensors/a': '' }),
    ],
    ['whose index is malformed', /index\.json is malformed/, () => index(7)],
    ['whose index names nothing', /names 0 shards/, () => index({})],
    [
      'whose index leads out of the folder',
      /A shard is a \.safetensors file in the same folder/,
      () => index({ a: '../a.safetensors' }),
    ],
    ['whose index leads elsewhere', /A shard is a/, () => index({ a: '/etc/a.safetensors' })],
    ['whose index names something else', /A shard is a/, () => index({ a: 'a.bin' })],
    ['that lacks a shard', /a\.safetensors is missing/, () => index({ a: 'a.safetensors' })],
    [
      'whose shard holds more',
      /holds the tensor "[^"]*", which the index does not/,
      () => oneShard(Object.keys(original).slice(1)),
    ],
    [
      'whose shard holds less',
      /lacks the tensor "more", which the index/,
      () => oneShard([...Object.keys(original), 'more']),
    ],
    [
      'with a tokenizer of another model',
      /has a token 90 and the model knows 89/,
      () => tokenizer({ added_tokens: [{ id: 90, content: 'x' }] }),
    ],
    ['with half a tokenizer', /tokenizer\.json is malformed/, () => ({ 'tokenizer.json': {} })],
    ['with an unknown tokenizer', /cannot be used/, () => tokenizer({ pre_tokenizer: { type: 'Unheard' } })],
    ['with a tokenizer that frames nothing', /frames texts with 0 tokens/, () => tokenizer({ post_processor: null })],
    ['that pools otherwise', /pooled by max/, () => ({ '1_Pooling/config.json': { pooling_mode_max_tokens: true } })],
    [
      'that pools in two ways',
      /pooled by cls and mean/,
      () => ({ '1_Pooling/config.json': { pooling_mode: ['cls', 'mean'] } }),
    ],
    [
      'whose texts pass through more than pooling',
      /pass through sentence_transformers\.models\.Dense, which Hansa does not have/,
      () => ({
        'modules.json': ['Transformer', 'Dense'].map((type) => ({ type: `sentence_transformers.models.${type}` })),
      }),
    ],
    [
      'with an unsound hansa.safetensors',
      /hansa\.safetensors.*does not say that it is a Hansa model/,
      () => ({ 'hansa.safetensors': safetensorsFile({}) }),
    ],
  ])('%s is refused, and nothing stays', async (_, message, files) => {
    const folder = await fixtureFolder(here, (await files()) as Record<string, unknown>);
    const before = (await readdir(folder)).sort();
    await expect(importModel({ folder, path: join(folder, 'out.safetensors'), seed: 0 })).rejects.toMatchObject({
      code: 'InvalidModelFile',
      message: expect.stringMatching(message),
    });
    expect((await readdir(folder)).sort()).toEqual(before);
  });

  it('whose hansa.safetensors is a folder is refused', async () => {
    const folder = await fixtureFolder(here, {});
    await mkdir(join(folder, 'hansa.safetensors'));
    await expect(importModel({ folder, path: join(folder, 'out.safetensors'), seed: 0 })).rejects.toMatchObject({
      code: 'InvalidModelFile',
      message: expect.stringMatching(/hansa\.safetensors is a folder/),
    });
  });

  it('is told when it does not exist', async () => {
    const folder = join(scratch, 'nowhere');
    await expect(importModel({ folder, path: join(scratch, 'none'), seed: 0 })).rejects.toMatchObject({
      code: 'NotFound',
    });
  });

  it('leaves nothing behind when interrupted', async () => {
    const abort = new AbortController();
    const out = join(scratch, 'interrupted.safetensors');
    const importing = importModel({
      folder: bertFolder,
      path: out,
      seed: 0,
      signal: abort.signal,
      onProgress: () => abort.abort(),
    });
    await expect(importing).rejects.toMatchObject({ code: 'Interrupted' });
    expect((await readdir(scratch)).filter((name) => name.startsWith('interrupted'))).toEqual([]);
  });
});

describe('a folder of Sentence Transformers', () => {
  it.each([
    [{ pooling_mode_cls_token: true, pooling_mode_mean_tokens: false }, 'cls'],
    [{ pooling_mode_cls_token: false, pooling_mode_mean_tokens: true, word_embedding_dimension: 32 }, 'mean'],
    [{ pooling_mode: 'cls', embedding_dimension: 32 }, 'cls'],
    [{ pooling_mode: ['mean'] }, 'mean'],
    [{}, 'mean'],
  ])('says how texts are pooled: %j', async (pooling, expected) => {
    const folder = await fixtureFolder(here, { '1_Pooling/config.json': pooling });
    const { architecture } = await importModel({ folder, path: join(folder, 'out.safetensors'), seed: 0 });
    expect(architecture.text?.pooling).toBe(expected);
  });

  it('says where texts are cut and, as Python takes it, whether case counts', async () => {
    const folder = await fixtureFolder(here, {
      'sentence_bert_config.json': { max_seq_length: 8 },
      'tokenizer_config.json': { do_lower_case: false, model_max_length: 1e30 },
    });
    const out = join(folder, 'out.safetensors');
    await importModel({ folder, path: out, seed: 0 });
    const tokenizer = createTokenizer(await readTokenizerFile(tokenizerPathOf(out)), text.vocabularySize, 40);
    expect(tokenizer.maxTokens).toBe(8);
    expect(tokenizer.encode('red shoes '.repeat(9))).toEqual({ ids: [2, 41, 42, 41, 42, 41, 42, 3], truncated: true });
    expect(tokenizer.encode('Red').ids).toEqual([2, 1, 3]);
  });
});

describe('manifestFor', () => {
  it('has the names of the fixture, which Python wrote', () => {
    const names = manifestFor(imported.architecture).flatMap(({ name }) => (isPublic(name) ? [name.slice(5)] : []));
    expect(names.sort()).toEqual(
      Object.keys(original)
        .filter((name) => !name.startsWith('pooler.'))
        .sort(),
    );
  });
});

/** A tensor of 32-bit floats in half the bytes, rounded to the nearest. */
function halved({ shape, bytes }: RawTensor, dtype: 'F16' | 'BF16'): RawTensor {
  const values = new Float32Array(bytes.slice().buffer);
  const halves = Uint16Array.from(values, dtype === 'F16' ? toHalf : toBfloat);
  return { dtype, shape, bytes: new Uint8Array(halves.buffer) };
}

function toHalf(value: number): number {
  const size = Math.abs(value);
  const exponent = Math.max(-14, Math.floor(Math.log2(size === 0 ? 1 : size)));
  const units = Math.round(size / 2 ** (exponent - 10));
  // Counted on from the exponent's first value, a fraction that rounds up to the next power of two carries over by itself.
  const bits = size < 2 ** -14 ? Math.round(size * 2 ** 24) : ((exponent + 14) << 10) + units;
  return (value < 0 ? 0x8000 : 0) | bits;
}

function toBfloat(value: number): number {
  const word = new Uint32Array(Float32Array.of(value).buffer)[0]!;
  return (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
}
