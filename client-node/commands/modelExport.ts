import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { exportModel } from '../model/huggingFace/index.ts';
import { readModelFile } from '../model/index.ts';
import { readTokenizerFile, tokenizerPathOf } from '../model/text/tokenizer.ts';
import type { CommandContext } from './context.ts';
import { refuseExisting } from './refuseExisting.ts';
import { writingOut } from './writingOut.ts';

/** `model export`: writes a model in Hugging Face's layout. */
export async function modelExport(
  options: { out: string; tokenizer?: string },
  { output }: CommandContext,
  file: string,
): Promise<number> {
  const out = resolve(options.out);
  refuseExisting(out);
  const path = resolve(file);
  const model = await readModelFile(path);
  const beside = tokenizerPathOf(path);
  const tokenizerPath = options.tokenizer ?? (existsSync(beside) ? beside : undefined);
  const tokenizer = tokenizerPath === undefined ? undefined : await readTokenizerFile(resolve(tokenizerPath));
  const files = await writingOut(out, () => exportModel(model, out, tokenizer));
  output.line(`Wrote ${out}: ${files.join(', ')}.`);
  output.line(
    "model.safetensors is BERT's encoder for Python; hansa.safetensors holds Hansa's own embedders and heads.",
  );
  output.document({ path: out, files });
  return 0;
}
