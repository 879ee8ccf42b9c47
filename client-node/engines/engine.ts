import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { registerDenseKernels, usableBuild } from './kernels/denseKernels.ts';
import { shareIdentity } from './kernels/sharedIdentity.ts';
import { refuseNoMemory, type WasmAllocator } from './kernels/wasmAllocator.ts';
import { memoryMadeBy } from './kernels/webAssembly.ts';

/** TensorFlow.js engines, in the order in which they are tried. */
export const engineNames = ['tfjs-node-gpu', 'tfjs-node', 'webgpu', 'wasm', 'cpu'] as const;
export type EngineName = (typeof engineNames)[number];
/** Engines with a native part, libtensorflow, that `hansa-client native install` brings. */
export type NativeEngineName = 'tfjs-node-gpu' | 'tfjs-node';

/** What an engine computes on. A WebGPU adapter is a graphics card, or a driver that computes on the processor. */
export type Device = 'card' | 'WebGPU adapter' | 'processor';

const require = createRequire(import.meta.url);

export const isNative = (name: EngineName): name is NativeEngineName => name.startsWith('tfjs-node');

/**
 * Why an engine cannot even be tried here, told without loading it; undefined where a try is worthwhile.
 *
 * `npm ci` runs no install scripts, so a native engine has no native part until someone asks for it: looking for the file takes a millisecond
 * where a failing import takes seconds.
 */
export function missingPart(name: EngineName): string | undefined {
  if (name === 'webgpu') {
    const missing = webgpuPackages.find((required) => !isInstalled(required));
    return missing === undefined ? undefined : `the package ${missing} is not installed`;
  }
  if (!isNative(name)) return undefined;
  const folder = nativePackageFolder(name);
  if (folder === undefined) return 'its package is not installed';
  const lib = join(folder, 'lib');
  const built = existsSync(lib) && readdirSync(lib).some((entry) => existsSync(join(lib, entry, 'tfjs_binding.node')));
  return built ? undefined : 'its native part is not installed';
}

/** Where the package of a native engine lies; undefined where it is not installed. */
export const nativePackageFolder = (name: NativeEngineName): string | undefined => packageFolder(`@tensorflow/${name}`);

const webgpuPackages = ['webgpu', '@tensorflow/tfjs-backend-webgpu'] as const;
const isInstalled = (name: string): boolean => packageFolder(name) !== undefined;

function packageFolder(name: string): string | undefined {
  return require.resolve
    .paths(name)
    ?.map((folder) => join(folder, name))
    .find((folder) => existsSync(join(folder, 'package.json')));
}

/**
 * Makes an engine the one that this process's tensors use. Call it before any tensor is made, and in a child process: a native engine can crash.
 *
 * @param withoutCard takes TensorFlow for a card too that sees none
 * @throws what the engine throws when it does not work here
 */
export async function activate(name: EngineName, { withoutCard = false } = {}): Promise<void> {
  const tf = await import('@tensorflow/tfjs');
  tf.enableProdMode();
  let backend: string = name;
  if (isNative(name)) {
    prepareForNative(name);
    await import(pathToFileURL(require.resolve(`@tensorflow/${name}`)).href);
    backend = 'tensorflow';
  } else if (name === 'webgpu') {
    await prepareForWebgpu();
  } else if (name === 'wasm') {
    const wasm = await import('@tensorflow/tfjs-backend-wasm');
    wasm.setWasmPaths(dirname(require.resolve('@tensorflow/tfjs-backend-wasm')) + sep);
  }
  const { result, memory } = await memoryMadeBy(() => tf.setBackend(backend));
  if (!result) throw new Error(`TensorFlow.js could not start its ${backend} backend`);
  await tf.ready();
  // Without one TensorFlow says nothing and computes on the processor.
  if (name === 'tfjs-node-gpu' && !withoutCard && (await activeDevice()) !== 'card') {
    throw new Error(
      "TensorFlow sees no card: there is none (nvidia-smi lists them, in a container started with --gpus all), or NVIDIA's driver or CUDA's libraries do not fit",
    );
  }
  // It starts once a process, however often it is made the active one.
  if (name === 'wasm' && memory !== undefined) {
    refuseNoMemory((tf.backend() as unknown as { wasm: WasmAllocator }).wasm);
    shareIdentity(tf);
    const build = usableBuild();
    if (build !== undefined) registerDenseKernels(tf, build, memory);
  }
}

/** What the engine that is active computes on. */
export async function activeDevice(): Promise<Device> {
  const tf = await import('@tensorflow/tfjs');
  if ((tf.backend() as { isUsingGpuDevice?: boolean }).isUsingGpuDevice === true) return 'card';
  return tf.getBackend() === 'webgpu' ? 'WebGPU adapter' : 'processor';
}

function prepareForNative(name: NativeEngineName): void {
  if (nativePackageFolder(name) === undefined) throw new Error(`@tensorflow/${name} is not installed`);
  // Several nodes may share one card, and TensorFlow would otherwise take all its memory at once.
  process.env.TF_FORCE_GPU_ALLOW_GROWTH = 'true';
  process.env.TF_CPP_MIN_LOG_LEVEL = '2';
  // Node 23 removed two functions that tfjs-node 4.22 still calls.
  const util: Record<string, unknown> = require('node:util');
  util.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  util.isArray ??= Array.isArray;
}

/** Gives the process what a browser has: `navigator.gpu` and the names of WebGPU, from Dawn. */
async function prepareForWebgpu(): Promise<void> {
  const [dawn, backend] = webgpuPackages;
  const { create, globals } = (await import(pathToFileURL(require.resolve(dawn)).href)) as {
    create(options: readonly string[]): object;
    globals: object;
  };
  Object.assign(globalThis, globals);
  const navigator = { gpu: create([]), userAgent: 'node' };
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true, writable: true });
  await import(pathToFileURL(require.resolve(backend)).href);
}
