import { seededNumbers } from '@hansa/shared/random';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { checkGradient } from '../compute/exercise.ts';
import { activate, engineNames, missingPart } from '../engines/engine.ts';
import { attention, gelu, layerNorm, linear, product } from './ops.ts';

const numbers = seededNumbers('ops');
const values = (...shape: number[]) =>
  Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => numbers.truncatedNormal());

/** |a − b| / |b| over all elements. */
function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let difference = 0;
  let size = 0;
  for (let index = 0; index < b.length; index++) {
    difference += (a[index]! - b[index]!) ** 2;
    size += b[index]! ** 2;
  }
  expect(a.length).toBe(b.length);
  return Math.sqrt(difference / size);
}

/** Value and gradients of Σ f(inputs) · direction. */
async function run(f: (...inputs: tf.Tensor[]) => tf.Tensor, inputs: readonly Input[], direction: Float32Array) {
  const before = tf.memory().numTensors;
  const tensors = tf.tidy(() => {
    const tensors = inputs.map(({ data, shape }) => tf.tensor(data, shape));
    const { value, grads } = tf.valueAndGrads((...x: tf.Tensor[]) => {
      const out = f(...x);
      return tf.sum(tf.mul(out, tf.tensor(direction, out.shape)));
    })(tensors);
    return [value, ...grads];
  });
  const result = await Promise.all(tensors.map(async (tensor) => Float32Array.from(await tensor.data())));
  tf.dispose(tensors);
  expect(tf.memory().numTensors).toBe(before);
  return result;
}

interface Input {
  data: Float32Array;
  shape: number[];
}

const input = (...shape: number[]): Input => ({ data: values(...shape), shape });
const mask = [0, 0, -1e9, 0, 0].concat([0, -1e9, 0, 0, 0]);
const cases: {
  name: string;
  own: (...x: never[]) => tf.Tensor;
  plain: (...x: never[]) => tf.Tensor;
  inputs: Input[];
  outputs: number;
}[] = [
  {
    name: 'product',
    own: product,
    plain: (a: tf.Tensor2D, b: tf.Tensor2D) => tf.matMul(a, b),
    inputs: [input(5, 3), input(3, 4)],
    outputs: 20,
  },
  {
    name: 'linear',
    own: linear,
    plain: (x: tf.Tensor2D, weight: tf.Tensor2D, bias: tf.Tensor1D) => tf.add(tf.matMul(x, weight, false, true), bias),
    inputs: [input(5, 3), input(4, 3), input(4)],
    outputs: 20,
  },
  {
    name: 'layerNorm',
    own: layerNorm,
    plain: (x: tf.Tensor2D, gain: tf.Tensor1D, shift: tf.Tensor1D) => {
      const { mean, variance } = tf.moments(x, 1, true);
      return tf.add(tf.mul(tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, 1e-12))), gain), shift);
    },
    inputs: [input(6, 8), input(8), input(8)],
    outputs: 48,
  },
  {
    name: 'gelu',
    own: gelu,
    plain: (x: tf.Tensor2D) => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1)),
    inputs: [{ data: Float32Array.from({ length: 100 }, (_, i) => (i - 50) / 8), shape: [10, 10] }],
    outputs: 100,
  },
  {
    name: 'attention with fewer asking than seen tokens',
    own: (q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D) => attention(q, k, v, tf.tensor4d(mask, [2, 1, 1, 5]), 2),
    plain: (q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D) => {
      // One window and one head at a time.
      const windows = [0, 1].map((window) => {
        const rows = (x: tf.Tensor2D, count: number) => tf.slice(x, [window * count, 0], [count, 6]);
        const heads = [0, 1].map((head) => {
          const columns = (x: tf.Tensor2D, count: number) =>
            tf.slice(rows(x, count), [0, head * 3], [count, 3]) as tf.Tensor2D;
          const scores = tf.div(tf.matMul(columns(q, 3), columns(k, 5), false, true), Math.sqrt(3));
          const seen = tf.add(scores, tf.tensor2d(mask.slice(window * 5, window * 5 + 5), [1, 5]));
          return tf.matMul(tf.softmax(seen) as tf.Tensor2D, columns(v, 5));
        });
        return tf.concat(heads, 1);
      });
      return tf.concat(windows, 0);
    },
    inputs: [input(6, 6), input(10, 6), input(10, 6)],
    outputs: 36,
  },
];

// Plain forms and their derived gradients always run on tfjs-cpu, whose kernels are the simplest.
const reference = new Map<string, Float32Array[]>();
const directions = new Map(cases.map(({ name, outputs }) => [name, values(outputs)]));

describe.each(engineNames.filter((name) => missingPart(name) === undefined))('on %s', (engine) => {
  beforeAll(async () => {
    if (reference.size === 0) {
      await activate('cpu');
      for (const { name, plain, inputs } of cases) {
        reference.set(name, await run(plain as never, inputs, directions.get(name)!));
      }
    }
    await activate(engine, { withoutCard: true });
    await checkGradient();
  });

  it.each(cases)('$name has the value and the gradients of its plain form', async ({ name, own, inputs }) => {
    const found = await run(own as never, inputs, directions.get(name)!);
    reference.get(name)!.forEach((expected, index) => {
      expect(relativeError(found[index]!, expected)).toBeLessThan(2e-6);
    });
  });

  it('gelu is within 2e-7 of x · Φ(x), and of the size of x where that is above 1', async () => {
    const x = Float32Array.from({ length: 2001 }, (_, index) => (index - 1000) / 100);
    const result = tf.tidy(() => gelu(tf.tensor2d(x, [1, x.length])));
    const found = await result.data();
    result.dispose();
    for (let index = 0; index < x.length; index++) {
      const exact = x[index]! * normalDistribution(x[index]!);
      expect(Math.abs(found[index]! - exact)).toBeLessThan(2e-7 * Math.max(1, Math.abs(x[index]!)));
    }
  });
});

// Simpson's rule on the density: exact to double precision for what is asked of it here.
function normalDistribution(x: number): number {
  const density = (t: number) => Math.exp(-t * t * 0.5) / Math.sqrt(2 * Math.PI);
  const from = -12;
  const pieces = 4000;
  const width = (x - from) / pieces;
  let sum = density(from) + density(x);
  for (let piece = 1; piece < pieces; piece++) sum += (piece % 2 === 1 ? 4 : 2) * density(from + piece * width);
  return (sum * width) / 3;
}
