import { join } from 'node:path';
import { HansaError } from '@hansa/shared/errors';
import { type Architecture, architectureSchema } from '@hansa/shared/model';
import { z } from 'zod';
import { readJsonFile } from './jsonFile.ts';

/** The epsilon of every LayerNorm, BERT's. */
export const LAYER_NORM_EPSILON = 1e-12;

const SIZE_LIMIT_BYTES = 1024 * 1024;

const count = z.int().min(1);

// Published files hold much else, and what is absent means BERT's own default.
const configSchema = z.looseObject({
  model_type: z.string().default('bert'),
  hidden_size: count,
  num_hidden_layers: count,
  num_attention_heads: count,
  intermediate_size: count,
  max_position_embeddings: count,
  vocab_size: count,
  type_vocab_size: count.default(2),
  hidden_act: z.string().default('gelu'),
  layer_norm_eps: z.number().default(LAYER_NORM_EPSILON),
  position_embedding_type: z.string().default('absolute'),
  is_decoder: z.boolean().default(false),
  add_cross_attention: z.boolean().default(false),
});

// Sentence Transformers wrote a flag for every mode before it wrote the mode's name.
const poolingSchema = z.looseObject({ pooling_mode: z.union([z.string(), z.array(z.string())]).optional() });
const poolingFlag = /^pooling_mode_(cls|max|mean|mean_sqrt_len|weightedmean|last)_?tokens?$/;

const modulesSchema = z.array(z.looseObject({ type: z.string() }));
const knownModules = ['Transformer', 'Pooling', 'Normalize'];

/** What a public model's folder says about the shape of its encoder and its texts. */
export interface PublicConfig {
  readonly encoder: Architecture['encoder'];
  readonly text: NonNullable<Architecture['text']>;
}

/** How other families of models differ, for a person who tries to import one. */
const knownFamilies: Readonly<Record<string, string>> = {
  roberta: "RoBERTa's positions begin at 2 and it knows one token type",
  'xlm-roberta': "XLM-RoBERTa's positions begin at 2 and it knows one token type",
  camembert: "CamemBERT's positions begin at 2 and it knows one token type",
  distilbert: 'DistilBERT has no token types and other names',
  albert: 'ALBERT shares one block between all layers',
  electra: 'ELECTRA projects its embeddings',
  mpnet: 'MPNet has relative positions',
  'deberta-v2': 'DeBERTa has relative positions',
  modernbert: 'ModernBERT has rotary positions',
  nomic_bert: 'NomicBERT has rotary positions',
};

/**
 * Reads config.json and, where the folder comes from Sentence Transformers, how texts are pooled.
 *
 * @throws HansaError InvalidModelFile (no config.json, a model that is not BERT, or one whose arithmetic is not Hansa's)
 */
export async function readConfig(folder: string): Promise<PublicConfig> {
  const path = join(folder, 'config.json');
  const config = await readJsonFile(path, configSchema, SIZE_LIMIT_BYTES);
  if (config === undefined) {
    throw new HansaError(
      'InvalidModelFile',
      `${folder} has no config.json. Name a folder as Hugging Face's save_pretrained writes it: config.json, model.safetensors and tokenizer.json.`,
    );
  }
  const refuse = (what: string) => new HansaError('InvalidModelFile', `${path}: ${what}`);
  if (config.model_type !== 'bert') {
    const why = Object.hasOwn(knownFamilies, config.model_type) ? ` (${knownFamilies[config.model_type]})` : '';
    throw refuse(
      `the model is of the type ${JSON.stringify(config.model_type)}${why}. Hansa's encoder is BERT's: take a model of the type "bert", such as all-MiniLM-L6-v2 or BERT itself.`,
    );
  }
  const unfit = (
    [
      ['hidden_act', config.hidden_act, 'gelu'],
      ['position_embedding_type', config.position_embedding_type, 'absolute'],
      ['type_vocab_size', config.type_vocab_size, 2],
      ['layer_norm_eps', config.layer_norm_eps, LAYER_NORM_EPSILON],
      ['is_decoder', config.is_decoder, false],
      ['add_cross_attention', config.add_cross_attention, false],
    ] as const
  ).filter(([, found, wanted]) => found !== wanted);
  if (unfit.length > 0) {
    const told = unfit.map(
      ([name, found, wanted]) => `${name} is ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`,
    );
    throw refuse(`${told.join('; ')}. The model computes something else than Hansa's encoder does: take another one.`);
  }
  const encoder = {
    hiddenSize: config.hidden_size,
    layers: config.num_hidden_layers,
    attentionHeads: config.num_attention_heads,
    feedForwardSize: config.intermediate_size,
    positions: config.max_position_embeddings,
  };
  const text = { vocabularySize: config.vocab_size, pooling: await readPooling(folder) };
  const { encoder: encoderSchema, text: textSchema } = architectureSchema.shape;
  const checked = z.object({ encoder: encoderSchema, text: textSchema }).safeParse({ encoder, text });
  if (!checked.success) {
    throw refuse(
      `the model is outside of what Hansa trains: ${z.prettifyError(checked.error).slice(0, 1000)}. Take a smaller one.`,
    );
  }
  if (encoder.hiddenSize % encoder.attentionHeads !== 0) {
    throw refuse(`hidden_size ${encoder.hiddenSize} is no multiple of num_attention_heads ${encoder.attentionHeads}.`);
  }
  return { encoder, text };
}

async function readPooling(folder: string): Promise<PublicConfig['text']['pooling']> {
  const modulesPath = join(folder, 'modules.json');
  const modules = (await readJsonFile(modulesPath, modulesSchema, SIZE_LIMIT_BYTES)) ?? [];
  const unknown = modules.map(({ type }) => type).filter((type) => !knownModules.includes(type.split('.').at(-1)!));
  if (unknown.length > 0) {
    throw new HansaError(
      'InvalidModelFile',
      `${modulesPath}: texts pass through ${unknown.join(', ')}, which Hansa does not have. Remove the file to take the encoder without it.`,
    );
  }
  const path = join(folder, '1_Pooling', 'config.json');
  const config = await readJsonFile(path, poolingSchema, SIZE_LIMIT_BYTES);
  if (config === undefined) return 'mean';
  const flags = Object.entries(config).flatMap(([name, value]) =>
    value === true ? (poolingFlag.exec(name)?.[1] ?? []) : [],
  );
  const modes = config.pooling_mode === undefined ? flags : [config.pooling_mode].flat();
  const [mode = 'mean'] = modes;
  if (modes.length > 1 || (mode !== 'mean' && mode !== 'cls')) {
    throw new HansaError(
      'InvalidModelFile',
      `${path}: texts are pooled by ${modes.join(' and ')}, which Hansa does not do; it does "mean" and "cls". Remove the folder 1_Pooling to take the mean of the tokens.`,
    );
  }
  return mode;
}
