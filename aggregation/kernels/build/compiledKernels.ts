import { spawnSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const source = new URL('../assembly/kernels.ts', import.meta.url);
const compiler = new URL('./compile.mjs', import.meta.url);
const manifest = new URL('../../package.json', import.meta.url);
const standardCache = new URL('../../../node_modules/.cache/hansa/', import.meta.url);

const flags = ['-O3', '--noAssert', '--runtime', 'stub', '--enable', 'simd', '--initialMemory', '1'];

/** An AssemblyScript module and how to make it. */
export interface ModuleSource {
  readonly source: URL;
  /** What the compiler gets beside the flags that all modules have. */
  readonly flags: readonly string[];
  /** What is slower without the module, and how much, in words: 'masks are expanded several times slower'. */
  readonly without: string;
}

const ownKernels: ModuleSource = {
  source,
  flags: [],
  without: 'masks are expanded and optimisers step several times slower',
};
const hashSizeBytes = 32;

/**
 * The kernels as a WebAssembly module, compiled on first use (some two seconds) and kept in node_modules/.cache/hansa; undefined, with a
 * warning, where they are neither kept nor can be compiled.
 *
 * The compiler is a development dependency: an image compiles when it is built (see the Dockerfiles) and carries the module alone. A kept module
 * is named after the SHA-256 of its source, the compiler's version and flags, and begins with its own hash, so that one which is stale or
 * damaged is compiled again; it is as trustworthy as the packages it lies beside. Written to a name of its own first: processes that
 * begin at once do not meet. Where the folder (`cache`, its URL ending in a slash) cannot be written the module is kept in memory only.
 *
 * This is the one place of the package that reads files or starts a process.
 */
export function compiledKernels(cache: URL = standardCache): Uint8Array<ArrayBuffer> | undefined {
  return compiledModule(ownKernels, cache);
}

/** Any module of this kind, as {@link compiledKernels} has its own. */
export function compiledModule(wanted: ModuleSource, cache: URL = standardCache): Uint8Array<ArrayBuffer> | undefined {
  const file = new URL(`${keyOf(wanted)}.wasm`, cache);
  return read(file) ?? compile(wanted, file);
}

function keyOf(wanted: ModuleSource): string {
  const { devDependencies } = JSON.parse(readFileSync(manifest, 'utf8'));
  return createHash('sha256')
    .update(readFileSync(wanted.source))
    .update(JSON.stringify([devDependencies.assemblyscript, [...flags, ...wanted.flags]]))
    .digest('hex');
}

function read(file: URL): Uint8Array<ArrayBuffer> | undefined {
  let kept: Uint8Array<ArrayBuffer>;
  try {
    kept = new Uint8Array(readFileSync(file));
  } catch {
    return undefined;
  }
  const module = kept.slice(hashSizeBytes);
  return hashOf(module).equals(kept.subarray(0, hashSizeBytes)) ? module : undefined;
}

function compile(wanted: ModuleSource, file: URL): Uint8Array<ArrayBuffer> | undefined {
  try {
    createRequire(import.meta.url).resolve('assemblyscript/package.json');
  } catch {
    process.emitWarning(
      `The SIMD kernels are not built and their compiler is not installed: ${wanted.without}. Build them as the Dockerfiles do.`,
    );
    return undefined;
  }
  const { status, signal, error, stdout, stderr } = spawnSync(
    process.execPath,
    [fileURLToPath(compiler), fileURLToPath(wanted.source), ...flags, ...wanted.flags],
    // The compiler names files by their path from here.
    { cwd: fileURLToPath(new URL('.', wanted.source)), maxBuffer: 2 ** 24 },
  );
  if (status !== 0) {
    // On a machine short of memory the compiler is what goes first, and everything computes without the kernels too.
    const how = error?.message ?? (signal === null ? `it exited with status ${status}` : `it was ended by ${signal}`);
    const said = stderr?.toString().trim().slice(0, 500);
    process.emitWarning(
      `The SIMD kernels' compiler failed (${how}${said ? `: ${said}` : ''}): ${wanted.without}. It is tried again the next time.`,
    );
    return undefined;
  }
  const module = new Uint8Array(stdout);
  keep(file, module);
  return module;
}

function keep(file: URL, module: Uint8Array): void {
  const temporary = new URL(`${file.href}.${randomUUID()}`);
  try {
    mkdirSync(new URL('.', file), { recursive: true });
    writeFileSync(temporary, Buffer.concat([hashOf(module), module]));
    renameSync(temporary, file);
  } catch {
    try {
      rmSync(temporary, { force: true });
    } catch {
      // Nothing can be kept here, and nothing is left behind.
    }
  }
}

const hashOf = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();
