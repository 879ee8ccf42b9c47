import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** Test vectors that nobody on this project made; HANSA_VECTORS names their folder (default ../shared/vectors beside the repository). */
const folder = resolve(import.meta.dirname, '../..', process.env.HANSA_VECTORS ?? '../shared/vectors');

/** Whether the vectors are there; where they are not, says so on standard error, so that the skip is not overlooked. */
export function vectorsPresent(): boolean {
  const present = existsSync(folder);
  if (!present)
    console.error(
      `SKIPPED: no test vectors at ${folder}. Set HANSA_VECTORS to the folder that holds wycheproof/ to run them.`,
    );
  return present;
}

/** One vector file as JSON. */
export const readVectors = <Content>(path: string): Content => JSON.parse(readFileSync(resolve(folder, path), 'utf8'));
