import { type KnownSeries, lookBacks } from './knownSeries.ts';

/** Rounds in which level, weekdays and coefficients are fitted in turn. */
const ROUNDS = 2;
/** Newton steps of the coefficients in a round. */
const NEWTON_STEPS = 2;
/** Prior standard deviation of a coefficient: what a covariate of 1 may do to the logarithm of demand. */
const PRIOR_STD_DEV = 1;
/** Periods of mean demand that a weekday's share is shrunk by. */
const WEEKDAY_PRIOR = 2;
/** Least dispersion, as a share of the mean: no fit is trusted beyond it. */
const LEAST_DISPERSION = 0.02;
/** Limit of the logarithm of an effect. */
const MOST_LOG_EFFECT = 3;

/**
 * Factors by which each period's demand differs from the level around it: the weekday's, and those of the covariates, from this series' own past.
 *
 * A Poisson regression with a free dispersion and a normal prior around no effect (penalised quasi-likelihood), on an offset that is a centred moving mean;
 * both are fitted in turn. It needs no logarithm of demand, so zeros do no harm, and with another unit of measure the factors stay the same.
 *
 * @returns [T + H] at least 0; of the future from its covariates
 */
export function effects(known: KnownSeries): Float64Array {
  const { sold, horizon, covariates, width, closed, firstWeekday } = known;
  const { weekdays, halfWidth, fitted } = lookBacks[known.frequency];
  const count = sold.length;
  const all = count + horizon;
  const open = Float64Array.from({ length: all }, (_, at) => (closed === undefined ? 1 : Math.max(0, 1 - closed[at]!)));
  const factors = open.slice();
  if ((width === 0 && weekdays === 1) || count === 0) return factors;
  const from = Math.max(0, count - fitted);
  const weekday = (at: number) => (firstWeekday + at) % weekdays;
  const shares = new Float64Array(weekdays).fill(1);
  const coefficients = new Float64Array(width);
  const effectOf = (at: number): number => {
    let sum = 0;
    for (let column = 0; column < width; column++) sum += coefficients[column]! * covariates[at * width + column]!;
    return Math.exp(Math.max(-MOST_LOG_EFFECT, Math.min(MOST_LOG_EFFECT, sum)));
  };
  const level = new Float64Array(count);
  for (let round = 0; round < ROUNDS; round++) {
    movingLevel(sold, factors, from, halfWidth, level);
    if (weekdays > 1) {
      const units = new Float64Array(weekdays);
      const expected = new Float64Array(weekdays);
      let mean = 0;
      for (let at = from; at < count; at++) {
        if (Number.isNaN(sold[at]!)) continue;
        units[weekday(at)]! += sold[at]!;
        const without = level[at]! * open[at]! * effectOf(at);
        expected[weekday(at)]! += without;
        mean += without;
      }
      mean *= WEEKDAY_PRIOR / Math.max(1, count - from);
      for (let place = 0; place < weekdays; place++)
        shares[place] = mean > 0 ? (units[place]! + mean) / (expected[place]! + mean) : 1;
    }
    if (width > 0) {
      for (let step = 0; step < NEWTON_STEPS; step++) {
        newtonStep(known, from, coefficients, (at) => level[at]! * open[at]! * shares[weekday(at)]! * effectOf(at));
      }
    }
    for (let at = 0; at < all; at++) factors[at] = open[at]! * shares[weekday(at)]! * effectOf(at);
  }
  return factors;
}

/** Centred moving mean of demand without its factors: the sum of what was sold over the sum of the factors. */
function movingLevel(sold: Float64Array, factors: Float64Array, from: number, halfWidth: number, into: Float64Array) {
  const count = sold.length;
  let units = 0;
  let periods = 0;
  const add = (at: number, sign: 1 | -1) => {
    if (at < from || at >= count || Number.isNaN(sold[at]!)) return;
    units += sign * sold[at]!;
    periods += sign * factors[at]!;
  };
  for (let at = from; at < from + halfWidth; at++) add(at, 1);
  for (let at = from; at < count; at++) {
    add(at + halfWidth, 1);
    if (at - halfWidth - 1 >= from) add(at - halfWidth - 1, -1);
    // What is left of differences of sums may be a hair below 0.
    into[at] = periods > 1e-9 ? Math.max(0, units / periods) : 0;
  }
}

/** One Newton step of the penalised quasi-likelihood. */
function newtonStep(
  { sold, covariates, width }: KnownSeries,
  from: number,
  coefficients: Float64Array,
  expectedAt: (at: number) => number,
): void {
  const gradient = new Float64Array(width);
  const curvature = new Float64Array(width * width);
  let squares = 0;
  let sum = 0;
  let periods = 0;
  for (let at = from; at < sold.length; at++) {
    const expected = expectedAt(at);
    if (Number.isNaN(sold[at]!) || expected <= 0) continue;
    const missing = sold[at]! - expected;
    squares += (missing * missing) / expected;
    sum += expected;
    periods++;
    for (let row = 0; row < width; row++) {
      const x = covariates[at * width + row]!;
      if (x === 0) continue;
      gradient[row]! += x * missing;
      for (let column = 0; column <= row; column++)
        curvature[row * width + column]! += x * covariates[at * width + column]! * expected;
    }
  }
  const dispersion = Math.max(squares, LEAST_DISPERSION * sum) / periods;
  if (!(dispersion > 0)) return;
  const prior = 1 / PRIOR_STD_DEV ** 2;
  for (let row = 0; row < width; row++) {
    gradient[row] = gradient[row]! / dispersion - prior * coefficients[row]!;
    for (let column = 0; column <= row; column++) curvature[row * width + column]! /= dispersion;
    curvature[row * width + row]! += prior;
  }
  const step = solve(curvature, gradient, width);
  for (let row = 0; row < width; row++) {
    const next = coefficients[row]! + Math.max(-1, Math.min(1, step[row]!));
    coefficients[row] = Math.max(-MOST_LOG_EFFECT, Math.min(MOST_LOG_EFFECT, next));
  }
}

/** Solves A x = b by Cholesky's decomposition; A [n, n] is positive definite and given by its lower half, which is overwritten. */
function solve(lower: Float64Array, right: Float64Array, size: number): Float64Array {
  for (let row = 0; row < size; row++) {
    for (let column = 0; column <= row; column++) {
      let sum = lower[row * size + column]!;
      for (let inner = 0; inner < column; inner++) sum -= lower[row * size + inner]! * lower[column * size + inner]!;
      lower[row * size + column] =
        row === column ? Math.sqrt(Math.max(sum, 1e-12)) : sum / lower[column * size + column]!;
    }
  }
  const x = right.slice();
  for (let row = 0; row < size; row++) {
    for (let inner = 0; inner < row; inner++) x[row]! -= lower[row * size + inner]! * x[inner]!;
    x[row]! /= lower[row * size + row]!;
  }
  for (let row = size - 1; row >= 0; row--) {
    for (let inner = row + 1; inner < size; inner++) x[row]! -= lower[inner * size + row]! * x[inner]!;
    x[row]! /= lower[row * size + row]!;
  }
  return x;
}
