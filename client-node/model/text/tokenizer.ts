import { readFile } from 'node:fs/promises';
import { HansaError } from '@hansa/shared/errors';
import { strayFile } from '@hansa/shared/files';
import { Tokenizer } from '@huggingface/tokenizers';
import { z } from 'zod';

/** Turns texts into the numbers of a model's word embeddings. */
export interface TextTokenizer {
  /** Most tokens of a text, the two around it included. */
  readonly maxTokens: number;
  /** Names of the tokens before and behind every text, such as [CLS] and [SEP]. */
  readonly frame: readonly [string, string];
  /** Rows of word embeddings that it needs: a model with fewer has none for some of its tokens. */
  readonly vocabularySize: number;
  /** The token that stands for what it does not know; undefined where it knows every text. */
  readonly unknown: number | undefined;
  /** A text's tokens between the two of the frame; a longer text loses its end, never the frame. */
  encode(text: string): { readonly ids: readonly number[]; readonly truncated: boolean };
}

/** Of a tokenizer.json, what is read here; the rest is for the library. */
export const tokenizerFileSchema = z.looseObject({
  truncation: z.looseObject({ max_length: z.int() }).nullish(),
  padding: z.unknown().optional(),
  added_tokens: z.array(z.looseObject({ id: z.int().min(0), content: z.string() })).default([]),
  normalizer: z.looseObject({ type: z.string() }).nullish(),
  model: z.looseObject({
    type: z.string(),
    unk_token: z.string().nullish(),
    unk_id: z.int().nullish(),
    vocab: z.union([z.record(z.string(), z.int().min(0)), z.array(z.tuple([z.string(), z.number()]))]),
  }),
});
export type TokenizerFile = z.output<typeof tokenizerFileSchema>;

/**
 * Chinese characters beyond the 65,536 of the basic plane, as Python's tokenizers count them.
 *
 * BertNormalizer makes a word of each; the library looks at UTF-16 units and misses these, so they are set apart before it sees them.
 */
const RARE_IDEOGRAPHS = /[\u{20000}-\u{2a6df}\u{2a700}-\u{2b81f}\u{2b920}-\u{2ceaf}\u{2f800}-\u{2fa1f}]/gu;

/** Where the tokenizer of the model file at `path` lies: beside it, as NAME.tokenizer.json. */
export function tokenizerPathOf(path: string): string {
  return `${path.replace(/\.safetensors$/, '')}.tokenizer.json`;
}

/**
 * Makes a tokenizer of what a tokenizer.json holds.
 *
 * @param vocabularySize rows of the word embeddings: no token may be beyond them; Infinity where the model is not known yet
 * @param positions most tokens that the model takes; a smaller `truncation.max_length` of the file is kept
 * @throws HansaError InvalidModelFile (when the library cannot make it, a token has no embedding, or texts are not framed by one token before and one
 *   behind)
 */
export function createTokenizer(file: TokenizerFile, vocabularySize: number, positions: number): TextTokenizer {
  const refuse = (what: string) =>
    new HansaError(
      'InvalidModelFile',
      `The tokenizer does not serve this model: ${what}. Take both from the same folder.`,
    );
  const largest = largestId(file);
  if (largest >= vocabularySize) {
    throw refuse(`it has a token ${largest} and the model knows ${vocabularySize}, counted from 0`);
  }
  let tokenizer: Tokenizer;
  let empty: { ids: number[]; tokens: string[] };
  try {
    tokenizer = new Tokenizer(file, {});
    empty = tokenizer.encode('');
  } catch (error) {
    throw refuse(`it cannot be used (${error instanceof Error ? error.message.slice(0, 200) : 'unknown reason'})`);
  }
  const [before, behind] = empty.ids;
  if (empty.ids.length !== 2)
    throw refuse(`it frames texts with ${empty.ids.length} tokens instead of two, as BERT does`);
  const splitsIdeographs = file.normalizer?.type === 'BertNormalizer' && file.normalizer.handle_chinese_chars !== false;
  const maxTokens = Math.min(positions, file.truncation?.max_length ?? positions);
  if (maxTokens < 3) throw refuse(`it cuts texts to ${maxTokens} tokens`);
  return {
    maxTokens,
    frame: [empty.tokens[0]!, empty.tokens[1]!],
    vocabularySize: largest + 1,
    unknown: unknownOf(file),
    encode(text) {
      const { ids } = tokenizer.encode(splitsIdeographs ? text.replace(RARE_IDEOGRAPHS, ' $& ') : text);
      if (ids[0] !== before || ids.at(-1) !== behind) throw refuse('it does not frame texts as BERT does');
      const truncated = ids.length > maxTokens;
      return { ids: truncated ? [...ids.slice(0, maxTokens - 1), behind!] : ids, truncated };
    },
  };
}

/**
 * Reads a tokenizer.json.
 *
 * @param setting where a person names the file, for messages
 * @throws HansaError NotFound, InvalidModelFile (naming the path)
 */
export async function readTokenizerFile(path: string, setting = '--tokenizer'): Promise<TokenizerFile> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') {
      const message = `${path} cannot be read (${error.code}). Name the file tokenizer.json itself with ${setting}, and look at its permissions.`;
      throw new HansaError('InvalidModelFile', message, {}, { cause: error });
    }
    throw new HansaError(
      'NotFound',
      `There is no tokenizer at ${path}. \`hansa-client model import\` writes it beside the model; name another with ${setting}.`,
    );
  });
  try {
    return tokenizerFileSchema.parse(JSON.parse(bytes.toString().replace(/^\uFEFF/, '')));
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof z.ZodError)) throw error;
    const why = error instanceof z.ZodError ? z.prettifyError(error) : (strayFile(bytes) ?? error.message);
    throw new HansaError('InvalidModelFile', `${path} is no tokenizer.json: ${why.slice(0, 300)}`);
  }
}

function unknownOf({ model: { unk_token, unk_id, vocab }, added_tokens }: TokenizerFile): number | undefined {
  if (Array.isArray(vocab)) return unk_id ?? undefined;
  if (unk_token === undefined || unk_token === null) return undefined;
  return vocab[unk_token] ?? added_tokens.find(({ content }) => content === unk_token)?.id;
}

function largestId({ model: { vocab }, added_tokens }: TokenizerFile): number {
  let largest = Array.isArray(vocab) ? vocab.length - 1 : -1;
  if (!Array.isArray(vocab)) for (const id of Object.values(vocab)) largest = Math.max(largest, id);
  for (const { id } of added_tokens) largest = Math.max(largest, id);
  return largest;
}
