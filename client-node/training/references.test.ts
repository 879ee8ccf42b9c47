import { describe, expect, it } from 'vitest';
import { correctionOf, nextControl } from './controlVariates.ts';
import { sgd } from './optimizer.ts';
import { addProximalTerm } from './proximalTerm.ts';

/** The reference case of pfl-research: two inputs, a matrix of two by two, mean absolute error, one step of gradient descent. */
const weights = [2, 4, 3, 5];
const inputs = [
  [1, 0],
  [0, 2],
];
const targets = [
  [4, 6],
  [8, 12],
];

const answers = (w: ArrayLike<number>) => inputs.map(([a, b]) => [a! * w[0]! + b! * w[2]!, a! * w[1]! + b! * w[3]!]);
const loss = (w: ArrayLike<number>) =>
  answers(w).reduce(
    (sum, row, at) => sum + Math.abs(row[0]! - targets[at]![0]!) + Math.abs(row[1]! - targets[at]![1]!),
    0,
  ) / 2;
/** Gradient of the error by the matrix: inputs transposed times the signs, over two. */
const gradient = Float32Array.from([0, 1, 2, 3], (at) => {
  const [row, column] = [at >> 1, at & 1];
  return inputs.reduce(
    (sum, input, example) =>
      sum + (input[row]! * Math.sign(answers(weights)[example]![column]! - targets[example]![column]!)) / 2,
    0,
  );
});

describe('SCAFFOLD', () => {
  it.each([
    [0, [0.05, 0.05, 0.1, 0.1], 3.75],
    [0.1, [0.04, 0.04, 0.09, 0.09], 3.78],
  ])('c = %d, as pfl-research has it', (c, difference, lossAfter) => {
    const own = new Float32Array(4);
    const optimizer = sgd(4);
    optimizer.weights.set(weights);
    const correction = correctionOf({ own, common: new Float32Array(4).fill(c) });
    optimizer.gradient.set(gradient.map((value, at) => value + correction[at]!));
    optimizer.step(0.1);
    expect(loss(weights)).toBe(4);
    expect(loss(optimizer.weights)).toBeCloseTo(lossAfter, 5);
    for (const [at, expected] of difference.entries())
      expect(optimizer.weights[at]! - weights[at]!).toBeCloseTo(expected, 6);
    // The local gradient, whatever c: pfl's figures with use_gradient_as_control_variate. Without it pfl tells .3 and .8 for c = .1, where the paper's
    // option II gives the gradient, too: there x − y stands the other way round.
    const { next } = nextControl(own, gradient, 1, 10);
    expect([...next]).toEqual([-0.5, -0.5, -1, -1]);
  });
});

describe('FedProx', () => {
  it.each([
    [0, [0.5, 0.5, 1, 1], 1.5],
    [1, [0.375, 0.375, 0.75, 0.75], 2.125],
  ])('μ = %d, two steps as pfl-research has them', (mu, difference, lossAfter) => {
    const optimizer = sgd(4);
    optimizer.weights.set(weights);
    for (let step = 1; step <= 2; step++) {
      optimizer.gradient.set(gradient);
      addProximalTerm(optimizer.gradient, optimizer.weights, Float32Array.from(weights), mu);
      optimizer.step(0.5);
    }
    for (const [at, expected] of difference.entries())
      expect(optimizer.weights[at]! - weights[at]!).toBeCloseTo(expected, 6);
    expect(loss(optimizer.weights)).toBeCloseTo(lossAfter, 5);
  });
});
