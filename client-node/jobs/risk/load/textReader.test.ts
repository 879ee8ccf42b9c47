import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { architectureAround } from '@hansa/shared/model';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { scratch } from '../../../data/scratch.ts';
import { bertFolder } from '../../../model/huggingFace/fixtures/fixtureFolder.ts';
import { allOf } from '../baselines/allOf.ts';
import { TOKENS } from '../orders.ts';
import { source } from '../source.ts';
import { loadOrders } from './loadOrders.ts';
import { HEADER, lateOrders, riskConfig } from './orderFixtures.ts';
import { openTextReader } from './textReader.ts';

const TOKENIZER = join(bertFolder, 'tokenizer.json');
/** Of the fixture: 89 words; [UNK] is token 1, red 41, shoes 42, size 43. */
const VOCABULARY = 89;

let room: Awaited<ReturnType<typeof scratch>>;
beforeEach(async () => {
  room = await scratch();
  const items = ['Red shoes', '', 'red ☃ size', Array(20).fill('shoes').join(' ')];
  const lines = lateOrders('texts').map((line, at) =>
    line
      .split(',')
      .with(7, items[at % items.length]!)
      .join(','),
  );
  await room.write('orders.csv', [HEADER, ...lines].join('\n'));
  await room.write('league.tokenizer.json', await readFile(TOKENIZER));
});
afterEach(() => room.remove());

const load = (changes = {}) => loadOrders(riskConfig({ tokenizer: 'league.tokenizer.json', ...changes }), room.folder);

describe('a text reader', () => {
  it('gives the first tokens of a text without those around it, and counts what it read', async () => {
    const reader = await openTextReader(TOKENIZER);
    expect(reader.tokensOf('Red shoes')).toEqual([41, 42]);
    expect(reader.tokensOf('')).toEqual([]);
    expect(reader.tokensOf('red ☃ size')).toEqual([41, 1, 43]);
    expect(reader.tokensOf('shoes '.repeat(50_000))).toEqual(Array(TOKENS).fill(42));
    const counts = { texts: 3, cut: 1, read: 5 + TOKENS, unknown: 1 };
    expect(reader.counts()).toEqual({ vocabularySize: VOCABULARY, ...counts });
  });

  it.each([
    ['that is not there', undefined, /^data\.tokenizer: There is no tokenizer at .*name another with data\.tokenizer/],
    ['that is no JSON', 'words', /^data\.tokenizer: .*league\.tokenizer\.json is no tokenizer\.json/],
    [
      'of another kind',
      JSON.stringify({ model: { type: 'WordPiece', vocab: { a: 0 } } }),
      /^data\.tokenizer: The tokenizer does not serve this model/,
    ],
  ])('refuses a tokenizer %s', async (_, content, message) => {
    await room.remove();
    room = await scratch();
    if (content !== undefined) await room.write('league.tokenizer.json', content);
    await expect(openTextReader(join(room.folder, 'league.tokenizer.json'))).rejects.toMatchObject({
      code: 'InvalidData',
      message: expect.stringMatching(message),
    });
  });
});

describe('orders whose texts have a tokenizer', () => {
  it('hold their tokens, and the report counts them', async () => {
    const data = await load();
    const { tokens, count } = allOf(data.train);
    const padded = (...ids: number[]) => [...ids, ...Array(TOKENS - ids.length).fill(-1)].join();
    const found = Array.from({ length: count }, (_, order) =>
      tokens!.subarray(order * TOKENS, (order + 1) * TOKENS).join(),
    );
    expect(new Set(found)).toEqual(
      new Set([padded(41, 42), padded(), padded(41, 1, 43), padded(...Array(TOKENS).fill(42))]),
    );
    expect(data.readsWords).toBe(true);
    const read = 150 * (2 + 3 + TOKENS);
    expect(data.report.facts.tokens).toEqual({ vocabularySize: VOCABULARY, texts: 450, cut: 150, read, unknown: 150 });
    expect(data.report.cleaning).toContain(
      'texts: 3,150 tokens read of 450 texts, 150 of them (4.8 %) unknown to the tokenizer; 150 texts are longer than 16 tokens and lose their end',
    );
  });

  it('are otherwise the same orders, and without one they have no tokens', async () => {
    const [named, plain] = [await load(), await load({ tokenizer: undefined })];
    expect(plain.readsWords).toBe(false);
    expect(Object.keys(plain.report.facts)).not.toContain('tokens');
    expect(plain.digest).not.toBe(named.digest);
    const { tokens: _, ...rest } = allOf(named.test);
    expect(allOf(plain.test)).toEqual(rest);
  });

  it('serve models by what these have: words, enough of them, or none', async () => {
    const encoder = { hiddenSize: 8, layers: 1, attentionHeads: 1, feedForwardSize: 8, positions: 32 };
    const model = (vocabularySize?: number) =>
      architectureAround(
        encoder,
        ['risk'],
        vocabularySize === undefined ? undefined : { vocabularySize, pooling: 'mean' },
      );
    const refusal = async (vocabularySize?: number, changes = {}) =>
      source.modelRefusal?.(model(vocabularySize), (await load(changes)).report);
    expect(await refusal(VOCABULARY)).toBeUndefined();
    expect(await refusal(undefined)).toBeUndefined();
    expect(await refusal(undefined, { tokenizer: undefined })).toBeUndefined();
    expect(await refusal(VOCABULARY, { tokenizer: undefined, columns: { texts: {} } })).toBeUndefined();
    expect(await refusal(VOCABULARY - 1)).toMatch(
      /has 89 tokens, and the model has embeddings of 88: take the file that `hansa-client model import` has written/,
    );
    expect(await refusal(VOCABULARY, { tokenizer: undefined })).toMatch(
      /reads texts by its word embeddings, and this node's configuration names no tokenizer \(data, tokenizer\): take the file/,
    );
  });

  it('must be orders with texts', () => {
    expect(() => riskConfig({ tokenizer: 'league.tokenizer.json', columns: { texts: {} } })).toThrow(
      /has no text to read: name one under columns\.texts/,
    );
  });
});
