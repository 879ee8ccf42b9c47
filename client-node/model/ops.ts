import * as tf from '@tensorflow/tfjs';
import { denseKernel, hasDenseKernels } from './denseKernel.ts';

/**
 * The operations of the encoder with their gradients written out.
 *
 * TensorFlow.js would derive the gradients itself, but through matMul's transpose flags, which cost 5 to 25 times a plain product on the wasm
 * engine, and through kernels that wasm lacks. One form serves all engines; where an engine has something quicker for a piece of it, that piece
 * says so: the native engine's own erf and products, and the kernels that we bring to the wasm engine (engines/kernels).
 */

/** Whether libtensorflow computes: its products take transposed factors at no cost, and it knows erf. */
const isNative = (): boolean => tf.getBackend() === 'tensorflow';

/** The last two axes exchanged. */
const flip = <Rank extends tf.Tensor2D | tf.Tensor4D>(x: Rank): Rank =>
  tf.transpose(x, x.rank === 2 ? [1, 0] : [0, 1, 3, 2]) as Rank;

/** a · b for matrices [n, m] and [m, k], or for batches of them. */
const times = <Rank extends tf.Tensor2D | tf.Tensor4D>(a: Rank, b: Rank): Rank =>
  a.rank === 2 && hasDenseKernels() ? denseKernel('HansaMultiply', { a, b }) : tf.matMul(a, b);

/** a · bᵀ for matrices [n, m] and [k, m], or for batches of them. */
const timesTransposed = <Rank extends tf.Tensor2D | tf.Tensor4D>(a: Rank, b: Rank): Rank => {
  if (a.rank === 2 && hasDenseKernels()) return denseKernel('HansaMultiply', { a, b }, { transposeB: true });
  return (isNative() ? tf.matMul(a, b, false, true) : tf.matMul(a, flip(b))) as Rank;
};

/** aᵀ · b for matrices [m, n] and [m, k], or for batches of them. */
const transposedTimes = <Rank extends tf.Tensor2D | tf.Tensor4D>(a: Rank, b: Rank): Rank => {
  if (a.rank === 2 && hasDenseKernels()) return denseKernel('HansaMultiply', { a, b }, { transposeA: true });
  return (isNative() ? tf.matMul(a, b, true, false) : tf.matMul(flip(a), b)) as Rank;
};

/** What an operation computes: its value, what its gradient needs of it, and the gradients of its inputs in order. */
interface Operation<Out extends tf.Tensor> {
  readonly value: Out;
  readonly saved: tf.Tensor[];
  // biome-ignore lint/suspicious/noExplicitAny: the tensors come back in the order and with the ranks they were saved in
  readonly gradient: (dy: Out, ...saved: any[]) => tf.Tensor[];
}

/** Runs an operation whose gradient is its own; `forward` may use the inputs directly. */
export function withGradient<Out extends tf.Tensor>(inputs: tf.Tensor[], forward: () => Operation<Out>): Out {
  const operation = tf.customGrad((...parameters: unknown[]) => {
    const save = parameters.at(-1) as tf.GradSaveFunc;
    const { value, saved, gradient } = forward();
    save(saved);
    return { value, gradFunc: (dy: tf.Tensor, kept: tf.Tensor[]) => gradient(dy as Out, ...kept) };
  });
  return operation(...inputs) as Out;
}

/** a · b for matrices [n, m] and [m, k]. */
export function product(a: tf.Tensor2D, b: tf.Tensor2D): tf.Tensor2D {
  return withGradient([a, b], () => ({
    value: times(a, b),
    saved: [a, b],
    gradient: (dy, a: tf.Tensor2D, b: tf.Tensor2D) => [timesTransposed(dy, b), transposedTimes(a, dy)],
  }));
}

/** x · weightᵀ + bias, without a gradient. */
const affine = (x: tf.Tensor2D, weight: tf.Tensor2D, bias: tf.Tensor1D): tf.Tensor2D =>
  hasDenseKernels()
    ? denseKernel('HansaMultiply', { a: x, b: weight, start: bias }, { transposeB: true })
    : tf.add(timesTransposed(x, weight), bias);

/** x · weightᵀ + bias for x [n, in], weight [out, in] as PyTorch keeps it, bias [out]. */
export function linear(x: tf.Tensor2D, weight: tf.Tensor2D, bias: tf.Tensor1D): tf.Tensor2D {
  return withGradient([x, weight, bias], () => ({
    value: affine(x, weight, bias),
    saved: [x, weight],
    gradient: (dy, x: tf.Tensor2D, weight: tf.Tensor2D) => [times(dy, weight), transposedTimes(dy, x), columnSums(dy)],
  }));
}

/** As {@link linear}, for a weight and a bias that are not trained: only x has a gradient. Both must outlive the gradient. */
export function frozenLinear(x: tf.Tensor2D, weight: tf.Tensor2D, bias: tf.Tensor1D): tf.Tensor2D {
  return withGradient([x], () => ({
    value: affine(x, weight, bias),
    saved: [],
    gradient: (dy) => [times(dy, weight)],
  }));
}

/** scale · x · Aᵀ · Bᵀ for x [n, in], A [rank, in], B [out, rank]: what LoRA adds to a layer. */
export function lowRank(x: tf.Tensor2D, a: tf.Tensor2D, b: tf.Tensor2D, scale: number): tf.Tensor2D {
  return withGradient([x, a, b], () => {
    const inner = tf.mul(timesTransposed(x, a), scale) as tf.Tensor2D;
    return {
      value: timesTransposed(inner, b),
      saved: [x, a, b, inner],
      gradient: (dy, x: tf.Tensor2D, a: tf.Tensor2D, b: tf.Tensor2D, inner: tf.Tensor2D) => {
        const dInner = tf.mul(times(dy, b), scale) as tf.Tensor2D;
        return [times(dInner, a), transposedTimes(dInner, x), transposedTimes(dy, inner)];
      },
    };
  });
}

/** LayerNorm over the last axis of x [n, d], with BERT's epsilon. */
export function layerNorm(x: tf.Tensor2D, gain: tf.Tensor1D, shift: tf.Tensor1D): tf.Tensor2D {
  return hasDenseKernels(x) ? layerNormByKernel(x, gain, shift) : layerNormByParts(x, gain, shift);
}

function layerNormByKernel(x: tf.Tensor2D, gain: tf.Tensor1D, shift: tf.Tensor1D): tf.Tensor2D {
  return withGradient([x, gain, shift], () => {
    const [value, normal, inverse] = denseKernel<[tf.Tensor2D, tf.Tensor, tf.Tensor]>('HansaLayerNorm', {
      x,
      gain,
      shift,
    });
    return {
      value,
      saved: [normal, inverse, gain],
      gradient: (dy, normal: tf.Tensor, inverse: tf.Tensor, gain: tf.Tensor) =>
        denseKernel('HansaLayerNormGradient', { dy, normal, inverse, gain }),
    };
  });
}

function layerNormByParts(x: tf.Tensor2D, gain: tf.Tensor1D, shift: tf.Tensor1D): tf.Tensor2D {
  return withGradient([x, gain, shift], () => {
    const centred = tf.sub(x, tf.mean(x, 1, true));
    const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(centred), 1, true), 1e-12));
    const normal = tf.mul(centred, inverse);
    return {
      value: tf.add(tf.mul(normal, gain), shift),
      saved: [normal, inverse, gain],
      gradient: (dy, normal: tf.Tensor2D, inverse: tf.Tensor2D, gain: tf.Tensor1D) => {
        const dNormal = tf.mul(dy, gain);
        const along = tf.mean(tf.mul(dNormal, normal), 1, true);
        const dx = tf.mul(inverse, tf.sub(tf.sub(dNormal, tf.mean(dNormal, 1, true)), tf.mul(normal, along)));
        return [dx, columnSums(tf.mul(dy, normal)), columnSums(dy)];
      },
    };
  });
}

/**
 * GELU with the exact normal distribution function: x · Φ(x), absolute error at most 2e-7 · max(1, |x|).
 *
 * Where there is no quick erf, the tail 1 − Φ(|x|) is Abramowitz and Stegun 7.1.26; GELU is then relu(x) − |x| · tail, without the cancellation of
 * 1 + erf.
 */
export function gelu(x: tf.Tensor2D): tf.Tensor2D {
  if (hasDenseKernels(x)) return geluByKernel(x);
  return isNative() ? geluByErf(x) : geluByTail(x);
}

function geluByKernel(x: tf.Tensor2D): tf.Tensor2D {
  return withGradient([x], () => {
    const [value, slope] = denseKernel<[tf.Tensor2D, tf.Tensor2D]>('HansaGelu', { x });
    return { value, saved: [slope], gradient: (dy, slope: tf.Tensor2D) => [tf.mul(dy, slope)] };
  });
}

function geluByErf(x: tf.Tensor2D): tf.Tensor2D {
  return withGradient([x], () => {
    const distribution = tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5);
    return {
      value: tf.mul(x, distribution),
      saved: [x, distribution],
      gradient: (dy, x: tf.Tensor2D, distribution: tf.Tensor2D) => {
        const density = tf.mul(tf.exp(tf.mul(tf.square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
        return [tf.mul(dy, tf.add(distribution, tf.mul(x, density)))];
      },
    };
  });
}

function geluByTail(x: tf.Tensor2D): tf.Tensor2D {
  return withGradient([x], () => {
    const size = tf.abs(x);
    // elu(z) + 1 is exp(z) for z ≤ 0, with an absolute error of one rounding, and ten times as quick as exp on wasm.
    const bell = tf.add(tf.elu(tf.mul(tf.square(x), -0.5)), 1);
    const t = tf.div(1, tf.add(tf.mul(size, 0.3275911 * Math.SQRT1_2), 1));
    let series = tf.mul(t, 0.5 * 1.061405429);
    for (const coefficient of [-1.453152027, 1.421413741, -0.284496736, 0.254829592]) {
      series = tf.mul(tf.add(series, 0.5 * coefficient), t);
    }
    const tail = tf.mul(series, bell);
    return {
      value: tf.sub(tf.relu(x), tf.mul(size, tail)),
      saved: [x, tail, bell],
      gradient: (dy, x: tf.Tensor2D, tail: tf.Tensor2D, bell: tf.Tensor2D) => {
        const distribution = tf.add(tf.mul(tf.step(x), tf.add(tf.mul(tail, -2), 1)), tail);
        const density = tf.mul(bell, 1 / Math.sqrt(2 * Math.PI));
        return [tf.mul(dy, tf.add(distribution, tf.mul(x, density)))];
      },
    };
  });
}

/**
 * Multi-head scaled dot-product attention.
 *
 * @param query [batch · asking, heads · width]
 * @param key, value [batch · tokens, heads · width]
 * @param mask [batch, 1, 1, tokens] added to the scores: 0 for a token to be seen, a large negative number for padding
 * @returns [batch · asking, heads · width]
 */
type Attention = (
  query: tf.Tensor2D,
  key: tf.Tensor2D,
  value: tf.Tensor2D,
  mask: tf.Tensor4D,
  heads: number,
) => tf.Tensor2D;

/** See {@link Attention}. */
export const attention: Attention = (...inputs) =>
  hasDenseKernels() ? attentionByKernel(...inputs) : attentionByParts(...inputs);

const attentionByKernel: Attention = (query, key, value, mask, heads) =>
  withGradient([query, key, value], () => {
    const [out, weights] = denseKernel<[tf.Tensor2D, tf.Tensor]>(
      'HansaAttention',
      { query, key, value, mask },
      { heads },
    );
    return {
      value: out,
      saved: [query, key, value, mask, weights],
      gradient: (dy, query: tf.Tensor, key: tf.Tensor, value: tf.Tensor, mask: tf.Tensor, weights: tf.Tensor) =>
        denseKernel('HansaAttentionGradient', { dy, query, key, value, mask, weights }, { heads }),
    };
  });

const attentionByParts: Attention = (query, key, value, mask, heads) => {
  const batch = mask.shape[0];
  const size = query.shape[1];
  const width = size / heads;
  const scale = 1 / Math.sqrt(width);
  // [batch · n, heads · width] ↔ [batch, heads, n, width]: transposes of rank 4 cost 0.2 ms on wasm where rank 5 costs 60 ms.
  const split = (x: tf.Tensor2D): tf.Tensor4D =>
    tf.transpose(tf.reshape(x, [batch, x.shape[0] / batch, heads, width]) as tf.Tensor4D, [0, 2, 1, 3]);
  const join = (x: tf.Tensor4D): tf.Tensor2D => tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [batch * x.shape[2], size]);
  return withGradient([query, key, value], () => {
    const q = split(query);
    const k = split(key);
    const v = split(value);
    const scores = tf.add(tf.mul(timesTransposed(q, k), scale), mask) as tf.Tensor4D;
    const weights = tf.softmax(scores);
    return {
      value: join(tf.matMul(weights, v)),
      saved: [q, k, v, weights],
      gradient: (dy, q: tf.Tensor4D, k: tf.Tensor4D, v: tf.Tensor4D, weights: tf.Tensor4D) => {
        const dOut = split(dy);
        const dWeights: tf.Tensor4D = tf.mul(timesTransposed(dOut, v), weights);
        const dScores: tf.Tensor4D = tf.mul(tf.sub(dWeights, tf.mul(weights, tf.sum(dWeights, -1, true))), scale);
        return [join(tf.matMul(dScores, k)), join(transposedTimes(dScores, q)), join(transposedTimes(weights, dOut))];
      },
    };
  });
};

/** Sum over the rows of x [n, d] → [d]; as a product, since wasm sums over the first axis slowly. */
function columnSums(x: tf.Tensor2D): tf.Tensor1D {
  if (hasDenseKernels(x)) return denseKernel('HansaColumnSums', { x });
  return tf.reshape(tf.matMul(tf.ones([1, x.shape[0]]), x), [x.shape[1]]);
}
