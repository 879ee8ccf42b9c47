import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { HansaError } from '@hansa/shared/errors';
import type { EngineName } from '../compute/index.ts';
import { embedTexts } from '../embedding/embedTexts.ts';
import { tokenizerPathOf } from '../model/text/tokenizer.ts';
import type { CommandContext } from './context.ts';

/** `model embed`: turns texts into vectors. Makes no connection. */
export async function modelEmbed(
  options: { text?: string[]; file?: string; tokenizer?: string; engine: EngineName | 'auto'; tokens?: boolean },
  { output, signal }: CommandContext,
  model: string,
): Promise<number> {
  const texts = [...(options.text ?? []), ...(options.file === undefined ? [] : await linesOf(options.file))];
  if (texts.length === 0) {
    throw new HansaError('InvalidArgument', 'There is no text. Give one with --text, or a file of lines with --file.');
  }
  const modelFile = resolve(model);
  const { engine, texts: embedded } = await embedTexts(
    { modelFile, tokenizerFile: resolve(options.tokenizer ?? tokenizerPathOf(modelFile)), texts },
    { engine: options.engine, signal, onProgress: (done) => output.progress('Encoding', done, texts.length) },
  );
  output.progressDone();
  const [first] = embedded;
  embedded.forEach(({ tokens, truncated, embedding }, index) => {
    const like = first === undefined ? 0 : embedding.reduce((sum, value, at) => sum + value * first.embedding[at]!, 0);
    output.line(`${like.toFixed(4)}  ${tokens.length} tokens${truncated ? ' (cut)' : ''}  ${texts[index]}`);
  });
  output.line('The first number is the cosine to the first text; --json gives the vectors.');
  output.document({
    model: modelFile,
    engine,
    dimensions: first?.embedding.length,
    texts: embedded.map(({ tokens, truncated, hidden, embedding }, index) => ({
      text: texts[index],
      truncated,
      embedding: [...embedding],
      ...(options.tokens === true ? { tokens, hidden: rows(hidden, tokens.length) } : {}),
    })),
  });
  return 0;
}

async function linesOf(path: string): Promise<string[]> {
  const text = await readFile(resolve(path), 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new HansaError(
      'NotFound',
      `${resolve(path)} cannot be read (${error.code}). Name a file of lines with --file.`,
    );
  });
  return text.split(/\r?\n/).filter((line) => line.trim() !== '');
}

/** [count, d] as a list of rows. */
function rows(values: Float32Array, count: number): number[][] {
  const width = values.length / count;
  return Array.from({ length: count }, (_, row) => [...values.subarray(row * width, (row + 1) * width)]);
}
