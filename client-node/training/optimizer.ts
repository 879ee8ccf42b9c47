import { WORD_EMBEDDINGS } from '@hansa/shared/model';
import { elementCount, type Manifest, parameterCount } from '@hansa/shared/numeric';

/** Changes a flat vector of weights by a gradient. State is per instance: each round starts a fresh one. */
export interface Optimizer {
  /** @param learningRate of this step, its schedule applied */
  step(weights: Float32Array, gradient: Float32Array, learningRate: number): void;
  /** What it remembers of earlier steps, a number for each weight in every vector; views that change with each step. */
  readonly moments: readonly Float32Array[];
  /** Goes on from where another instance was after `steps` steps; `moments` are copied. */
  resume(steps: number, moments: readonly Float32Array[]): void;
}

/** Plain stochastic gradient descent. */
export function sgd(): Optimizer {
  return {
    step(weights, gradient, learningRate) {
      for (let index = 0; index < weights.length; index++) weights[index]! -= learningRate * gradient[index]!;
    },
    moments: [],
    resume: () => undefined,
  };
}

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter 2019), β₁ 0.9, β₂ 0.999, ε 1e-8.
 *
 * Decay shrinks matrices only, not biases and LayerNorm gains, nor the word embeddings, which the demand job never uses. The arithmetic runs on plain
 * arrays, so that every engine takes the same step and nothing of it stays in the engine's memory.
 */
export function adamW(manifest: Manifest, weightDecay = 0.01): Optimizer {
  const size = parameterCount(manifest);
  const mean = new Float32Array(size);
  const variance = new Float32Array(size);
  const decays = new Uint8Array(size);
  for (const { name, shape, offset } of manifest) {
    if (shape.length >= 2 && name !== WORD_EMBEDDINGS) decays.fill(1, offset, offset + elementCount(shape));
  }
  let steps = 0;
  return {
    step(weights, gradient, learningRate) {
      steps += 1;
      const meanScale = 1 / (1 - 0.9 ** steps);
      const varianceScale = 1 / (1 - 0.999 ** steps);
      const shrink = learningRate * weightDecay;
      for (let index = 0; index < size; index++) {
        const slope = gradient[index]!;
        const m = 0.9 * mean[index]! + 0.1 * slope;
        const v = 0.999 * variance[index]! + 0.001 * slope * slope;
        mean[index] = m;
        variance[index] = v;
        const weight = weights[index]!;
        const change = (learningRate * m * meanScale) / (Math.sqrt(v * varianceScale) + 1e-8);
        weights[index] = weight - change - (decays[index] === 1 ? shrink * weight : 0);
      }
    },
    moments: [mean, variance],
    resume(taken, [oldMean, oldVariance]) {
      steps = taken;
      mean.set(oldMean!);
      variance.set(oldVariance!);
    },
  };
}

/** Scales a gradient down to the norm `limit` where it is longer; returns its norm before. */
export function clipToNorm(gradient: Float32Array, limit: number): number {
  let squares = 0;
  for (let index = 0; index < gradient.length; index++) squares += gradient[index]! * gradient[index]!;
  const norm = Math.sqrt(squares);
  if (norm > limit) {
    const scale = limit / norm;
    for (let index = 0; index < gradient.length; index++) gradient[index]! *= scale;
  }
  return norm;
}
