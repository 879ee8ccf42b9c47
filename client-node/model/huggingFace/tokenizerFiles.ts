import { join } from 'node:path';
import { z } from 'zod';
import { createTokenizer, type TextTokenizer, type TokenizerFile, tokenizerFileSchema } from '../text/tokenizer.ts';
import { readJsonFile } from './jsonFile.ts';

const TOKENIZER_LIMIT_BYTES = 128 * 1024 * 1024;
const CONFIG_LIMIT_BYTES = 16 * 1024 * 1024;

const tokenizerConfigSchema = z.looseObject({
  model_max_length: z.number().min(1).optional(),
  do_lower_case: z.boolean().nullish(),
  strip_accents: z.boolean().nullish(),
  tokenize_chinese_chars: z.boolean().nullish(),
});
const sentenceConfigSchema = z.looseObject({ max_seq_length: z.number().min(1).nullish() });

/**
 * A public model's tokenizer as one file: tokenizer.json with what other files of the folder say folded in.
 *
 * Python's BertTokenizer lets tokenizer_config.json decide over the normaliser; texts are cut where tokenizer_config.json or Sentence Transformers'
 * configuration says, and padding is left to the caller.
 *
 * @returns undefined where the folder has no tokenizer.json
 * @throws HansaError InvalidModelFile (when a file is malformed or the tokenizer does not serve the model)
 */
export async function readPublicTokenizer(
  folder: string,
  vocabularySize: number,
  positions: number,
): Promise<TokenizerFile | undefined> {
  const file = await readJsonFile(join(folder, 'tokenizer.json'), tokenizerFileSchema, TOKENIZER_LIMIT_BYTES);
  if (file === undefined) return undefined;
  const config =
    (await readJsonFile(join(folder, 'tokenizer_config.json'), tokenizerConfigSchema, CONFIG_LIMIT_BYTES)) ?? {};
  const sentences =
    (await readJsonFile(join(folder, 'sentence_bert_config.json'), sentenceConfigSchema, CONFIG_LIMIT_BYTES)) ?? {};
  const folded: TokenizerFile = {
    ...file,
    truncation: {
      direction: 'Right',
      max_length: Math.floor(
        Math.min(positions, config.model_max_length ?? positions, sentences.max_seq_length ?? positions),
      ),
      strategy: 'LongestFirst',
      stride: 0,
    },
    padding: null,
  };
  if (file.normalizer?.type === 'BertNormalizer') {
    folded.normalizer = {
      ...file.normalizer,
      ...(config.do_lower_case == null ? {} : { lowercase: config.do_lower_case }),
      ...(config.strip_accents == null ? {} : { strip_accents: config.strip_accents }),
      ...(config.tokenize_chinese_chars == null ? {} : { handle_chinese_chars: config.tokenize_chinese_chars }),
    };
  }
  createTokenizer(folded, vocabularySize, positions);
  return folded;
}

/** The tokenizer_config.json that goes with a tokenizer of ours, for Python's AutoTokenizer. */
export function tokenizerConfigOf(file: TokenizerFile, { maxTokens, frame }: TextTokenizer): Record<string, unknown> {
  const contents = file.added_tokens.map(({ content }) => content);
  const called = (...names: string[]) => names.find((name) => contents.includes(name));
  return {
    tokenizer_class: 'PreTrainedTokenizerFast',
    model_max_length: maxTokens,
    cls_token: frame[0],
    sep_token: frame[1],
    pad_token: called('[PAD]', '<pad>'),
    unk_token: called('[UNK]', '<unk>'),
    mask_token: called('[MASK]', '<mask>'),
  };
}
