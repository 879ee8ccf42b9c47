import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { adamW, type Optimizer, sgd } from './optimizer.ts';

const manifest = [
  { name: 'matrix', shape: [1, 2], dtype: 'F32', offset: 0 },
  { name: 'bias', shape: [1], dtype: 'F32', offset: 2 },
] as const;

/** Steps of 0.01 along each of the gradients. */
function take(optimizer: Optimizer, ...gradients: readonly (readonly number[])[]): void {
  for (const gradient of gradients) {
    optimizer.gradient.set(gradient);
    optimizer.step(0.01);
  }
}

const floats = fc.float({ noNaN: true, noDefaultInfinity: true, min: -100, max: 100 });

describe('adamW', () => {
  it('takes the steps that PyTorch takes', () => {
    const optimizer = adamW(manifest, { weightDecay: 0.1 });
    optimizer.weights.set([1, -2, 3]);
    take(optimizer, [0.5, -1, 2]);
    // torch.optim.AdamW, lr 0.01, weight decay 0.1 on the matrix, 0 on the bias: decay first, then lr · sign on the first step.
    expect([...optimizer.weights]).toEqual(
      [1 - 0.001 - 0.01, -2 + 0.002 + 0.01, 3 - 0.01].map((value) => expect.closeTo(value, 6)),
    );
    take(optimizer, [-0.5, -1, 0]);
    const m = [0.9 * 0.05 - 0.05, -0.1 * 0.9 - 0.1, 0.18];
    const v = [0.25e-3 * 0.999 + 0.25e-3, 1e-3 * 0.999 + 1e-3, 4e-3 * 0.999];
    const change = m.map((mean, index) => (0.01 * mean) / 0.19 / (Math.sqrt(v[index]! / (1 - 0.999 ** 2)) + 1e-8));
    expect([...optimizer.weights]).toEqual(
      [0.989 - 0.989e-3 - change[0]!, -1.988 + 1.988e-3 - change[1]!, 2.99 - change[2]!].map((value) =>
        expect.closeTo(value, 6),
      ),
    );
    expect(optimizer.stepsTaken).toBe(2);
  });

  it('takes a gradient that is too long as one of the norm allowed, and changes no gradient', () => {
    fc.assert(
      fc.property(fc.tuple(floats, floats, floats), (slopes) => {
        const gradient = Float32Array.from(slopes);
        const norm = Math.hypot(...gradient);
        const factor = norm > 2 ? 2 / norm : 1;
        const [clipped, plain] = [adamW(manifest, { longest: 2 }), adamW(manifest)];
        take(clipped, [...gradient]);
        take(
          plain,
          [...gradient].map((slope) => slope * factor),
        );
        expect(clipped.gradient).toEqual(gradient);
        clipped.moments.forEach((moment, which) => {
          expect([...moment]).toEqual([...plain.moments[which]!].map((value) => expect.closeTo(value, 6)));
        });
        if (norm <= 2) expect(clipped.weights).toEqual(plain.weights);
      }),
    );
  });

  it('goes on from another’s state as that one does', () => {
    const one = adamW(manifest, { longest: 1 });
    one.weights.set([1, -2, 3]);
    take(one, [0.5, -1, 2], [0.25, 3, -1]);
    const other = adamW(manifest, { longest: 1 });
    other.weights.set(one.weights);
    other.stepsTaken = one.stepsTaken;
    one.moments.forEach((moment, which) => {
      other.moments[which]!.set(moment);
    });
    for (const optimizer of [one, other]) take(optimizer, [-1, 0.125, 0.5]);
    expect(other.weights).toEqual(one.weights);
  });

  it('leaves alone what no tensor of its manifest covers', () => {
    const optimizer = adamW([
      { ...manifest[0], offset: 1 },
      { ...manifest[1], offset: 4 },
    ]);
    optimizer.weights.set([1, 2, 3, 4, 5]);
    take(optimizer, [9, 1, 1, 9, 1]);
    expect([...optimizer.weights].map((weight, at) => weight === at + 1)).toEqual([true, false, false, true, false]);
  });
});

describe('sgd', () => {
  it('steps against the gradient', () => {
    const optimizer = sgd(2);
    optimizer.weights.set([1, 2]);
    optimizer.gradient.set([4, -8]);
    optimizer.step(0.25);
    expect([...optimizer.weights]).toEqual([0, 4]);
  });
});
