import type { Interval } from '../../../statistics/bootstrap.ts';
import { placements } from './ranking.ts';

/** 97.5 % quantile of the standard normal. */
const Z = 1.959964;

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

function covariance(a: readonly number[], b: readonly number[]): number {
  const [ofA, ofB] = [mean(a), mean(b)];
  return a.reduce((sum, value, at) => sum + (value - ofA) * (b[at]! - ofB), 0) / (a.length - 1);
}

/** An AUROC with what its variance is made of. */
interface Placed {
  readonly auroc: number;
  readonly late: readonly number[];
  readonly onTime: readonly number[];
}

/** undefined where there are fewer than two late orders or two on time: then nothing is known of the variance. */
export function placed(scores: ArrayLike<number>, late: ArrayLike<number>): Placed | undefined {
  const shares = placements(scores, late);
  if (shares.late.length < 2 || shares.onTime.length < 2) return undefined;
  return { ...shares, auroc: mean(shares.late) };
}

/** Covariance of two AUROCs on the same orders; of one with itself its variance (DeLong, DeLong and Clarke-Pearson 1988). */
const aurocCovariance = (a: Placed, b: Placed): number =>
  covariance(a.late, b.late) / a.late.length + covariance(a.onTime, b.onTime) / a.onTime.length;

/** 95 % interval of an AUROC, within 0 and 1. */
export function aurocInterval(of: Placed): Interval {
  const half = Z * Math.sqrt(aurocCovariance(of, of));
  return [Math.max(0, of.auroc - half), Math.min(1, of.auroc + half)];
}

/** The AUROC of `a` divided by that of `b` on the same orders, minus 1, with its 95 % interval by the delta method; undefined where that of `b` is 0. */
export function aurocChange(a: Placed, b: Placed): { change: number; interval: Interval } | undefined {
  if (b.auroc === 0) return undefined;
  const ratio = a.auroc / b.auroc;
  const variance =
    (aurocCovariance(a, a) - 2 * ratio * aurocCovariance(a, b) + ratio * ratio * aurocCovariance(b, b)) / b.auroc ** 2;
  const half = Z * Math.sqrt(Math.max(0, variance));
  return { change: ratio - 1, interval: [ratio - 1 - half, ratio - 1 + half] };
}
