/** Groups of equal scores, descending: late and all orders down to the end of each. */
function* groups(scores: ArrayLike<number>, late: ArrayLike<number>): Generator<{ late: number; all: number }> {
  const order = Array.from({ length: scores.length }, (_, index) => index).sort((a, b) => scores[b]! - scores[a]!);
  let found = 0;
  for (let at = 0; at < order.length; at++) {
    found += late[order[at]!]!;
    if (at + 1 < order.length && scores[order[at + 1]!] === scores[order[at]!]) continue;
    yield { late: found, all: at + 1 };
  }
}

/**
 * Area under the ROC curve: the chance that a late order has a higher score than one on time, ties counting half.
 *
 * @param late 1 for late, 0 for on time
 * @returns undefined where there are only late orders or none
 */
export function auroc(scores: ArrayLike<number>, late: ArrayLike<number>): number | undefined {
  let pairs = 0;
  let [lateBefore, onTimeBefore] = [0, 0];
  for (const group of groups(scores, late)) {
    const onTime = group.all - group.late;
    // Trapezoids: the late ones of a group are above half of its own ones on time, and all of the groups below; counted from the top, the reverse.
    pairs += (onTime - onTimeBefore) * (lateBefore + (group.late - lateBefore) / 2);
    [lateBefore, onTimeBefore] = [group.late, onTime];
  }
  return lateBefore === 0 || onTimeBefore === 0 ? undefined : pairs / (lateBefore * onTimeBefore);
}

/**
 * Average precision: the sum of precision · gain in recall over the thresholds, as scikit-learn defines it.
 *
 * @param late 1 for late, 0 for on time
 * @returns undefined where no order is late
 */
export function auprc(scores: ArrayLike<number>, late: ArrayLike<number>): number | undefined {
  let sum = 0;
  let before = 0;
  for (const group of groups(scores, late)) {
    sum += (group.late / group.all) * (group.late - before);
    before = group.late;
  }
  return before === 0 ? undefined : sum / before;
}

/** For each order, the share of orders of the other outcome that its score is on the right side of, ties counting half (DeLong et al. 1988, their V). */
export function placements(scores: ArrayLike<number>, late: ArrayLike<number>): { late: number[]; onTime: number[] } {
  const sorted = (outcome: number) =>
    Float64Array.from(Array.from(scores).filter((_, order) => late[order] === outcome)).sort();
  const [onTime, isLate] = [sorted(0), sorted(1)];
  /** Share of ascending `values` below `score`, equal ones counting half. */
  const below = (values: Float64Array, score: number) =>
    (boundary(values, (value) => value < score) + boundary(values, (value) => value <= score)) / 2 / values.length;
  const placed = { late: [] as number[], onTime: [] as number[] };
  for (let order = 0; order < scores.length; order++) {
    if (late[order] === 1) placed.late.push(below(onTime, scores[order]!));
    else placed.onTime.push(1 - below(isLate, scores[order]!));
  }
  return placed;
}

/** How many of the values, from the first on, fulfil a condition that none fulfils after one that does not. */
function boundary(values: Float64Array, holds: (value: number) => boolean): number {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(values[middle]!)) low = middle + 1;
    else high = middle;
  }
  return low;
}
