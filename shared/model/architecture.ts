import { HansaError } from '@hansa/shared/errors';
import { z } from 'zod';
import { type Heads, headsSchema, type JobName, jobNames, jobTerms, standardHeads } from './jobs/index.ts';

/** Of a model file's metadata. 3: the demand head mixes whole quantile forecasts. */
const FORMAT_VERSION = 3;

const mostHidden = 1024;
const mostWords = 300_000;
/** The most bytes that a model's word embeddings take. */
export const MOST_WORD_BYTES = 4 * mostHidden * mostWords;

/** The jobs that a model is for, in the order of their tensors. */
export const jobsOf = ({ heads }: { readonly heads: Heads }): JobName[] =>
  jobNames.filter((name) => heads[name] !== undefined);

const longestSequence = (heads: Heads): number =>
  Math.max(...jobsOf({ heads }).map((job) => jobTerms(job).longestSequence(heads[job])));

const encoderSchema = z.strictObject({
  hiddenSize: z.int().min(8).max(mostHidden),
  layers: z.int().min(1).max(24),
  attentionHeads: z.int().min(1).max(32),
  feedForwardSize: z.int().min(8).max(4096),
  /** Rows of the learned position table: the most tokens a sequence may have. */
  positions: z.int().min(32).max(512),
});
export type EncoderShape = z.infer<typeof encoderSchema>;

const textSchema = z.strictObject({
  /** Rows of the word embeddings. */
  vocabularySize: z.int().min(1).max(mostWords),
  /** The embedding of a whole text: the mean of its tokens, or its first token. */
  pooling: z.enum(['mean', 'cls']),
});

/**
 * The shape of a base model: a BERT-geometry encoder, and for each of its jobs the embedder that turns a merchant's data into tokens and the head that
 * turns encoded tokens into answers.
 *
 * A model file holds it as JSON in its metadata, under `architecture`.
 */
export const architectureSchema = z
  .strictObject({
    formatVersion: z.literal(FORMAT_VERSION),
    encoder: encoderSchema,
    /** The jobs that the model is for, and the sizes of their own tensors. */
    heads: headsSchema,
    /** Present where the model has word embeddings, as one made from public weights does: it then reads texts too. */
    text: textSchema.optional(),
  })
  .refine(({ encoder }) => encoder.hiddenSize % encoder.attentionHeads === 0, {
    message: 'hiddenSize must be a multiple of attentionHeads',
    path: ['encoder', 'attentionHeads'],
  })
  .refine(({ encoder, heads }) => longestSequence(heads) <= encoder.positions, {
    message: 'positions must hold the longest sequence of every job',
    path: ['encoder', 'positions'],
  });
export type Architecture = z.infer<typeof architectureSchema>;

/** The sizes a model can be made at: nano for tests and demos, tiny for a CPU, small with the geometry of MiniLM-L6, base with that of BERT-base for a GPU. */
export const modelSizes = ['nano', 'tiny', 'small', 'base'] as const;
export type ModelSize = (typeof modelSizes)[number];

const encoders: Record<ModelSize, EncoderShape> = {
  nano: { hiddenSize: 64, layers: 2, attentionHeads: 2, feedForwardSize: 256, positions: 64 },
  tiny: { hiddenSize: 128, layers: 2, attentionHeads: 2, feedForwardSize: 512, positions: 256 },
  small: { hiddenSize: 384, layers: 6, attentionHeads: 12, feedForwardSize: 1536, positions: 512 },
  base: { hiddenSize: 768, layers: 12, attentionHeads: 12, feedForwardSize: 3072, positions: 512 },
};

/** The architecture of a named size, for these jobs. */
export function architectureOf(size: ModelSize, jobs: readonly JobName[] = ['demand']): Architecture {
  return architectureAround(encoders[size], jobs);
}

/** The architecture of a model for these jobs with a given encoder, such as a public one. */
export function architectureAround(
  encoder: EncoderShape,
  jobs: readonly JobName[] = ['demand'],
  text?: Architecture['text'],
): Architecture {
  return {
    formatVersion: FORMAT_VERSION,
    encoder,
    heads: standardHeads(jobs),
    ...(text === undefined ? {} : { text }),
  };
}

/** The metadata of a model file. */
export function modelMetadata(architecture: Architecture): Record<string, string> {
  return { format: 'hansa', architecture: JSON.stringify(architecture) };
}

/**
 * Reads the architecture out of a model file's metadata.
 *
 * @throws HansaError InvalidModelFile (when it is absent, malformed or of another release)
 */
export function architectureOfMetadata(metadata: Readonly<Record<string, string>>): Architecture {
  const text = metadata.architecture;
  if (metadata.format === 'hansa-adapter') {
    throw new HansaError(
      'InvalidModelFile',
      'The file is an adapter, not a whole model. Make a model of it with: hansa-client model merge ADAPTER --base START --out MODEL.',
    );
  }
  if (metadata.format !== 'hansa' || text === undefined) {
    throw new HansaError(
      'InvalidModelFile',
      'The model file does not say that it is a Hansa model (metadata "format" and "architecture"). Make one with: hansa-client model init.',
    );
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new HansaError('InvalidModelFile', "The architecture in the model file's metadata is not JSON.");
  }
  const version = z.object({ formatVersion: z.int() }).safeParse(parsed);
  if (version.success && version.data.formatVersion !== FORMAT_VERSION) {
    const release = version.data.formatVersion < FORMAT_VERSION ? 'an earlier' : 'a later';
    throw new HansaError(
      'InvalidModelFile',
      `The model file is of format ${version.data.formatVersion}, of ${release} release of Hansa; this one reads format ${FORMAT_VERSION}, whose tensors differ. Make a new model with: hansa-client model init.`,
    );
  }
  const architecture = architectureSchema.safeParse(parsed);
  if (!architecture.success) {
    throw new HansaError(
      'InvalidModelFile',
      `The architecture in the model file's metadata is malformed: ${z.prettifyError(architecture.error).slice(0, 1000)}`,
    );
  }
  return architecture.data;
}
