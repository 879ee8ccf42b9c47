import { HansaError } from '@hansa/shared/errors';
import { dataFault } from '../../../data/dataFault.ts';
import { createTokenizer, readTokenizerFile } from '../../../model/text/tokenizer.ts';
import { TOKENS } from '../orders.ts';

/** Characters of a text that are looked at: many times what its first TOKENS tokens have. */
const MOST_CHARACTERS = 2000;

/** What a tokenizer made of a merchant's texts. */
export interface TokenCounts {
  /** Rows of word embeddings that the tokenizer needs. */
  readonly vocabularySize: number;
  /** Texts that are not empty. */
  readonly texts: number;
  /** Texts that have more than TOKENS tokens. */
  readonly cut: number;
  /** Tokens that are read of all texts. */
  readonly read: number;
  /** Those of them that stand for what the tokenizer does not know. */
  readonly unknown: number;
}

/** Reads texts as rows of a model's word embeddings. */
export interface TextReader {
  /** A text's first TOKENS tokens, without the two around it. @throws HansaError InvalidData (when the tokenizer cannot read it) */
  tokensOf(text: string): readonly number[];
  /** Of all texts read so far. */
  counts(): TokenCounts;
}

/** Opens the tokenizer at `path`. @throws HansaError InvalidData (when it is not there or is none) */
export async function openTextReader(path: string): Promise<TextReader> {
  const file = await readTokenizerFile(path, 'data.tokenizer').catch(asDataFault);
  const tokenizer = attempt(() => createTokenizer(file, Number.POSITIVE_INFINITY, TOKENS + 2));
  const { vocabularySize } = tokenizer;
  const counted = { texts: 0, cut: 0, read: 0, unknown: 0 };
  return {
    tokensOf(text) {
      const { ids, truncated } = attempt(() => tokenizer.encode(text.slice(0, MOST_CHARACTERS)));
      const tokens = ids.slice(1, -1);
      if (tokens.length > 0) counted.texts += 1;
      if (truncated) counted.cut += 1;
      counted.read += tokens.length;
      for (const token of tokens) if (token === tokenizer.unknown) counted.unknown += 1;
      return tokens;
    },
    counts: () => ({ vocabularySize, ...counted }),
  };
}

function attempt<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    return asDataFault(error);
  }
}

/** The tokenizer is a part of the mapping: what is wrong with it is told as such. */
function asDataFault(error: unknown): never {
  if (error instanceof HansaError) throw dataFault(`data.tokenizer: ${error.message}`);
  throw error;
}
