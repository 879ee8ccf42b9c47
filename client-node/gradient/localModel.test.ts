import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type AdapterMode,
  type Architecture,
  architectureAround,
  architectureOf,
  frozenFactors,
  initialAdapter,
  lengthOf,
  manifestFor,
  stretchesOf,
  trainingModeSchema,
  WORD_EMBEDDINGS,
} from '@hansa/shared/model';
import { elementCount, encodeFile, type Manifest, readHeader, type TensorEntry } from '@hansa/shared/numeric';
import { seededNumbers } from '@hansa/shared/random';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activate, engineNames, missingPart } from '../engines/engine.ts';
import { sampleWindows } from '../jobs/demand/sample.ts';
import { awayFrom } from '../jobs/lossGradient.contract.ts';
import { initialWeights } from '../model/initialise.ts';
import { mergeAdapter } from '../model/mergeAdapter.ts';
import { readBaseModel, writeModelFile } from '../model/modelFile.ts';
import { lossAndGradient, lossOf, type ModelShape } from './gradient.ts';
import { type LocalModel, openLocalModel } from './localModel.ts';

const nano = architectureOf('nano');
const architecture: Architecture = {
  ...nano,
  encoder: { hiddenSize: 16, layers: 2, attentionHeads: 2, feedForwardSize: 24, positions: 32 },
  heads: { demand: { ...nano.heads.demand!, staticWidth: 4 } },
};
const manifest = manifestFor(architecture);
const whole: ModelShape = { architecture, job: 'demand', manifest };
// Away from the start: there the head corrects nothing, and nothing of the gradient reaches the encoder.
const base = awayFrom(initialWeights(architecture, 1));
const windows = sampleWindows('adapters', 6);
const batch = windows.batch([0, 1, 2, 3, 4, 5]);
const targets = ['query', 'key', 'value', 'attentionOutput', 'intermediate', 'output'];
const modes = {
  headOnly: trainingModeSchema.parse({ kind: 'headOnly' }),
  lora: trainingModeSchema.parse({ kind: 'lora', rank: 3, alpha: 6, targets, alsoTrain: ['embedder', 'head'] }),
  'lora of one block': trainingModeSchema.parse({ kind: 'lora', rank: 2, alpha: 3, layers: [1], alsoTrain: [] }),
  roLora: trainingModeSchema.parse({ kind: 'roLora', rank: 3, alpha: 6, targets }),
} as Record<string, AdapterMode>;

let folder: string;
const baseModelFile = () => join(folder, 'base.safetensors');

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hansa-local-'));
  await writeModelFile(baseModelFile(), architecture, base);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const tensorOf = (of: Manifest, vector: Float32Array, name: string) => {
  const { offset, shape } = of.find((entry) => entry.name === name)!;
  return { shape, values: vector.subarray(offset, offset + elementCount(shape)) };
};

/** The adapter as the task starts with it, and one as it may be later: B is not 0 any more. */
async function adapterFiles(mode: AdapterMode): Promise<{ start: string; later: string }> {
  const sha256 = createHash('sha256').update(readFileSync(baseModelFile())).digest('hex');
  const read = async ({ name }: TensorEntry) => tensorOf(manifest, base, name).values;
  const bytes = await initialAdapter({ architecture, sha256 }, { mode, job: 'demand' }, 1, read);
  const header = readHeader(bytes, bytes.length);
  const vector = new Float32Array(bytes.buffer.slice(header.dataOffset));
  const numbers = seededNumbers('later');
  const moved = vector.map((value) => value + 0.1 * numbers.truncatedNormal());
  const start = join(folder, 'start.safetensors');
  const later = join(folder, 'later.safetensors');
  writeFileSync(start, bytes);
  writeFileSync(later, encodeFile(header.manifest, header.metadata, moved));
  return { start, later };
}

/** Every weight of the model that an adapter makes of the base, in plain arithmetic. */
function merged(mode: AdapterMode, adapter: Manifest, vector: Float32Array): Float32Array {
  const weights = base.slice();
  const frozen = new Map(frozenFactors(architecture, mode, 1).map(({ name, values }) => [name, values]));
  for (const { name, offset, shape } of manifest) {
    const target = weights.subarray(offset, offset + elementCount(shape));
    if (adapter.some((entry) => entry.name === name)) target.set(tensorOf(adapter, vector, name).values);
    const stem = name.replace(/\.weight$/, '');
    if (!('rank' in mode) || !adapter.some((entry) => entry.name === `${stem}.lora_B.weight`)) continue;
    const b = tensorOf(adapter, vector, `${stem}.lora_B.weight`).values;
    const a = frozen.get(`${stem}.lora_A.weight`) ?? tensorOf(adapter, vector, `${stem}.lora_A.weight`).values;
    const [outputs, inputs] = shape as [number, number];
    for (let row = 0; row < outputs; row++)
      for (let column = 0; column < inputs; column++)
        for (let inner = 0; inner < mode.rank; inner++)
          target[row * inputs + column]! +=
            (mode.alpha / mode.rank) * b[row * mode.rank + inner]! * a[inner * inputs + column]!;
  }
  return weights;
}

const relative = (found: Float32Array, expected: Float32Array): number =>
  Math.hypot(...found.map((value, index) => value - expected[index]!)) / Math.hypot(...expected);

const present = engineNames.filter((name) => missingPart(name) === undefined);
describe.each(present)('a task’s weights on %s', (engine) => {
  beforeAll(() => activate(engine, { withoutCard: true }));

  it.each(Object.keys(modes))(
    'of %s compute what the merged model computes, and so do their gradients',
    async (name) => {
      const mode = modes[name]!;
      const { start, later } = await adapterFiles(mode);
      const before = tf.memory().numTensors;
      const model = await openLocalModel({
        modelFile: start,
        job: 'demand',
        adapter: { baseModelFile: baseModelFile(), mode, seed: 1 },
      });
      const adapter = adapterOf(model);
      expect(await lossOfPart(model, model.vector, 1)).toBeCloseTo(await lossOf(whole, base, batch), 5);
      const vector = await model.read(later);
      const all = merged(mode, adapter, vector);
      const { loss, gradient } = await lossAndGradient(whole, all, batch);
      for (const round of [1, 2]) {
        const part = model.part(vector, round);
        const found = await lossAndGradient(part.shape, part.weights, batch);
        expect(found.loss).toBeCloseTo(loss, 5);
        expect(found.gradient.length).toBe(lengthOf(part.segments));
        for (const entry of part.shape.manifest) {
          const own = tensorOf(part.shape.manifest, found.gradient, entry.name).values;
          expect(relative(own, expectedGradient(mode, adapter, vector, gradient, entry.name)), entry.name).toBeLessThan(
            1e-4,
          );
        }
        part.dispose();
      }
      model.dispose();
      const onePiece = await mergeAdapter(baseModelFile(), later);
      expect(relative(onePiece.vector, all)).toBeLessThan(1e-6);
      expect(tf.memory().numTensors).toBe(before);
    },
  );
});

describe('openLocalModel', () => {
  it('takes a whole model as it is', async () => {
    const model = await openLocalModel({ modelFile: baseModelFile(), job: 'demand' });
    expect(model.vector).toEqual(base);
    const { segments, weights, shape } = model.part(base, 1);
    expect(segments.map(({ name }) => name)).toEqual(['encoder', 'embedder', 'head']);
    expect(weights).toEqual(base);
    expect(shape).toMatchObject({ manifest });
    expect(await model.read(baseModelFile())).toEqual(base);
  });

  it('merges nothing but an adapter of this base', async () => {
    const { start, later } = await adapterFiles(modes.lora!);
    const other = join(folder, 'other.safetensors');
    const wider = { ...architecture, encoder: { ...architecture.encoder, feedForwardSize: 32 } };
    await writeModelFile(other, wider, initialWeights(wider, 1));
    await expect(mergeAdapter(other, start)).rejects.toMatchObject({
      code: 'InvalidModelFile',
      message: expect.stringContaining(start),
    });
    const mergedOnce = join(folder, 'merged.safetensors');
    await writeModelFile(mergedOnce, architecture, (await mergeAdapter(baseModelFile(), later)).vector);
    const anotherSeed = join(folder, 'another-seed.safetensors');
    await writeModelFile(anotherSeed, architecture, initialWeights(architecture, 2));
    for (const wrong of [mergedOnce, anotherSeed]) {
      await expect(mergeAdapter(wrong, later)).rejects.toMatchObject({
        code: 'InvalidModelFile',
        message: expect.stringMatching(/belongs to the base model with SHA-256 .*; the given one has/),
      });
    }
    await expect(mergeAdapter(baseModelFile(), baseModelFile())).rejects.toMatchObject({ code: 'InvalidModelFile' });
    await expect(mergeAdapter(baseModelFile(), join(folder, 'none'))).rejects.toMatchObject({ code: 'NotFound' });
  });

  it('refuses what is no adapter of its base, and a base that is none, by path', async () => {
    const { start } = await adapterFiles(modes.lora!);
    const open = (modelFile: string, mode: AdapterMode, base = baseModelFile()) =>
      openLocalModel({ modelFile, job: 'demand', adapter: { baseModelFile: base, mode, seed: 1 } });
    await expect(open(start, modes.roLora!)).rejects.toMatchObject({
      code: 'InvalidModelFile',
      message: expect.stringContaining(start),
    });
    await expect(open(baseModelFile(), modes.lora!)).rejects.toMatchObject({ code: 'InvalidModelFile' });
    const anotherSeed = join(folder, 'another-seed.safetensors');
    await writeModelFile(anotherSeed, architecture, initialWeights(architecture, 2));
    await expect(open(start, modes.lora!, anotherSeed)).rejects.toMatchObject({
      code: 'InvalidModelFile',
      message: expect.stringContaining('the given one has'),
    });
    await expect(open(start, modes.lora!, start)).rejects.toMatchObject({ code: 'InvalidModelFile' });
    await expect(open(start, modes.lora!, join(folder, 'none'))).rejects.toMatchObject({ code: 'NotFound' });
  });
});

describe('word embeddings', () => {
  const vocabularySize = 1000;
  const reading = architectureAround({ ...architecture.encoder, positions: 40 }, ['demand', 'risk'], {
    vocabularySize,
    pooling: 'mean',
  });
  const weights = initialWeights(reading, 1);
  const wordBytes = 4 * vocabularySize * reading.encoder.hiddenSize;
  const modelFile = () => join(folder, 'reading.safetensors');
  const report = (facts: object) => ({ summary: [], cleaning: [], findings: [], facts: { ...facts } });
  const named = { numbers: [], categories: [], texts: ['item'] };
  const texts = { report: report({ names: named, tokens: { vocabularySize } }), readsWords: true };
  const textless = { report: report({ names: { ...named, texts: [] } }), readsWords: false };
  const adapters = async (job: 'demand' | 'risk') => {
    const mode = modes.headOnly!;
    const base = await readBaseModel(modelFile());
    const read = async ({ name }: TensorEntry) => tensorOf(base.manifest, base.vector, name).values;
    const path = join(folder, `${job}-head.safetensors`);
    writeFileSync(path, await initialAdapter(base, { mode, job }, 1, read));
    return { modelFile: path, job, adapter: { baseModelFile: modelFile(), mode, seed: 1 } };
  };
  beforeAll(() => writeModelFile(modelFile(), reading, weights));

  it.each([
    ['whole models', async (job: 'demand' | 'risk') => ({ modelFile: modelFile(), job })],
    ['adapters', adapters],
  ])('are held in memory, and counted, where the data names words of them: %s', async (_, files) => {
    const risk = await files('risk');
    const held = await openLocalModel(risk, texts);
    const { shape } = held.part(held.vector, 1);
    expect(shape.words).toEqual(weights.subarray(0, wordBytes / 4));
    // Threads share it.
    expect(shape.words!.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(shape.manifest.map(({ name }) => name)).not.toContain(WORD_EMBEDDINGS);
    expect((shape.frozen ?? []).flatMap((part) => part.manifest.map(({ name }) => name))).not.toContain(
      WORD_EMBEDDINGS,
    );
    const without = await openLocalModel(risk, textless);
    expect(held.readBytes - without.readBytes).toBe(wordBytes);
    for (const other of [without, await openLocalModel(await files('demand'), { report: report({}) })])
      expect(other.part(other.vector, 1).shape.words).toBeUndefined();
  });

  it('of fewer words than the tokenizer of the data has are refused with what to do', async () => {
    const more = { ...texts, report: report({ names: named, tokens: { vocabularySize: vocabularySize + 1 } }) };
    for (const files of [{ modelFile: modelFile(), job: 'risk' as const }, await adapters('risk')]) {
      await expect(openLocalModel(files, more)).rejects.toMatchObject({
        code: 'PolicyRefused',
        message: expect.stringMatching(
          /^This node does not take part: the tokenizer .* has 1001 tokens.*NAME\.tokenizer\.json\)\.$/,
        ),
      });
    }
  });
});

async function lossOfPart(model: LocalModel, vector: Float32Array, round: number): Promise<number> {
  const { shape, weights, dispose } = model.part(vector, round);
  const loss = await lossOf(shape, weights, batch);
  dispose();
  return loss;
}

/** The manifest of a model's own file, put together from the parts of two rounds. */
function adapterOf(model: LocalModel): Manifest {
  const entries = [1, 2].flatMap((round) => {
    const { shape, segments, dispose } = model.part(model.vector, round);
    dispose();
    return shape.manifest.map((entry) => ({ ...entry, offset: stretchesOf(segments, entry.offset, 1)[0]!.offset }));
  });
  return entries.filter((entry, index) => entries.findIndex(({ name }) => name === entry.name) === index);
}

/** By the chain rule from the merged model's gradient: of B, s · dW · Aᵀ; of A, s · Bᵀ · dW. */
function expectedGradient(
  mode: AdapterMode,
  adapter: Manifest,
  vector: Float32Array,
  gradient: Float32Array,
  name: string,
): Float32Array {
  const factor = /^(.*)\.lora_([AB])\.weight$/.exec(name);
  if (factor === null || !('rank' in mode)) return tensorOf(manifest, gradient, name).values;
  const stem = factor[1]!;
  const { values: slope, shape } = tensorOf(manifest, gradient, `${stem}.weight`);
  const [outputs, inputs] = shape as [number, number];
  const { rank } = mode;
  const scale = mode.alpha / rank;
  const b = tensorOf(adapter, vector, `${stem}.lora_B.weight`).values;
  const a =
    frozenFactors(architecture, mode, 1).find((one) => one.name === `${stem}.lora_A.weight`)?.values ??
    tensorOf(adapter, vector, `${stem}.lora_A.weight`).values;
  const out = new Float32Array(factor[2] === 'B' ? outputs * rank : rank * inputs);
  for (let row = 0; row < outputs; row++)
    for (let column = 0; column < inputs; column++)
      for (let inner = 0; inner < rank; inner++) {
        const dW = scale * slope[row * inputs + column]!;
        if (factor[2] === 'B') out[row * rank + inner]! += dW * a[inner * inputs + column]!;
        else out[inner * inputs + column]! += dW * b[row * rank + inner]!;
      }
  return out;
}
