import { sigmoid } from '../scores/riskScore.ts';

/** A sparse design, column by column: the rows in which a feature is not 0, and its values there. */
export interface Feature {
  readonly rows: Int32Array;
  readonly values: Float64Array;
}

const MOST_SWEEPS = 200;
/** A sweep that moves no coefficient further ends the search. */
const TOLERANCE = 1e-4;

/**
 * Logistic regression with a ridge: the least Σ w · cross-entropy(margin, late) + λ/2 · |β|² with margin = offset + X · β, by cyclic coordinate descent with a
 * trust region for each coefficient (Genkin, Lewis and Madigan 2007).
 *
 * @param late [n] 1 for late, 0 for on time
 * @param weights [n]
 * @param offset what the margin of every order begins with
 * @param from where the search begins
 * @returns β
 */
export function fitLogistic(
  features: readonly Feature[],
  { late, weights, offset }: { late: ArrayLike<number>; weights: ArrayLike<number>; offset: number },
  lambda: number,
  from: Float64Array = new Float64Array(features.length),
): Float64Array {
  const beta = from.slice();
  const trust = new Float64Array(features.length).fill(1);
  const margin = margins(beta, features, late.length, offset);
  for (let sweep = 0; sweep < MOST_SWEEPS; sweep++) {
    let longest = 0;
    features.forEach(({ rows, values }, feature) => {
      let slope = lambda * beta[feature]!;
      let curve = lambda;
      for (let at = 0; at < rows.length; at++) {
        const row = rows[at]!;
        const value = values[at]!;
        slope += weights[row]! * value * (sigmoid(margin[row]!) - late[row]!);
        curve += weights[row]! * value * value * steepest(margin[row]!, trust[feature]! * Math.abs(value));
      }
      const step = Math.max(-trust[feature]!, Math.min(trust[feature]!, -slope / curve));
      trust[feature] = Math.max(2 * Math.abs(step), trust[feature]! / 2);
      beta[feature]! += step;
      for (let at = 0; at < rows.length; at++) margin[rows[at]!]! += step * values[at]!;
      longest = Math.max(longest, Math.abs(step));
    });
    if (longest < TOLERANCE) break;
  }
  return beta;
}

/** The most that the second derivative of the cross-entropy is while the margin moves by up to `within`. */
function steepest(margin: number, within: number): number {
  const distance = Math.abs(margin) - within;
  return distance <= 0 ? 0.25 : 1 / (2 + Math.exp(distance) + Math.exp(-distance));
}

/** Margins of `count` orders: offset + X · β. */
export function margins(beta: Float64Array, features: readonly Feature[], count: number, offset: number): Float64Array {
  const out = new Float64Array(count).fill(offset);
  features.forEach(({ rows, values }, feature) => {
    for (let at = 0; at < rows.length; at++) out[rows[at]!]! += beta[feature]! * values[at]!;
  });
  return out;
}
