import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { HansaError } from '@hansa/shared/errors';
import {
  type Architecture,
  architectureAround,
  architectureSchema,
  isPublic,
  type JobName,
  jobsOf,
  manifestFor,
  modelMetadata,
  tensorsOf,
  WORD_EMBEDDINGS,
} from '@hansa/shared/model';
import { type Manifest, parameterCount } from '@hansa/shared/numeric';
import { z } from 'zod';
import { writeWhole } from '../../ledger/files.ts';
import { initialTensor } from '../initialise.ts';
import { type WrittenFile, writeTensors } from '../modelFile.ts';
import { tokenizerPathOf } from '../text/tokenizer.ts';
import { readConfig } from './config.ts';
import { OWN_TENSORS_FILE, type OwnTensors, openOwnTensors } from './ownTensors.ts';
import { readPublicTokenizer } from './tokenizerFiles.ts';
import { openWeights, type PublicWeights } from './weights.ts';

export interface ImportOptions {
  /** A public model in Hugging Face's layout. */
  readonly folder: string;
  /** Where the model file goes; its tokenizer goes beside it. */
  readonly path: string;
  /** What the model is for; where undefined, what hansa.safetensors in the folder is for, and `demand` without one. */
  readonly jobs?: readonly JobName[] | undefined;
  /** Decides the weights of the embedders and heads that public models lack. */
  readonly seed: number;
  /** @param done numbers written, of `total` */
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

export interface ImportedModel extends WrittenFile {
  readonly architecture: Architecture;
  readonly parameters: number;
  /** Names of the folder's tensors that Hansa has no use for. */
  readonly leftOut: readonly string[];
  /** Whether embedders and heads came from the folder too, from hansa.safetensors. */
  readonly ownTensors: boolean;
  /** Where the tokenizer was written; undefined where the folder has none. */
  readonly tokenizerPath: string | undefined;
}

/**
 * Makes a model file of a public BERT: its encoder and word embeddings, and Hansa's own embedders and heads, freshly seeded or from hansa.safetensors.
 *
 * Tensors pass in pieces: memory stays at a few megabytes. Model and tokenizer are written whole or not at all.
 *
 * @throws HansaError NotFound, InvalidModelFile (what is wrong, in which file), Interrupted
 * @throws what the file system throws
 */
export async function importModel(options: ImportOptions): Promise<ImportedModel> {
  const { folder, path } = options;
  const weights = await openWeights(folder);
  let own: OwnTensors | undefined;
  try {
    own = await openOwnTensors(folder);
    const architecture = await architectureFor(folder, own?.architecture, options.jobs);
    const manifest = manifestFor(architecture);
    const unneeded = compareTensors(folder, manifest, weights);
    const { encoder, text } = architecture;
    const tokenizer =
      text === undefined ? undefined : await readPublicTokenizer(folder, text.vocabularySize, encoder.positions);
    const tokenizerPath = tokenizer === undefined ? undefined : tokenizerPathOf(path);
    // The model comes last: whoever finds it finds its tokenizer too.
    if (tokenizerPath !== undefined) await writeWhole(tokenizerPath, JSON.stringify(tokenizer), 0o644);
    try {
      const written = await writeTensors(
        path,
        manifest,
        modelMetadata(architecture),
        values(architecture, weights, own, options),
      );
      return {
        ...written,
        architecture,
        parameters: parameterCount(manifest),
        leftOut: [...weights.leftOut, ...unneeded],
        ownTensors: own !== undefined,
        tokenizerPath,
      };
    } catch (error) {
      if (tokenizerPath !== undefined) await rm(tokenizerPath, { force: true });
      throw error;
    }
  } finally {
    await own?.close();
    await weights.close();
  }
}

async function architectureFor(
  folder: string,
  own: Architecture | undefined,
  jobs: readonly JobName[] | undefined,
): Promise<Architecture> {
  const { encoder, text } = await readConfig(folder);
  if (own === undefined) return checked(folder, architectureAround(encoder, jobs, text));
  const present = jobsOf(own);
  if (jobs?.some((job) => !present.includes(job)))
    throw new HansaError(
      'InvalidModelFile',
      `${join(folder, OWN_TENSORS_FILE)} is for ${present.join(' and ')}, not for ${jobs.join(' and ')}. Import the folder without --jobs, then add the other with hansa-client model add.`,
    );
  const { text: ownText, ...rest } = own;
  return checked(folder, { ...rest, encoder, ...(ownText === undefined ? {} : { text }) });
}

function checked(folder: string, architecture: Architecture): Architecture {
  const result = architectureSchema.safeParse(architecture);
  if (result.success) return result.data;
  throw new HansaError(
    'InvalidModelFile',
    `${folder}: the model does not fit Hansa's: ${z.prettifyError(result.error).slice(0, 1000)}. Take another one.`,
  );
}

/** Refuses weights that are not those of the encoder, all differences named; returns the names of tensors it has no use for. */
function compareTensors(folder: string, manifest: Manifest, { tensors }: PublicWeights): string[] {
  const expected = new Map(manifest.filter(({ name }) => isPublic(name)).map((entry) => [entry.name, entry.shape]));
  const differences: string[] = [];
  for (const [name, shape] of expected) {
    const found = tensors.get(name);
    if (found === undefined) differences.push(`${name} is missing`);
    else if (found.shape.join() !== shape.join()) {
      differences.push(`${found.where} has the shape [${found.shape.join(', ')}], not [${shape.join(', ')}]`);
    }
  }
  const unneeded: string[] = [];
  for (const [name, { where }] of tensors) {
    if (expected.has(name)) continue;
    if (name === WORD_EMBEDDINGS) unneeded.push(name);
    else differences.push(`${where} has no place in it`);
  }
  if (differences.length === 0) return unneeded;
  const some = differences.slice(0, 10).join('; ');
  const more = differences.length > 10 ? `; and ${differences.length - 10} more` : '';
  throw new HansaError(
    'InvalidModelFile',
    `${folder}: the weights are not those of the encoder in config.json: ${some}${more}. Take config.json and weights of the same model.`,
  );
}

async function* values(
  architecture: Architecture,
  { tensors }: PublicWeights,
  own: OwnTensors | undefined,
  { seed, onProgress, signal }: ImportOptions,
): AsyncGenerator<Float32Array> {
  const total = parameterCount(manifestFor(architecture));
  let done = 0;
  for (const entry of tensorsOf(architecture)) {
    const pieces = tensors.get(entry.name)?.pieces() ?? [await (own?.read(entry) ?? initialTensor(entry, seed))];
    for await (const piece of pieces) {
      if (signal?.aborted) throw new HansaError('Interrupted', 'The import was interrupted; nothing was written.');
      yield piece;
      done += piece.length;
      onProgress?.(done, total);
    }
  }
}
