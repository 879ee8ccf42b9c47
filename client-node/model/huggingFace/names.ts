/** Where a tensor of a public model goes: to a tensor of ours, or nowhere because Hansa has no use for it. */
export type Destination = { readonly name: string } | 'leftOut';

const SCAFFOLD = /^embeddings\.(position_ids|token_type_ids)$/;
/** What stands on top of BERT: the pooler, pre-training heads, and heads that somebody trained for a task of theirs. */
const ON_TOP = /^(pooler|cls|classifier|qa_outputs)\./;
const OURS = /^(embeddings|encoder\.layer\.\d+)\./;

/**
 * What to do with the tensor that a BERT of Hugging Face calls `name`; undefined where BERT has no such tensor.
 *
 * The prefix `bert.` may be missing, as where the model was saved without a head; `LayerNorm.gamma` and `.beta` are the names that TensorFlow's weights
 * brought along. Whether the encoder has the tensor at all is for the manifest to say.
 */
export function destinationOf(name: string): Destination | undefined {
  const bare = name.startsWith('bert.') ? name.slice('bert.'.length) : name;
  if (SCAFFOLD.test(bare) || ON_TOP.test(bare)) return 'leftOut';
  if (!OURS.test(bare)) return undefined;
  return {
    name: `bert.${bare.replace(/\.LayerNorm\.gamma$/, '.LayerNorm.weight').replace(/\.LayerNorm\.beta$/, '.LayerNorm.bias')}`,
  };
}

/** The name under which Hugging Face's BertModel saves a tensor of the encoder. */
export const publicName = (name: string): string => name.slice('bert.'.length);
