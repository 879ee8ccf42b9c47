import { resolve } from 'node:path';
import { writeModelFile } from '../model/index.ts';
import { mergeAdapter } from '../model/mergeAdapter.ts';
import type { CommandContext } from './context.ts';
import { count } from './output.ts';
import { refuseExisting } from './refuseExisting.ts';
import { writingOut } from './writingOut.ts';

/** `model merge`: writes the model that a task's adapter makes of its base model. */
export async function modelMerge(
  options: { base: string; out: string },
  { output }: CommandContext,
  adapter: string,
): Promise<number> {
  const path = resolve(options.out);
  refuseExisting(path);
  const { architecture, vector } = await mergeAdapter(resolve(options.base), resolve(adapter));
  const { sizeBytes, sha256 } = await writingOut(path, () => writeModelFile(path, architecture, vector));
  output.line(`Wrote ${path}: ${count(vector.length)} parameters, the adapter's in them.`);
  output.line(`SHA-256 ${sha256}`);
  output.document({ path, parameters: vector.length, sizeBytes, sha256 });
  return 0;
}
