import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { HansaError } from '@hansa/shared/errors';
import { architectureOf, type ModelSize } from '@hansa/shared/model';
import { explainWriteError } from '../ledger/files.ts';
import { initialWeights, writeModelFile } from '../model/index.ts';
import type { CommandContext } from './context.ts';
import { count } from './output.ts';

/** `model init`: writes a model with seeded starting weights, for a task to start from. */
export async function modelInit(
  options: { size: ModelSize; seed: number; out: string },
  { output }: CommandContext,
): Promise<number> {
  const path = resolve(options.out);
  if (existsSync(path)) {
    throw new HansaError(
      'InvalidArgument',
      `${path} exists already. Name another file with --out, or remove this one first.`,
    );
  }
  const architecture = architectureOf(options.size);
  const vector = initialWeights(architecture, options.seed);
  await writeModelFile(path, architecture, vector).catch((error: unknown) => {
    throw explainWriteError(error, path);
  });
  const bytes = await readFile(path);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  output.line(`Wrote ${path}: ${options.size}, ${count(vector.length)} parameters, seed ${options.seed}.`);
  output.line(`SHA-256 ${sha256}`);
  output.document({
    path,
    size: options.size,
    seed: options.seed,
    parameters: vector.length,
    sizeBytes: bytes.length,
    sha256,
  });
  return 0;
}
