import { resolve } from 'node:path';
import type { JobName } from '@hansa/shared/model';
import { importModel } from '../model/huggingFace/index.ts';
import { tokenizerPathOf } from '../model/text/tokenizer.ts';
import type { CommandContext } from './context.ts';
import { count } from './output.ts';
import { refuseExisting } from './refuseExisting.ts';
import { writingOut } from './writingOut.ts';

/** `model import`: makes a model of a public BERT's weights, for a task to start from. */
export async function modelImport(
  options: { jobs?: readonly JobName[]; seed: number; out: string },
  { output, signal }: CommandContext,
  folder: string,
): Promise<number> {
  const path = resolve(options.out);
  for (const one of [path, tokenizerPathOf(path)]) refuseExisting(one);
  const imported = await writingOut(path, () =>
    importModel({
      folder: resolve(folder),
      path,
      jobs: options.jobs,
      seed: options.seed,
      signal,
      onProgress: (done, total) => output.progress('Writing', done, total),
    }),
  );
  output.progressDone();
  const { architecture, parameters, leftOut, ownTensors, tokenizerPath, sizeBytes, sha256 } = imported;
  const { encoder, text } = architecture;
  const words = text === undefined ? '' : `, ${count(text.vocabularySize)} words`;
  output.line(
    `Wrote ${path}: ${encoder.layers} layers of width ${encoder.hiddenSize}${words}, ${count(parameters)} parameters.`,
  );
  output.line(
    ownTensors
      ? "Hansa's own embedders and heads came from hansa.safetensors."
      : `Hansa's own embedders and heads are fresh, of seed ${options.seed}.`,
  );
  if (leftOut.length > 0) output.line(`Left out, because Hansa does not use it: ${leftOut.join(', ')}.`);
  output.line(
    tokenizerPath === undefined
      ? 'There is no tokenizer.json in the folder: the model forecasts, and reads no texts until it has one.'
      : `Wrote ${tokenizerPath}; keep it beside the model.`,
  );
  output.line(`SHA-256 ${sha256}`);
  output.document({
    path,
    architecture,
    parameters,
    sizeBytes,
    sha256,
    ownTensors,
    ...(ownTensors ? {} : { seed: options.seed }),
    leftOut,
    ...(tokenizerPath === undefined ? {} : { tokenizer: tokenizerPath }),
  });
  return 0;
}
