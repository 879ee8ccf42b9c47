import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = new URL('patches/', import.meta.url);

/** One planted fault. */
export interface Fault {
  /** The patch file's name without its ending. */
  readonly name: string;
  /** What is wrong with it, and what that opens: the patch's first line. */
  readonly what: string;
  readonly patchFile: string;
  /** What the patch alters, by path from the repository's root. */
  readonly files: readonly string[];
}

/** Every fault that is kept, by name. */
export function readFaults(): readonly Fault[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.patch'))
    .sort()
    .map((file) => {
      const patchFile = fileURLToPath(new URL(file, folder));
      const text = readFileSync(patchFile, 'utf8');
      return {
        name: file.slice(0, -'.patch'.length),
        what: /^# (.+)\n/.exec(text)?.[1] ?? '',
        patchFile,
        files: [...text.matchAll(/^\+\+\+ b\/(.+)$/gm)].map(([, path]) => path!),
      };
    });
}
