import { HansaError } from '@hansa/shared/errors';
import { z } from 'zod';

/** Periods in a patch: days, weeks or months. */
export const PATCH_PERIODS = 7;
/** Numbers that describe one period: value, mask, non-zero flag, twelve known covariates, four past-only ones. */
export const PERIOD_CHANNELS = 19;
/** Numbers in a patch, [period][channel]. */
export const PATCH_WIDTH = PATCH_PERIODS * PERIOD_CHANNELS;

/** The quantiles that the demand head forecasts, ascending. Its last column, behind them, is the mean. */
export const DEMAND_QUANTILES = [0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99] as const;

const mostHidden = 1024;
const mostWords = 300_000;
/** The most bytes that a model's word embeddings take. */
export const MOST_WORD_BYTES = 4 * mostHidden * mostWords;

/**
 * The shape of a base model: a BERT-geometry encoder, the embedders that turn a merchant's numbers into its tokens, and the heads of its jobs.
 *
 * It travels as JSON in a model file's metadata under `architecture`.
 */
export const architectureSchema = z
  .strictObject({
    formatVersion: z.literal(1),
    encoder: z.strictObject({
      hiddenSize: z.int().min(8).max(mostHidden),
      layers: z.int().min(1).max(24),
      attentionHeads: z.int().min(1).max(32),
      feedForwardSize: z.int().min(8).max(4096),
      /** Rows of the learned position table: the most tokens a window may have. */
      positions: z.int().min(32).max(512),
    }),
    embedder: z.strictObject({
      patchWidth: z.literal(PATCH_WIDTH),
      pastPatches: z.int().min(1).max(52),
      futurePatches: z.int().min(1).max(8),
      /** Rows and width of the hashed table of globally meaningful categories. */
      staticRows: z.int().min(1).max(8192),
      staticWidth: z.int().min(1).max(256),
      staticNumbers: z.int().min(0).max(64),
    }),
    heads: z.array(z.enum(['demand'])).length(1),
    /** Present where the model has word embeddings, as one made from public weights does: it then reads texts too. */
    text: z
      .strictObject({
        /** Rows of the word embeddings. */
        vocabularySize: z.int().min(1).max(mostWords),
        /** What stands for a whole text: the mean of its tokens, or its first token. */
        pooling: z.enum(['mean', 'cls']),
      })
      .optional(),
  })
  .refine(({ encoder }) => encoder.hiddenSize % encoder.attentionHeads === 0, {
    message: 'hiddenSize must be a multiple of attentionHeads',
    path: ['encoder', 'attentionHeads'],
  })
  .refine(({ encoder, embedder }) => 2 + embedder.pastPatches + embedder.futurePatches <= encoder.positions, {
    message: 'positions must hold two tokens and every past and future patch',
    path: ['encoder', 'positions'],
  });
export type Architecture = z.infer<typeof architectureSchema>;

/** The sizes a model can be made at: nano for tests and demos, tiny for a CPU, small with the geometry of MiniLM-L6, base with that of BERT-base for a GPU. */
export const modelSizes = ['nano', 'tiny', 'small', 'base'] as const;
export type ModelSize = (typeof modelSizes)[number];

const encoders: Record<ModelSize, Architecture['encoder']> = {
  nano: { hiddenSize: 64, layers: 2, attentionHeads: 2, feedForwardSize: 256, positions: 64 },
  tiny: { hiddenSize: 128, layers: 2, attentionHeads: 2, feedForwardSize: 512, positions: 256 },
  small: { hiddenSize: 384, layers: 6, attentionHeads: 12, feedForwardSize: 1536, positions: 512 },
  base: { hiddenSize: 768, layers: 12, attentionHeads: 12, feedForwardSize: 3072, positions: 512 },
};

const shortHistory = { pastPatches: 13, futurePatches: 4, staticRows: 256 };
const longHistory = { pastPatches: 52, futurePatches: 8, staticRows: 8192 };
const embedders: Record<ModelSize, Pick<Architecture['embedder'], 'pastPatches' | 'futurePatches' | 'staticRows'>> = {
  // 256 rows: the 8192 of the larger sizes would be most of a model this small.
  nano: shortHistory,
  tiny: shortHistory,
  small: longHistory,
  base: longHistory,
};

/** The architecture of a named size. */
export function architectureOf(size: ModelSize): Architecture {
  return {
    formatVersion: 1,
    encoder: encoders[size],
    embedder: { patchWidth: PATCH_WIDTH, ...embedders[size], staticWidth: 32, staticNumbers: 4 },
    heads: ['demand'],
  };
}

/**
 * The architecture of a model that is built around an encoder from elsewhere: embedders and heads of the named sizes, the long history from small's width
 * on where the encoder has the positions for it.
 */
export function architectureAround(encoder: Architecture['encoder'], text: Architecture['text']): Architecture {
  const { pastPatches, futurePatches } = longHistory;
  const isLarge =
    encoder.hiddenSize >= encoders.small.hiddenSize && 2 + pastPatches + futurePatches <= encoder.positions;
  return {
    ...architectureOf(isLarge ? 'small' : 'nano'),
    encoder,
    ...(text === undefined ? {} : { text }),
  };
}

/** The metadata of a model file. */
export function modelMetadata(architecture: Architecture): Record<string, string> {
  return { format: 'hansa', architecture: JSON.stringify(architecture) };
}

/** Reads the architecture out of a model file's metadata. Throws HansaError InvalidModelFile where it is absent or malformed. */
export function architectureOfMetadata(metadata: Readonly<Record<string, string>>): Architecture {
  const text = metadata.architecture;
  if (metadata.format === 'hansa-adapter') {
    throw new HansaError(
      'InvalidModelFile',
      'The file is an adapter, no whole model. Make one of it with: hansa-client model merge ADAPTER --base START --out MODEL.',
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
  const architecture = architectureSchema.safeParse(parsed);
  if (!architecture.success) {
    throw new HansaError(
      'InvalidModelFile',
      `The architecture in the model file's metadata is malformed: ${z.prettifyError(architecture.error).slice(0, 1000)}`,
    );
  }
  return architecture.data;
}
