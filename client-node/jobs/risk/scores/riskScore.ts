import type { Score } from '../../job.ts';
import { brier, calibrationError } from './calibration.ts';
import { aurocChange, aurocInterval, placed } from './deLong.ts';
import { auprc, auroc } from './ranking.ts';

interface RiskScore extends Score {
  readonly placed: ReturnType<typeof placed>;
}

/** A logit as a probability. */
export const sigmoid = (logit: number): number => 1 / (1 + Math.exp(-logit));

/** −log of the probability that a logit gives to what came: log(1 + exp(x)) − y · x. */
export const crossEntropy = (logit: number, late: number): number =>
  Math.max(logit, 0) + Math.log1p(Math.exp(-Math.abs(logit))) - late * logit;

/** What logits are worth on orders whose outcome is known. A choice between models goes by the cross-entropy: it tells where no order is late, too. */
export function riskScore(logits: ArrayLike<number>, late: ArrayLike<number>): RiskScore {
  const probabilities = Float64Array.from(logits, sigmoid);
  const places = placed(logits, late);
  let entropy = 0;
  for (let order = 0; order < logits.length; order++) entropy += crossEntropy(logits[order]!, late[order]!);
  return {
    placed: places,
    values: {
      auroc: auroc(logits, late),
      auprc: auprc(logits, late),
      brier: brier(probabilities, late),
      calibration: calibrationError(probabilities, late),
    },
    loss: logits.length === 0 ? Number.POSITIVE_INFINITY : entropy / logits.length,
    interval: () => places && aurocInterval(places),
    changeFrom(other) {
      const theirs = (other as RiskScore).placed;
      return places && theirs && aurocChange(places, theirs);
    },
  };
}
