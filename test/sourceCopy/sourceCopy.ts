import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from './repositoryRoot.ts';

/** A package of the repository. */
export type Package = 'shared' | 'aggregation' | 'coordinator' | 'client-node' | 'dashboards' | 'test';

/** A copy of the source in a temporary folder, in which `@hansa/*` is the copy: patches go here, never into the checkout. */
export class SourceCopy {
  /** The copy's root. */
  readonly root = mkdtempSync(join(tmpdir(), 'hansa-copy-'));

  /** Copies these packages; what they import must be among them. */
  constructor(packages: readonly Package[]) {
    const installed = join(repositoryRoot, 'node_modules');
    const modules = join(this.root, 'node_modules');
    mkdirSync(join(modules, '@hansa'), { recursive: true });
    for (const name of readdirSync(installed))
      if (!name.startsWith('.') && name !== '@hansa')
        symlinkSync(join(installed, name), join(modules, name), 'junction');
    for (const name of ['package.json', 'tsconfig.json']) cpSync(join(repositoryRoot, name), join(this.root, name));
    for (const name of packages) {
      cpSync(join(repositoryRoot, name), join(this.root, name), {
        recursive: true,
        filter: (path) => !path.endsWith('node_modules'),
      });
      const nested = join(repositoryRoot, name, 'node_modules');
      if (existsSync(nested)) symlinkSync(nested, join(this.root, name, 'node_modules'), 'junction');
      symlinkSync(join(this.root, name), join(modules, '@hansa', name), 'junction');
    }
    // Compiled kernels that are there already; copied, since a fault in their source is compiled into the same folder.
    const kernels = join(installed, '.cache/hansa');
    if (existsSync(kernels))
      for (const name of readdirSync(kernels).filter((file) => file.endsWith('.wasm')))
        cpSync(join(kernels, name), join(modules, '.cache/hansa', name));
  }

  /** Applies a patch; Error where it does not apply as it stands. */
  plant(patchFile: string): void {
    applyPatch(this.root, patchFile, []);
  }

  /** Takes a patch out again. */
  takeOut(patchFile: string): void {
    applyPatch(this.root, patchFile, ['--reverse']);
  }

  /** Writes other text into a file and gives what it was. */
  exchange(file: string, text: string): string {
    const path = join(this.root, file);
    const before = readFileSync(path, 'utf8');
    writeFileSync(path, text);
    return before;
  }

  /** Removes it. */
  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** `git apply` in a folder that is no repository, or in the checkout's root: no fuzz, so a patch whose surroundings have changed is refused. Error then. */
export function applyPatch(root: string, patchFile: string, options: readonly string[]): void {
  const { status, stderr } = spawnSync('git', ['apply', '--whitespace=nowarn', ...options, patchFile], {
    cwd: root,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${patchFile} does not apply: ${stderr}`);
}
