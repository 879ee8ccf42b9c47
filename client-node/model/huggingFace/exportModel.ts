import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Architecture, isPublic } from '@hansa/shared/model';
import { elementCount, layOut, type TensorEntry } from '@hansa/shared/numeric';
import { writeWhole } from '../../ledger/files.ts';
import { type Model, writeTensors } from '../modelFile.ts';
import { createTokenizer, type TokenizerFile } from '../text/tokenizer.ts';
import { LAYER_NORM_EPSILON } from './config.ts';
import { publicName } from './names.ts';
import { OWN_TENSORS_FILE, ownMetadata } from './ownTensors.ts';
import { tokenizerConfigOf } from './tokenizerFiles.ts';

/**
 * Writes a model in Hugging Face's layout, for Python's BertModel and SentenceTransformer and for `importModel`.
 *
 * model.safetensors holds the encoder under BertModel's names and nothing else, hansa.safetensors the rest; both in 32-bit floats. The folder appears whole
 * or not at all.
 *
 * @param out a folder that does not exist
 * @param tokenizer undefined where the model reads no texts or its tokenizer is not at hand
 * @returns the names of the files in it
 * @throws HansaError InvalidModelFile (when the tokenizer does not serve the model)
 * @throws what the file system throws
 */
export async function exportModel(
  { architecture, manifest, vector }: Model,
  out: string,
  tokenizer: TokenizerFile | undefined,
): Promise<string[]> {
  const temporary = `${out}.${randomUUID()}.tmp`;
  const files: string[] = [];
  const json = async (name: string, value: unknown) => {
    await writeWhole(join(temporary, name), `${JSON.stringify(value, null, 2)}\n`, 0o644);
    files.push(name);
  };
  const tensors = async (
    name: string,
    entries: readonly TensorEntry[],
    nameOf: (name: string) => string,
    metadata: Record<string, string>,
  ) => {
    const renamed = layOut(entries.map((entry) => ({ name: nameOf(entry.name), shape: entry.shape })));
    const values = entries.map(({ shape, offset }) => vector.subarray(offset, offset + elementCount(shape)));
    await writeTensors(join(temporary, name), renamed, metadata, values);
    files.push(name);
  };
  const isEncoder = ({ name }: TensorEntry) => isPublic(name);
  try {
    await mkdir(temporary, { recursive: true });
    await json('config.json', configOf(architecture));
    // Python's libraries ask for the format, which tells them whose layout the matrices have.
    await tensors('model.safetensors', manifest.filter(isEncoder), publicName, { format: 'pt' });
    await tensors(
      OWN_TENSORS_FILE,
      manifest.filter((entry) => !isEncoder(entry)),
      (name) => name,
      ownMetadata(architecture),
    );
    const { text, encoder } = architecture;
    if (text !== undefined) {
      await mkdir(join(temporary, '1_Pooling'));
      await json('1_Pooling/config.json', poolingOf(encoder.hiddenSize, text.pooling));
      await json('modules.json', sentenceModules);
      if (tokenizer !== undefined) {
        const made = createTokenizer(tokenizer, text.vocabularySize, encoder.positions);
        await json('tokenizer.json', tokenizer);
        await json('tokenizer_config.json', tokenizerConfigOf(tokenizer, made));
      }
    }
    await rename(temporary, out);
    return files;
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
}

function configOf({ encoder, text }: Architecture): Record<string, unknown> {
  return {
    architectures: ['BertModel'],
    model_type: 'bert',
    hidden_size: encoder.hiddenSize,
    num_hidden_layers: encoder.layers,
    num_attention_heads: encoder.attentionHeads,
    intermediate_size: encoder.feedForwardSize,
    max_position_embeddings: encoder.positions,
    // BertModel cannot be without words; where there are none it makes one row and never reads it when given inputs_embeds.
    vocab_size: text?.vocabularySize ?? 1,
    type_vocab_size: 2,
    hidden_act: 'gelu',
    layer_norm_eps: LAYER_NORM_EPSILON,
    position_embedding_type: 'absolute',
    pad_token_id: 0,
  };
}

/** Sentence Transformers' description of the pooling. */
function poolingOf(hiddenSize: number, pooling: 'mean' | 'cls'): Record<string, unknown> {
  return {
    word_embedding_dimension: hiddenSize,
    pooling_mode_cls_token: pooling === 'cls',
    pooling_mode_mean_tokens: pooling === 'mean',
    pooling_mode_max_tokens: false,
    pooling_mode_mean_sqrt_len_tokens: false,
  };
}

/** Sentence Transformers' list of what a text passes through: tokens, pooling, scaling to length 1. */
const sentenceModules = [
  ['', 'Transformer'],
  ['1_Pooling', 'Pooling'],
  ['2_Normalize', 'Normalize'],
].map(([path, type], index) => ({
  idx: index,
  name: String(index),
  path,
  type: `sentence_transformers.models.${type}`,
}));
