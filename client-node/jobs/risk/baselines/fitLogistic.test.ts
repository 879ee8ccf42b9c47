import { seededNumbers } from '@hansa/shared/random';
import { describe, expect, it } from 'vitest';
import { crossEntropy, sigmoid } from '../scores/riskScore.ts';
import { type Feature, fitLogistic, margins } from './fitLogistic.ts';

const drawn = seededNumbers('logistic');
const count = 200;
const dense = (draw: () => number): Feature => ({
  rows: Int32Array.from({ length: count }, (_, row) => row),
  values: Float64Array.from({ length: count }, draw),
});
const sparse = (share: number): Feature => {
  const rows = Array.from({ length: count }, (_, row) => row).filter(() => drawn.uniform() < share);
  return { rows: Int32Array.from(rows), values: new Float64Array(rows.length).fill(1) };
};
const features = [
  dense(() => drawn.truncatedNormal()),
  dense(() => 3 * drawn.truncatedNormal()),
  sparse(0.2),
  sparse(0.05),
];
const truth = Float64Array.from([1, -0.5, 2, 0]);
const offset = -1;
const late = Array.from(margins(truth, features, count, offset), (margin) =>
  drawn.uniform() < sigmoid(margin) ? 1 : 0,
);
const weights = Array.from({ length: count }, () => 0.5 + drawn.uniform());
const orders = { late, weights, offset };

const objective = (beta: Float64Array, lambda: number) =>
  margins(beta, features, count, offset).reduce(
    (sum, margin, row) => sum + weights[row]! * crossEntropy(margin, late[row]!),
    (lambda / 2) * beta.reduce((sum, value) => sum + value * value, 0),
  );

describe('fitLogistic', () => {
  it.each([0.1, 3, 100])('finds the least of the penalised cross-entropy (λ = %s)', (lambda) => {
    const beta = fitLogistic(features, orders, lambda);
    const margin = margins(beta, features, count, offset);
    features.forEach(({ rows, values }, feature) => {
      const slope = rows.reduce(
        (sum, row, at) => sum + weights[row]! * values[at]! * (sigmoid(margin[row]!) - late[row]!),
        lambda * beta[feature]!,
      );
      expect(Math.abs(slope)).toBeLessThan(0.02);
    });
    for (let trial = 0; trial < 20; trial++) {
      const moved = beta.map((value) => value + 0.05 * drawn.truncatedNormal());
      expect(objective(moved, lambda)).toBeGreaterThan(objective(beta, lambda));
    }
  });

  it('comes to the same from another beginning', () => {
    const other = fitLogistic(features, orders, 3, Float64Array.from([5, 5, -5, -5]));
    fitLogistic(features, orders, 3).forEach((value, feature) => {
      expect(other[feature]).toBeCloseTo(value, 2);
    });
  });

  it('ends where a feature tells the outcomes apart without fail, and leaves the shares at the offset under a strong ridge', () => {
    const telling: Feature = {
      rows: Int32Array.from([...late.keys()].filter((row) => late[row] === 1)),
      values: Float64Array.from(late.filter((is) => is === 1)),
    };
    expect(fitLogistic([telling], orders, 1)[0]).toBeGreaterThan(2);
    for (const value of fitLogistic(features, orders, 1e9)) expect(Math.abs(value)).toBeLessThan(1e-5);
  });
});
