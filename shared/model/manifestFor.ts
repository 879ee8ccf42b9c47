import { HansaError } from '@hansa/shared/errors';
import { elementCount, layOut, type Manifest, type SafetensorsHeader } from '@hansa/shared/numeric';
import { type Architecture, architectureOfMetadata, jobsOf } from './architecture.ts';
import { jobTerms } from './jobs/index.ts';
import { linearLayer, type TensorShape } from './jobs/job.ts';

/** The word embeddings, [vocabularySize, hiddenSize], of a model that reads texts: its first tensor. No job trains it. */
export const WORD_EMBEDDINGS = 'bert.embeddings.word_embeddings.weight';

/** The input embedding of every job's CLS token, [hiddenSize]; BERT has its own among the word embeddings. */
export const CLS_EMBEDDING = 'embedder.cls';

/**
 * The tensors of a model and their places in the flat vector.
 *
 * The encoder has the names, shapes ([out, in] for weights) and order of Hugging Face's BERT, so that its public weights can be loaded tensor for tensor.
 * The tensors of each job's embedder and head follow it, job by job.
 */
export const manifestFor = (architecture: Architecture): Manifest => layOut(tensorsOf(architecture));

/** The tensors of a model in the order of the flat vector, with what they start with. */
export function tensorsOf(architecture: Architecture): TensorShape[] {
  const { encoder, heads, text } = architecture;
  const { hiddenSize, feedForwardSize } = encoder;
  const tensors: TensorShape[] = [];
  const add = (name: string, ...shape: number[]) => tensors.push({ name, shape });
  const linear = (name: string, outputs: number, inputs: number) => tensors.push(...linearLayer(name, outputs, inputs));
  const layerNorm = (name: string) => {
    add(`${name}.weight`, hiddenSize);
    add(`${name}.bias`, hiddenSize);
  };

  if (text !== undefined) add(WORD_EMBEDDINGS, text.vocabularySize, hiddenSize);
  add('bert.embeddings.position_embeddings.weight', encoder.positions, hiddenSize);
  add('bert.embeddings.token_type_embeddings.weight', 2, hiddenSize);
  layerNorm('bert.embeddings.LayerNorm');
  for (let layer = 0; layer < encoder.layers; layer++) {
    const name = `bert.encoder.layer.${layer}`;
    linear(`${name}.attention.self.query`, hiddenSize, hiddenSize);
    linear(`${name}.attention.self.key`, hiddenSize, hiddenSize);
    linear(`${name}.attention.self.value`, hiddenSize, hiddenSize);
    linear(`${name}.attention.output.dense`, hiddenSize, hiddenSize);
    layerNorm(`${name}.attention.output.LayerNorm`);
    linear(`${name}.intermediate.dense`, feedForwardSize, hiddenSize);
    linear(`${name}.output.dense`, hiddenSize, feedForwardSize);
    layerNorm(`${name}.output.LayerNorm`);
  }
  add(CLS_EMBEDDING, hiddenSize);
  for (const job of jobsOf(architecture)) {
    const { embedder, head } = jobTerms(job);
    tensors.push(...embedder(encoder, heads[job]), ...head(encoder, heads[job]));
  }
  return tensors;
}

/** The architecture a model file declares. @throws HansaError InvalidModelFile (unless its tensors are exactly the architecture's, in the same order) */
export function architectureOfHeader(header: SafetensorsHeader): Architecture {
  const architecture = architectureOfMetadata(header.metadata);
  const expected = manifestFor(architecture);
  const { manifest } = header;
  const differs = expected.findIndex((entry, index) => {
    const found = manifest[index];
    return (
      found?.name !== entry.name ||
      found.offset !== entry.offset ||
      elementCount(found.shape) !== elementCount(entry.shape) ||
      found.shape.join() !== entry.shape.join()
    );
  });
  if (differs >= 0 || manifest.length !== expected.length) {
    const name = expected[differs]?.name ?? 'its end';
    throw new HansaError(
      'InvalidModelFile',
      `The tensors of the model file are not those of the architecture it declares; the first difference is at ${name}. Make a fresh one with: hansa-client model init.`,
    );
  }
  return architecture;
}
