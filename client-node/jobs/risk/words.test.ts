import { type Architecture, architectureAround, manifestFor, WORD_EMBEDDINGS } from '@hansa/shared/model';
import { MOST_CATEGORIES, MOST_TEXTS } from '@hansa/shared/model/jobs/risk';
import { elementCount, layOut } from '@hansa/shared/numeric';
import { seededNumbers } from '@hansa/shared/random';
import { beforeAll, describe, expect, it } from 'vitest';
import { activate } from '../../engines/engine.ts';
import { answersOf, lossAndGradient, lossOf, type ModelShape } from '../../gradient/gradient.ts';
import { initialWeights } from '../../model/initialise.ts';
import { awayFrom, lossGradientContract, norm } from '../lossGradient.contract.ts';
import { riskInputs } from './inputs.ts';
import { type OrderBatch, TOKENS } from './orders.ts';
import { sampleOrders } from './sample.ts';

const VOCABULARY = 50;
const encoder = { hiddenSize: 8, layers: 2, attentionHeads: 2, feedForwardSize: 16, positions: 32 };
const architecture: Architecture = architectureAround(encoder, ['risk'], {
  vocabularySize: VOCABULARY,
  pooling: 'mean',
});
const everything = manifestFor(architecture);
const drawn = seededNumbers('words of risk');
const all = awayFrom(initialWeights(architecture, 1));
const valuesOf = (name: string): Float32Array => {
  const { offset, shape } = everything.find((entry) => entry.name === name)!;
  return all.subarray(offset, offset + elementCount(shape));
};
/** As a task has it: the words are no part of what is trained. */
const trained = everything.filter(({ name }) => name !== WORD_EMBEDDINGS);
const manifest = layOut(trained);
const weights = Float32Array.from(trained.flatMap(({ name }) => [...valuesOf(name)]));
const words = valuesOf(WORD_EMBEDDINGS);
const shape: ModelShape = { architecture, job: 'risk', manifest, words };

const COUNT = 6;
const plain = sampleOrders('words', COUNT).batch([...Array(COUNT).keys()]);
const tokens = Int32Array.from({ length: COUNT * MOST_TEXTS * TOKENS }, (_, at) =>
  at % TOKENS < 1 + (at % 5) ? Math.floor(VOCABULARY * drawn.uniform()) : -1,
);
const batch: OrderBatch = { ...plain, tokens };

const apart = (one: Float32Array, other: Float32Array): number => norm(one.map((value, at) => value - other[at]!));

lossGradientContract(shape, weights, batch);

describe('the words of texts', () => {
  beforeAll(() => activate('cpu'));

  it('change the answers when a token changes, and do not when words change that no text names', async () => {
    const before = await answersOf(shape, weights, batch);
    const other = tokens.map((token) => (token < 0 ? token : (token + 1) % VOCABULARY));
    expect(apart(await answersOf(shape, weights, { ...batch, tokens: other }), before)).toBeGreaterThan(1e-3);
    const named = new Set(tokens);
    expect([...Array(VOCABULARY).keys()].some((token) => !named.has(token))).toBe(true);
    const changed = words.map((value, at) => (named.has(Math.floor(at / encoder.hiddenSize)) ? value : value + 1));
    expect(await answersOf({ ...shape, words: changed }, weights, batch)).toEqual(before);
  });

  it("come as each text's mean at the text's own token, and as zeros where there is none", async () => {
    const one: OrderBatch = {
      ...batch,
      tokens: tokens
        .with(0, 7)
        .with(1, 9)
        .fill(-1, 2, 2 * TOKENS),
    };
    const { texts } = riskInputs(one, architecture, words);
    const [columns, { hiddenSize }] = [MOST_CATEGORIES + MOST_TEXTS, encoder];
    expect(texts!.shape).toEqual([COUNT * columns, hiddenSize]);
    const row = async (order: number, column: number) =>
      [...(await texts!.data()).subarray((order * columns + column) * hiddenSize)].slice(0, hiddenSize);
    const mean = (...ids: number[]) =>
      Array.from({ length: hiddenSize }, (_, column) =>
        ids.reduce((sum, id) => sum + words[id * hiddenSize + column]! / ids.length, 0),
      );
    (await row(0, MOST_CATEGORIES)).forEach((value, at) => {
      expect(value).toBeCloseTo(mean(7, 9)[at]!, 6);
    });
    const third = tokens.subarray((2 * MOST_TEXTS + 3) * TOKENS).subarray(0, TOKENS);
    (await row(2, MOST_CATEGORIES + 3)).forEach((value, at) => {
      expect(value).toBeCloseTo(mean(...third.filter((token) => token >= 0))[at]!, 6);
    });
    for (const column of [0, MOST_CATEGORIES - 1, MOST_CATEGORIES + 1])
      expect(await row(0, column)).toEqual(Array(hiddenSize).fill(0));
  });

  it('are nothing to a model without word embeddings, bit for bit', async () => {
    const without = architectureAround(encoder, ['risk']);
    const bare: ModelShape = { architecture: without, job: 'risk', manifest: manifestFor(without) };
    const start = initialWeights(without, 1);
    expect(await lossAndGradient(bare, start, batch)).toEqual(await lossAndGradient(bare, start, plain));
    expect(Object.keys(riskInputs(batch, without, words))).not.toContain('texts');
  });

  it('must be there where the model has them and orders have texts, and be among its own', async () => {
    const missing = new RangeError('a model with word embeddings needs the tokens of texts');
    await expect(lossOf(shape, weights, plain)).rejects.toThrow(missing);
    await expect(lossOf({ ...shape, words: undefined }, weights, batch)).rejects.toThrow(missing);
    await expect(lossOf(shape, weights, { ...batch, tokens: tokens.with(0, VOCABULARY) })).rejects.toThrow(
      new RangeError(`there is no word embedding of token ${VOCABULARY}`),
    );
    const textless: OrderBatch = { ...plain, words: new Int32Array(0) };
    expect(await lossOf({ ...shape, words: undefined }, weights, textless)).toBeGreaterThan(0);
  });
});
