import { seededNumbers } from '@hansa/shared/random';
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activate } from '../engines/engine.ts';
import { denseBuilds } from '../engines/kernels/compiledDense.ts';
import {
  denseKernelNames,
  registerDenseKernels,
  unregisterDenseKernels,
  usableBuild,
} from '../engines/kernels/denseKernels.ts';
import { memoryMadeBy, type WasmMemory } from '../engines/kernels/webAssembly.ts';
import { hasDenseKernels } from './denseKernel.ts';
import { attention, gelu, layerNorm, linear, product } from './ops.ts';

let memory: WasmMemory;
beforeAll(async () => {
  const made = await memoryMadeBy(() => activate('wasm'));
  memory = made.memory!;
});
afterAll(() => activate('wasm'));

interface Input {
  readonly data: Float32Array;
  readonly shape: number[];
}

type Operation = (...inputs: tf.Tensor[]) => tf.Tensor;

/** Value and gradients of Σ f(inputs) · direction, the direction a fixed one; nothing may stay behind. */
function run(f: Operation, inputs: readonly Input[]): Float32Array[] {
  const before = tf.memory();
  const found = tf.tidy(() => {
    const tensors = inputs.map(({ data, shape }) => tf.tensor(data, shape));
    const out = f(...tensors);
    const direction = tf.tensor(numbersOf('direction', out.size), out.shape);
    const { grads } = tf.valueAndGrads((...x: tf.Tensor[]) => tf.sum(tf.mul(f(...x), direction)))(tensors);
    return [out, ...grads].map((tensor) => Float32Array.from(tensor.dataSync()));
  });
  const after = tf.memory();
  expect([after.numTensors, after.numDataBuffers]).toEqual([before.numTensors, before.numDataBuffers]);
  return found;
}

/** Repeatable numbers in [-2, 2): a linear congruence, since seededNumbers hashes for each. */
function numbersOf(seed: string, count: number): Float32Array {
  let state = Math.floor(seededNumbers(seed).uniform() * 2 ** 32);
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 30 - 2;
  });
}

const input = (seed: string, ...shape: number[]): Input => ({
  data: numbersOf(
    seed,
    shape.reduce((product, side) => product * side, 1),
  ),
  shape,
});

/** With the kernels of `build` and without any: |a − b| at most 2e-6 of |b| for the value and for each gradient. */
function expectTwins(build: (typeof denseBuilds)[number], f: Operation, inputs: readonly Input[]): void {
  registerDenseKernels(tf, build, memory);
  expect(hasDenseKernels()).toBe(true);
  const found = run(f, inputs);
  unregisterDenseKernels(tf);
  expect(hasDenseKernels()).toBe(false);
  const expected = run(f, inputs);
  expect(found).toHaveLength(expected.length);
  for (const [index, values] of found.entries()) {
    const wanted = expected[index]!;
    expect(values).toHaveLength(wanted.length);
    const norm = (x: Float32Array) => Math.sqrt(x.reduce((sum, value) => sum + value * value, 0));
    expect(norm(values.map((value, at) => value - wanted[at]!))).toBeLessThanOrEqual(2e-6 * norm(wanted) + 1e-30);
  }
}

/** A side of a matrix: around the registers' tiles, and past the blocks of memory (96 rows, 384 steps deep, 1536 columns). */
const side = (...large: number[]) =>
  fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: 1, max: 40 }) },
    { weight: 1, arbitrary: fc.constantFrom(...large) },
  );
const fours = fc.integer({ min: 1, max: 20 }).map((count) => 4 * count);
const seed = fc.integer({ min: 0, max: 2 ** 20 }).map(String);
const runs = { numRuns: 40, seed: 7 };

describe.each(denseBuilds)('the %s kernels', (build) => {
  it('multiply as the engine does, in all three ways and with any sides', () => {
    fc.assert(
      fc.property(
        seed,
        side(96, 97, 200),
        side(383, 384, 385, 800),
        side(16, 1536, 1545),
        (seed, rows, depth, columns) => {
          const x = input(`${seed}/x`, rows, depth);
          expectTwins(build, product as Operation, [x, input(`${seed}/b`, depth, columns)]);
          expectTwins(build, linear as Operation, [
            x,
            input(`${seed}/w`, columns, depth),
            input(`${seed}/bias`, columns),
          ]);
        },
      ),
      { ...runs, numRuns: 25 },
    );
  });

  it('normalise as their parts do', () => {
    fc.assert(
      fc.property(seed, side(100), fours, fc.constantFrom(1e-3, 1, 1e3), (seed, rows, columns, size) => {
        const x = input(`${seed}/x`, rows, columns);
        // Rows that lie away from 0, as activations do.
        const moved = { ...x, data: x.data.map((value) => size * (value + 1)) };
        expectTwins(build, layerNorm as Operation, [moved, input(`${seed}/g`, columns), input(`${seed}/s`, columns)]);
      }),
      runs,
    );
  });

  it('have the GELU of their parts, far out too', () => {
    fc.assert(
      fc.property(seed, side(50), fours, fc.constantFrom(0.01, 1, 5, 100), (seed, rows, columns, size) => {
        const x = input(seed, rows, columns);
        expectTwins(build, gelu as Operation, [{ ...x, data: x.data.map((value) => size * value) }]);
      }),
      runs,
    );
    registerDenseKernels(tf, build, memory);
    const ends = tf.tidy(() => [...gelu(tf.tensor2d([[0, -0, 1e30, -1e30]])).dataSync()]);
    expect(ends.map(Math.abs)).toEqual([0, 0, Math.fround(1e30), 0]);
  });

  it('attend as their parts do, with tokens hidden and fewer of them asking', () => {
    const small = fc.integer({ min: 1, max: 9 });
    fc.assert(
      fc.property(
        seed,
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 40 }),
        small,
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 33 }),
        (seed, batch, tokens, fewer, heads, width) => {
          const asking = Math.max(1, tokens - fewer);
          const drawn = seededNumbers(`${seed}/mask`);
          // The first token is always seen, as CLS is.
          const hidden = Array.from({ length: batch * tokens }, (_, at) =>
            at % tokens > 0 && drawn.uniform() < 0.3 ? -1e9 : 0,
          );
          expectTwins(
            build,
            ((query: tf.Tensor2D, key: tf.Tensor2D, value: tf.Tensor2D) =>
              attention(query, key, value, tf.tensor4d(hidden, [batch, 1, 1, tokens]), heads)) as Operation,
            [
              input(`${seed}/q`, batch * asking, heads * width),
              input(`${seed}/k`, batch * tokens, heads * width),
              input(`${seed}/v`, batch * tokens, heads * width),
            ],
          );
        },
      ),
      runs,
    );
  });

  it('give the same bits every time', () => {
    registerDenseKernels(tf, build, memory);
    const inputs = [input('x', 50, 70), input('w', 30, 70), input('b', 30)];
    expect(run(linear as Operation, inputs)).toEqual(run(linear as Operation, inputs));
  });
});

describe('the wasm engine', () => {
  it('has kernels here, in place of those of another build, and none once they are taken away', async () => {
    const names = () => denseKernelNames.filter((name) => tf.getKernel(name, 'wasm') !== undefined);
    expect(usableBuild()).toBe('fused');
    registerDenseKernels(tf, 'plain', memory);
    registerDenseKernels(tf, 'fused', memory);
    expect(names()).toEqual(denseKernelNames);
    unregisterDenseKernels(tf);
    expect(names()).toEqual([]);
  });

  it('shares the memory of clones and frees it with the last of them', () => {
    const before = tf.memory().numDataBuffers;
    const x = tf.tensor1d([1, 2, 3]);
    const clone = x.clone();
    expect(tf.memory().numDataBuffers).toBe(before + 1);
    x.dispose();
    expect([...clone.dataSync()]).toEqual([1, 2, 3]);
    clone.dispose();
    expect(tf.memory().numDataBuffers).toBe(before);
  });
});
