/** Groups of orders that calibration is looked at in. */
const BINS = 10;

/** Mean squared difference of probability and outcome (Brier 1950); undefined of no order. */
export function brier(probabilities: ArrayLike<number>, late: ArrayLike<number>): number | undefined {
  if (probabilities.length === 0) return undefined;
  let sum = 0;
  for (let order = 0; order < probabilities.length; order++) sum += (probabilities[order]! - late[order]!) ** 2;
  return sum / probabilities.length;
}

/**
 * Expected calibration error: over ten groups of probability, as wide as each other, the difference of mean probability and share of late orders, weighted with
 * the orders in the group (Naeini et al. 2015); undefined of no order.
 */
export function calibrationError(probabilities: ArrayLike<number>, late: ArrayLike<number>): number | undefined {
  if (probabilities.length === 0) return undefined;
  const differences = new Float64Array(BINS);
  for (let order = 0; order < probabilities.length; order++) {
    const probability = probabilities[order]!;
    const bin = Math.min(BINS - 1, Math.floor(probability * BINS));
    differences[bin]! += probability - late[order]!;
  }
  return differences.reduce((sum, difference) => sum + Math.abs(difference), 0) / probabilities.length;
}
