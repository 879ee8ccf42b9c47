import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as tfTypes from '@tensorflow/tfjs';

/** TensorFlow.js engines, the quickest first. */
export const engineNames = ['tfjs-node-gpu', 'wasm', 'cpu'] as const;
export type EngineName = (typeof engineNames)[number];

const require = createRequire(import.meta.url);
const NATIVE = '@tensorflow/tfjs-node-gpu';

/**
 * Why an engine cannot even be tried here, told without loading it; undefined where a try is worthwhile.
 *
 * `npm ci` runs no install scripts, so the native engine has no native part until someone asks for it: looking for the file takes a millisecond
 * where a failing import takes seconds.
 */
export function missingPart(name: EngineName): string | undefined {
  if (name !== 'tfjs-node-gpu') return undefined;
  const folder = nativeFolder();
  if (folder === undefined) return 'its package is not installed';
  const lib = join(folder, 'lib');
  const built = existsSync(lib) && readdirSync(lib).some((entry) => existsSync(join(lib, entry, 'tfjs_binding.node')));
  return built ? undefined : 'its native part is not installed';
}

function nativeFolder(): string | undefined {
  try {
    return dirname(require.resolve(`${NATIVE}/package.json`));
  } catch {
    return undefined;
  }
}

/**
 * Makes an engine the one that this process's tensors use. Call it before any tensor is made, and in a child process: a native engine can crash.
 *
 * @throws whatever the engine throws when it does not work here
 */
export async function activate(name: EngineName): Promise<void> {
  const tf = await import('@tensorflow/tfjs');
  tf.enableProdMode();
  let backend: string = name;
  if (name === 'tfjs-node-gpu') {
    prepareForNative();
    const folder = nativeFolder();
    if (folder === undefined) throw new Error(`${NATIVE} is not installed`);
    await import(pathToFileURL(require.resolve(NATIVE)).href);
    backend = 'tensorflow';
  } else if (name === 'wasm') {
    const wasm = await import('@tensorflow/tfjs-backend-wasm');
    wasm.setWasmPaths(dirname(require.resolve('@tensorflow/tfjs-backend-wasm')) + sep);
  }
  if (!(await tf.setBackend(backend))) throw new Error(`TensorFlow.js could not start its ${backend} backend`);
  await tf.ready();
}

/** One tiny gradient: an engine that starts but cannot compute is not usable. Throws where the result is wrong. */
export async function exercise(): Promise<void> {
  const tf = await import('@tensorflow/tfjs');
  const slope = tf.tidy(() => {
    const x = tf.tensor2d([1, 2, 3, 4], [2, 2]);
    return tf
      .grad((x: tfTypes.Tensor) => tf.sum(tf.square(tf.matMul(x, x))))(x)
      .dataSync();
  });
  // d/dX of the sum of squares of X² at [[1, 2], [3, 4]].
  const expected = [158, 274, 266, 482];
  if (!expected.every((value, index) => Math.abs(value - slope[index]!) < 1e-2)) {
    throw new Error('it computes a wrong gradient');
  }
}

function prepareForNative(): void {
  // Several nodes may share one card, and TensorFlow would otherwise take all its memory at once.
  process.env.TF_FORCE_GPU_ALLOW_GROWTH = 'true';
  process.env.TF_CPP_MIN_LOG_LEVEL = '2';
  // Node 23 removed two functions that tfjs-node 4.22 still calls.
  const util: Record<string, unknown> = require('node:util');
  util.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  util.isArray ??= Array.isArray;
}
