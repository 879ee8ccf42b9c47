import { makeKernels, vectorAt } from '@hansa/aggregation/kernels';
import { elementCount, type Manifest, parameterCount } from '@hansa/shared/numeric';

/**
 * A flat vector of weights with what changes it. The optimiser owns the memory: whoever trains writes weights and gradient where it will read them.
 *
 * State is per instance: each round starts a fresh one. Between two steps every vector may be read and overwritten.
 */
export interface Optimizer {
  /** What is trained, in the manifest's order; zero at first. */
  readonly weights: Float32Array<ArrayBuffer>;
  /** The gradient of the coming step, in the same order; a step leaves it as it was. */
  readonly gradient: Float32Array<ArrayBuffer>;
  /** What else the coming step depends on: vectors like the weights, zero at first, and the number of steps taken. */
  readonly moments: readonly Float32Array<ArrayBuffer>[];
  stepsTaken: number;
  /** @param learningRate of this step, its schedule applied */
  step(learningRate: number): void;
}

/** Plain stochastic gradient descent on `size` weights. */
export function sgd(size: number): Optimizer {
  const weights = new Float32Array(size);
  const gradient = new Float32Array(size);
  return {
    weights,
    gradient,
    moments: [],
    stepsTaken: 0,
    step(learningRate) {
      this.stepsTaken += 1;
      for (let index = 0; index < size; index++) weights[index]! -= learningRate * gradient[index]!;
    },
  };
}

/** Vectors begin at a multiple of this: no load of 16 bytes crosses a line of the processor's cache. */
const LINE_BYTES = 64;

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter 2019), β₁ 0.9, β₂ 0.999, ε 1e-8, in PyTorch's order of operations.
 *
 * Decay shrinks matrices only, not biases and LayerNorm gains. The arithmetic is a kernel of ours over the processor's memory and not the engine's, so that
 * every engine takes the same step and nothing of it stays in the engine's memory. Weights that no tensor of the manifest covers stay as they are.
 *
 * @param longest norm that a gradient may have; a longer one counts as if scaled down to it
 * @throws RangeError (when four vectors do not fit into the 4 GiB of a WebAssembly memory)
 */
export function adamW(
  manifest: Manifest,
  { weightDecay = 0.01, longest = Number.POSITIVE_INFINITY }: { weightDecay?: number; longest?: number } = {},
): Optimizer {
  const size = parameterCount(manifest);
  const vectorBytes = Math.ceil((4 * size) / LINE_BYTES) * LINE_BYTES;
  const kernels = makeKernels(LINE_BYTES + 4 * vectorBytes);
  const start = Math.ceil(vectorAt / LINE_BYTES) * LINE_BYTES;
  const [weightsAt, gradientAt, meanAt, varianceAt] = [0, 1, 2, 3].map((vector) => start + vector * vectorBytes) as [
    number,
    number,
    number,
    number,
  ];
  const vector = (at: number) => new Float32Array(kernels.memory.buffer, at, size);
  const stretches = stretchesOf(manifest);
  return {
    weights: vector(weightsAt),
    gradient: vector(gradientAt),
    moments: [vector(meanAt), vector(varianceAt)],
    stepsTaken: 0,
    step(learningRate) {
      this.stepsTaken += 1;
      let squares = 0;
      for (const { from, count } of stretches) squares += kernels.sumOfSquares(gradientAt + 4 * from, count);
      const norm = Math.sqrt(squares);
      const factor = norm > longest ? longest / norm : 1;
      const rate = learningRate / (1 - 0.9 ** this.stepsTaken);
      const rootFactor = 1 / Math.sqrt(1 - 0.999 ** this.stepsTaken);
      for (const { from, count, decays } of stretches) {
        const keep = decays ? 1 - learningRate * weightDecay : 1;
        const [weights, gradient, mean, variance] = [weightsAt, gradientAt, meanAt, varianceAt].map(
          (at) => at + 4 * from,
        ) as [number, number, number, number];
        kernels.adamW(weights, gradient, mean, variance, count, factor, rate, rootFactor, keep);
      }
    },
  };
}

/** The manifest's tensors as stretches of the flat vector, neighbours that are treated alike in one. */
function stretchesOf(manifest: Manifest): readonly { from: number; count: number; decays: boolean }[] {
  const stretches: { from: number; count: number; decays: boolean }[] = [];
  for (const { shape, offset } of manifest) {
    const decays = shape.length >= 2;
    const count = elementCount(shape);
    const last = stretches.at(-1);
    if (last !== undefined && last.decays === decays && last.from + last.count === offset) last.count += count;
    else stretches.push({ from: offset, count, decays });
  }
  return stretches;
}
