import { describe, expect, it } from 'vitest';
import { correctionOf, nextControl } from './controlVariates.ts';
import { sgd } from './optimizer.ts';

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
const learningRate = 0.1;

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

describe('a step with control variates', () => {
  it.each([
    [0, [0.05, 0.05, 0.1, 0.1], 3.75],
    [0.1, [0.04, 0.04, 0.09, 0.09], 3.78],
  ])('c = %d, as pfl-research has it', (c, difference, lossAfter) => {
    const own = new Float32Array(4);
    const optimizer = sgd(4);
    optimizer.weights.set(weights);
    const correction = correctionOf({ own, common: new Float32Array(4).fill(c) });
    optimizer.gradient.set(gradient.map((value, at) => value + correction[at]!));
    optimizer.step(learningRate);
    expect(loss(weights)).toBe(4);
    expect(loss(optimizer.weights)).toBeCloseTo(lossAfter, 5);
    for (const [at, expected] of difference.entries())
      expect(optimizer.weights[at]! - weights[at]!).toBeCloseTo(expected, 6);
    // The local gradient, whatever c: pfl's figures with use_gradient_as_control_variate. Without it pfl tells .3 and .8 for c = .1, where the paper's
    // option II gives the gradient, too: there x − y stands the other way round.
    const { next } = nextControl(own, gradient, 1, 10);
    expect([...next]).toEqual([-0.5, -0.5, -1, -1]);
  });

  it('keeps what it sends: a change beyond the clip is scaled down to it in both', () => {
    const own = Float32Array.of(1, 0, 0);
    const { next, difference } = nextControl(own, Float32Array.of(8, 6, 0), 2, 2.5);
    expect([...difference]).toEqual(
      [1.5 * Math.SQRT1_2, 1.5 * Math.SQRT1_2, 0].map((value) => expect.closeTo((value * 2.5) / 1.5, 6)),
    );
    expect([...next]).toEqual([...difference].map((value, at) => expect.closeTo(own[at]! + value, 6)));
    const same = nextControl(own, Float32Array.of(2, 0, 0), 2, 2.5);
    expect([...same.difference, ...same.next]).toEqual([0, 0, 0, 1, 0, 0]);
  });
});
