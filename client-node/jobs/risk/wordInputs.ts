import { type OrderBatch, TOKENS } from './orders.ts';

/**
 * The mean of the word embeddings of each text's tokens; zeros for a text without one.
 *
 * Looked up here and not on the engine: no task changes the table, so it needs no gradient, and a batch names a small part of its rows.
 *
 * @param tokens [n, T · TOKENS], -1 where there is none
 * @param words [vocabulary, hiddenSize]
 * @param place where order `order`'s text `text` goes among `rows` rows
 * @returns [rows, hiddenSize]
 * @throws RangeError (for a token that has no embedding)
 */
export function meanEmbeddings(
  { count, tokens }: Required<Pick<OrderBatch, 'count' | 'tokens'>>,
  words: Float32Array,
  hiddenSize: number,
  rows: number,
  place: (order: number, text: number) => number,
): Float32Array {
  const out = new Float32Array(rows * hiddenSize);
  const texts = tokens.length / count / TOKENS;
  for (let at = 0; at < count * texts; at++) {
    const named = tokens.subarray(at * TOKENS, (at + 1) * TOKENS).filter((token) => token >= 0);
    const row = place(Math.floor(at / texts), at % texts) * hiddenSize;
    for (const token of named) {
      const from = token * hiddenSize;
      if (from >= words.length) throw new RangeError(`there is no word embedding of token ${token}`);
      for (let column = 0; column < hiddenSize; column++) out[row + column]! += words[from + column]! / named.length;
    }
  }
  return out;
}
