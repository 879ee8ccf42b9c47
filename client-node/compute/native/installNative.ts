import { constants, existsSync } from 'node:fs';
import { copyFile, cp, mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { HansaError } from '@hansa/shared/errors';
import { type NativeEngineName, nativePackageFolder } from '../../engines/engine.ts';
import { lockFile } from '../../ledger/fileLock.ts';
import { explainWriteError } from '../../ledger/files.ts';
import { compileAddOn, includeFolder, libraries, libraryFolder, loadAddOn } from './addOn.ts';
import { type NativeRelease, releaseFor, tensorflowVersion } from './release.ts';
import { discardStaging, putInPlace, stagingFolder, undoStaging } from './staging.ts';
import { downloadWheel, unpackWheel, writeRemedy } from './wheelFile.ts';

export interface NativeInstallOptions<Proof> {
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
  /** Computes with the engine as it now lies in its place; where it rejects, what was there before comes back. */
  readonly prove: (engine: NativeEngineName) => Promise<Proof>;
}

export interface NativeInstalled<Proof> {
  readonly engine: NativeEngineName;
  readonly tensorflow: string;
  readonly folder: string;
  readonly proof: Proof;
}

/** The headers that the add-on includes, and those which they include, by their first folders. */
const headerFolders = ['tensorflow/c/', 'tensorflow/core/platform/', 'tensorflow/tsl/', 'tsl/platform/', 'xla/tsl/'];
/** The folder of a wheel of TensorFlow that holds everything. */
const wheelRoot = 'tensorflow/';

const engineOf = { cpu: 'tfjs-node', gpu: 'tfjs-node-gpu' } as const;

/**
 * Gives TensorFlow.js's native engine a current libtensorflow: gets it, compiles the add-on against it, loads it, puts both where TensorFlow.js looks for
 * them, and has it prove itself there.
 *
 * What was there before stays until the proof; whatever goes wrong leaves everything as it was, and what a killed install left the next one puts right.
 * Room: some 2 GB meanwhile without a GPU, 9 GB with, beside what is there.
 *
 * @throws HansaError EngineUnusable (a machine there is nothing for, a library that does not load or prove itself), NotFound, Unavailable, WrongHash,
 *   ProcessFailed (no compiler), StorageFull, DataFolderUnusable, DataFolderInUse (another install is at work)
 * @throws the signal's reason
 */
export async function installNative<Proof>(options: NativeInstallOptions<Proof>): Promise<NativeInstalled<Proof>> {
  const engine = engineOf[options.variant];
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
  const lock = lockFile(
    path.join(packageFolder, '.hansa-native.lock'),
    () =>
      new HansaError(
        'DataFolderInUse',
        `Another native install is at work in ${packageFolder}. Wait until it has ended, or stop it.`,
      ),
    writeRemedy,
  );
  try {
    await undoStaging(packageFolder);
    try {
      const tensorflow = await stage(packageFolder, options);
      await putInPlace(packageFolder);
      const proof = await options.prove(engine).catch((error: unknown) => {
        throw error instanceof HansaError && error.code === 'EngineUnusable' ? unproven(error.message) : error;
      });
      await discardStaging(packageFolder);
      return { engine, tensorflow, folder: packageFolder, proof };
    } catch (error) {
      await undoStaging(packageFolder).catch((left: Error) => {
        throw new HansaError(
          'DataFolderUnusable',
          `${(error as Error).message} What was there before could not be put back (${left.message}); the next native install tries again.`,
          {},
          { cause: error },
        );
      });
      throw error;
    }
  } catch (error) {
    throw explainWriteError(error, packageFolder, writeRemedy);
  } finally {
    lock.release();
  }
}

const unproven = (reason: string): HansaError =>
  new HansaError(
    'EngineUnusable',
    `The engine was built but is not usable: ${reason}. Everything is as it was before.`,
  );

/** Makes the package's new parts in its staging folder and loads them there. Gives the version of TensorFlow. */
async function stage<Proof>(packageFolder: string, options: NativeInstallOptions<Proof>): Promise<string> {
  const { variant, from, compiler, signal, onProgress } = options;
  const work = stagingFolder(packageFolder);
  await mkdir(path.join(work, libraryFolder), { recursive: true });
  if (from === undefined) await fetchRelease(releaseOrThrow(variant), work, options);
  else await takeLibrary(path.resolve(from), work, signal);
  onProgress('compiling the add-on', 0, 0);
  await compileAddOn(packageFolder, work, compiler, signal);
  const tensorflow = await loadAddOn(work, signal);
  // The compiler was the last to need them.
  await rm(path.join(work, includeFolder), { recursive: true });
  return tensorflow;
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
  { index, signal, onProgress }: Pick<NativeInstallOptions<unknown>, 'index' | 'signal' | 'onProgress'>,
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
async function takeLibrary(from: string, work: string, signal: AbortSignal): Promise<void> {
  try {
    await copyLibrary(from, work, signal);
  } catch (error) {
    signal.throwIfAborted();
    const { code, path: place } = error as NodeJS.ErrnoException;
    const explained = explainWriteError(error, work, writeRemedy);
    const isFull = explained instanceof HansaError && explained.code === 'StorageFull';
    // The folder they go to has just been made: what fails but for want of room is the reading.
    if (error instanceof HansaError || isFull || code === undefined) throw explained;
    throw new HansaError(
      'InvalidArgument',
      `${place ?? from} cannot be copied (${code}). --from names a folder that is whole and may be read.`,
      {},
      { cause: error },
    );
  }
}

async function copyLibrary(from: string, work: string, signal: AbortSignal): Promise<void> {
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
    signal.throwIfAborted();
    await copyFile(path.join(found, name), path.join(work, libraryFolder, name), constants.COPYFILE_FICLONE);
  }
  const whole = {
    recursive: true,
    dereference: true,
    filter: () => {
      signal.throwIfAborted();
      return true;
    },
  };
  await cp(headers, path.join(work, includeFolder), whole);
  const cuda = path.join(from, '..', 'nvidia');
  if (existsSync(cuda)) await cp(cuda, path.join(work, 'deps/nvidia'), whole);
}

function assertLibrary(folder: string, source: string): void {
  const missing = libraries.filter((name) => !existsSync(path.join(folder, name)));
  if (missing.length > 0) throw new HansaError('NotFound', `${source} lacks ${missing.join(' and ')}.`);
}
