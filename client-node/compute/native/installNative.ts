import { constants, existsSync } from 'node:fs';
import { copyFile, cp, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { HansaError } from '@hansa/shared/errors';
import { type NativeEngineName, nativePackageFolder } from '../../engines/engine.ts';
import { compileAddOn, includeFolder, libraries, libraryFolder, loadAddOn } from './addOn.ts';
import { type NativeRelease, releaseFor, tensorflowVersion } from './release.ts';
import { downloadWheel, unpackWheel } from './wheelFile.ts';

export interface NativeInstallOptions {
  readonly variant: 'cpu' | 'gpu';
  /** The engine's package; by default where Node finds it. */
  readonly packageFolder?: string;
  /** A folder with libtensorflow and its headers; undefined: the wheels are downloaded. */
  readonly from: string | undefined;
  readonly index: string;
  /** A C++ compiler that takes GCC's options. */
  readonly compiler: string;
  readonly signal: AbortSignal;
  /** `total` 0: it is not known how long it takes. */
  readonly onProgress: (doing: string, done: number, total: number) => void;
}

export interface NativeInstalled {
  readonly engine: NativeEngineName;
  readonly tensorflow: string;
  readonly folder: string;
}

/** The headers that the add-on includes, and those which they include, by their first folders. */
const headerFolders = ['tensorflow/c/', 'tensorflow/core/platform/', 'tensorflow/tsl/', 'tsl/platform/', 'xla/tsl/'];
/** The folder of a wheel of TensorFlow that holds everything. */
const wheelRoot = 'tensorflow/';

const engineOf = { cpu: 'tfjs-node', gpu: 'tfjs-node-gpu' } as const;

/**
 * Gives TensorFlow.js's native engine a current libtensorflow: gets it, compiles the add-on against it, tries it, and only then puts both where
 * TensorFlow.js looks for them.
 *
 * Until that last moment nothing that was there before is touched, and whatever goes wrong leaves everything as it was. Room: some 2 GB meanwhile
 * without a GPU, 9 GB with.
 *
 * @throws HansaError EngineUnusable (a machine there is nothing for, a library that does not load), NotFound, Unavailable, WrongHash, ProcessFailed (no
 *   compiler), StorageFull; the signal's reason
 */
export async function installNative(options: NativeInstallOptions): Promise<NativeInstalled> {
  const { variant, from, compiler, signal, onProgress } = options;
  const engine = engineOf[variant];
  const packageFolder = options.packageFolder ?? nativePackageFolder(engine);
  if (packageFolder === undefined) {
    throw new HansaError('EngineUnusable', `@tensorflow/${engine} is not installed. Run: npm ci --include=optional`);
  }
  if (process.platform !== 'linux') {
    throw new HansaError(
      'EngineUnusable',
      `The native engine can be built on Linux only, not on ${process.platform}; here the wasm engine trains.`,
    );
  }
  // Beside the package, so that moving it into place is one step of the file system.
  const work = await mkdtemp(path.join(packageFolder, '..', '.hansa-native-'));
  try {
    await mkdir(path.join(work, libraryFolder), { recursive: true });
    if (from === undefined) await fetchRelease(releaseOrThrow(variant), work, options);
    else await copyLibrary(path.resolve(from), work);
    onProgress('compiling the add-on', 0, 0);
    await compileAddOn(packageFolder, work, compiler, signal);
    const tensorflow = await loadAddOn(work, signal);
    // The compiler was the last to need them.
    await rm(path.join(work, includeFolder), { recursive: true });
    await moveIntoPlace(work, packageFolder);
    return { engine, tensorflow, folder: packageFolder };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') {
      throw new HansaError('StorageFull', `The disk under ${packageFolder} is full. Nothing was changed.`);
    }
    throw error;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

function releaseOrThrow(variant: 'cpu' | 'gpu'): NativeRelease {
  const machine = `${process.platform}-${process.arch}`;
  const release = releaseFor(machine, variant);
  if (release !== undefined) return release;
  throw new HansaError(
    'EngineUnusable',
    `There is no TensorFlow ${tensorflowVersion} ${variant === 'gpu' ? 'with CUDA ' : ''}to download for ${machine}. Name a folder that holds libtensorflow with --from.`,
  );
}

async function fetchRelease(
  { tensorflow, cuda }: NativeRelease,
  work: string,
  { index, signal, onProgress }: NativeInstallOptions,
): Promise<void> {
  const file = path.join(work, 'download.whl');
  for (const wheel of [tensorflow, ...cuda]) {
    await downloadWheel(wheel, index, file, {
      signal,
      onProgress: (doneBytes) => onProgress(`downloading ${wheel.filename}`, doneBytes, wheel.sizeBytes),
    });
    onProgress(`unpacking ${wheel.filename}`, 0, 0);
    const place = wheel === tensorflow ? placeOfTensorflow : placeOfCuda;
    await unpackWheel(file, path.join(work, 'deps'), place, signal);
    await rm(file);
  }
  assertLibrary(path.join(work, libraryFolder), tensorflow.filename);
}

/** tensorflow/lib….so.2 → lib/, tensorflow/include/… → include/. */
function placeOfTensorflow(name: string): string | undefined {
  if (!name.startsWith(wheelRoot)) return undefined;
  const rest = name.slice(wheelRoot.length);
  if (libraries.includes(rest)) return `lib/${rest}`;
  const header = rest.startsWith('include/') ? rest.slice('include/'.length) : undefined;
  return header !== undefined && headerFolders.some((folder) => header.startsWith(folder)) ? rest : undefined;
}

/** nvidia/cudnn/lib/… stays so: TensorFlow's libraries look for it at ../nvidia from where they lie. ptxas and libdevice compile kernels at run time. */
function placeOfCuda(name: string): string | undefined {
  return /^nvidia\/[^/]+\/(lib|bin|nvvm)\//.test(name) && !name.endsWith('.py') ? name : undefined;
}

/** Takes libtensorflow from a folder of the user's: an unpacked wheel's `tensorflow`, or one with lib and include. */
async function copyLibrary(from: string, work: string): Promise<void> {
  const found = [from, path.join(from, 'lib')].find((folder) => existsSync(path.join(folder, libraries[0]!)));
  const headers = path.join(from, 'include');
  if (found === undefined || !existsSync(path.join(headers, 'tensorflow/c/c_api.h'))) {
    throw new HansaError(
      'NotFound',
      `${from} holds no libtensorflow: ${libraries.join(' and ')} in it or in lib/, and include/tensorflow/c/c_api.h, are needed. The folder "tensorflow" of an installed Python package has them.`,
    );
  }
  assertLibrary(found, from);
  for (const name of libraries) {
    await copyFile(path.join(found, name), path.join(work, libraryFolder, name), constants.COPYFILE_FICLONE);
  }
  await cp(headers, path.join(work, includeFolder), { recursive: true, dereference: true });
  const cuda = path.join(from, '..', 'nvidia');
  if (existsSync(cuda)) await cp(cuda, path.join(work, 'deps/nvidia'), { recursive: true, dereference: true });
}

function assertLibrary(folder: string, source: string): void {
  const missing = libraries.filter((name) => !existsSync(path.join(folder, name)));
  if (missing.length > 0) throw new HansaError('NotFound', `${source} lacks ${missing.join(' and ')}.`);
}

/** deps and lib of the package become those in `work`, or stay as they were. */
async function moveIntoPlace(work: string, packageFolder: string): Promise<void> {
  const names = ['deps', 'lib'];
  const replaced: string[] = [];
  try {
    for (const name of names) {
      const target = path.join(packageFolder, name);
      if (existsSync(target)) await rename(target, path.join(work, `${name}.before`));
      replaced.push(name);
      await rename(path.join(work, name), target);
    }
  } catch (error) {
    for (const name of replaced) {
      const target = path.join(packageFolder, name);
      await rm(target, { recursive: true, force: true });
      const before = path.join(work, `${name}.before`);
      if (existsSync(before)) await rename(before, target);
    }
    throw error;
  }
}
