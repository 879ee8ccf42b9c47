import { seededNumbers } from '@hansa/shared/random';
import { describe, expect, it } from 'vitest';
import { brier, calibrationError } from './calibration.ts';
import { aurocChange, aurocInterval, placed } from './deLong.ts';
import { auprc, auroc } from './ranking.ts';
import { crossEntropy, riskScore, sigmoid } from './riskScore.ts';

const drawn = seededNumbers('risk scores');

/** Scores with many ties, and outcomes that lean on them. */
function world(count: number): { scores: number[]; late: number[] } {
  const scores = Array.from({ length: count }, () => Math.round(4 * drawn.truncatedNormal()) / 4);
  return { scores, late: scores.map((score) => (drawn.uniform() < sigmoid(score - 0.5) ? 1 : 0)) };
}
const worlds = Array.from({ length: 60 }, (_, index) => world(2 + index));
const mixed = worlds.filter(({ late }) => late.includes(0) && late.includes(1));

/** The scores of one outcome. */
const of = ({ scores, late }: { scores: number[]; late: number[] }, outcome: number) =>
  scores.filter((_, order) => late[order] === outcome);
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const kernel = (late: number, onTime: number) => (late > onTime ? 1 : late === onTime ? 0.5 : 0);

describe('auroc', () => {
  it('is the share of pairs that are ranked right, ties counting half', () => {
    expect(mixed.length).toBeGreaterThan(50);
    for (const one of mixed) {
      const pairs = of(one, 1).flatMap((late) => of(one, 0).map((onTime) => kernel(late, onTime)));
      expect(auroc(one.scores, one.late)).toBeCloseTo(mean(pairs), 12);
    }
  });

  it('turns over with the scores, and is a half where all are equal', () => {
    for (const { scores, late } of mixed) {
      const turned = auroc(
        scores.map((score) => -score),
        late,
      );
      expect(auroc(scores, late)! + turned!).toBeCloseTo(1, 12);
      expect(
        auroc(
          scores.map(() => 3),
          late,
        ),
      ).toBe(0.5);
    }
  });

  it('is not defined without both outcomes', () => {
    expect(auroc([1, 2], [0, 0])).toBeUndefined();
    expect(auroc([1, 2], [1, 1])).toBeUndefined();
    expect(auroc([], [])).toBeUndefined();
  });
});

describe('auprc', () => {
  it('is the sum over the thresholds of precision times the gain in recall', () => {
    for (const { scores, late } of mixed) {
      const total = late.filter((is) => is === 1).length;
      const thresholds = [...new Set(scores)].sort((a, b) => b - a);
      let [expected, recallBefore] = [0, 0];
      for (const threshold of thresholds) {
        const taken = late.filter((_, order) => scores[order]! >= threshold);
        const recall = taken.filter((is) => is === 1).length / total;
        expected += (taken.filter((is) => is === 1).length / taken.length) * (recall - recallBefore);
        recallBefore = recall;
      }
      expect(auprc(scores, late)).toBeCloseTo(expected, 12);
    }
  });

  it('is the share of late orders where all scores are equal, and not defined without one', () => {
    expect(auprc([7, 7, 7, 7], [1, 0, 0, 0])).toBe(0.25);
    expect(auprc([7, 7], [0, 0])).toBeUndefined();
  });
});

describe("DeLong's variance", () => {
  const covariance = (a: number[], b: number[]) =>
    a.reduce((sum, value, at) => sum + (value - mean(a)) * (b[at]! - mean(b)), 0) / (a.length - 1);

  it('is that of the shares of pairs that each order is ranked right in', () => {
    for (const one of mixed.filter((one) => of(one, 1).length > 1 && of(one, 0).length > 1)) {
      const late = of(one, 1).map((score) => mean(of(one, 0).map((other) => kernel(score, other))));
      const onTime = of(one, 0).map((score) => mean(of(one, 1).map((other) => kernel(other, score))));
      const half =
        1.959964 * Math.sqrt(covariance(late, late) / late.length + covariance(onTime, onTime) / onTime.length);
      const [low, high] = aurocInterval(placed(one.scores, one.late)!);
      expect(low).toBeCloseTo(Math.max(0, mean(late) - half), 12);
      expect(high).toBeCloseTo(Math.min(1, mean(late) + half), 12);
    }
  });

  it('holds the truth in about 95 of 100 samples, for one AUROC and for the change from another', () => {
    // Normal scores a distance of 1 apart have the AUROC Φ(1/√2); the second method sees them through more noise: Φ(1/√4).
    const [truth, other] = [0.76025, 0.69146];
    const samples = 400;
    let [within, changeWithin] = [0, 0];
    const normal = () => Math.sqrt(-2 * Math.log(1 - drawn.uniform())) * Math.cos(2 * Math.PI * drawn.uniform());
    for (let sample = 0; sample < samples; sample++) {
      const late = Array.from({ length: 120 }, (_, order) => (order < 40 ? 1 : 0));
      const scores = late.map((is) => is + normal());
      const noisy = scores.map((score) => score + normal());
      const [first, second] = [placed(scores, late)!, placed(noisy, late)!];
      const [low, high] = aurocInterval(first);
      if (low <= truth && truth <= high) within += 1;
      const { change, interval } = aurocChange(first, second)!;
      expect(change).toBeCloseTo(first.auroc / second.auroc - 1, 12);
      if (interval[0] <= truth / other - 1 && truth / other - 1 <= interval[1]) changeWithin += 1;
    }
    for (const share of [within / samples, changeWithin / samples]) {
      expect(share).toBeGreaterThan(0.91);
      expect(share).toBeLessThan(0.985);
    }
  });

  it('is not known of a single late order', () => {
    expect(placed([1, 2, 3], [1, 0, 0])).toBeUndefined();
    expect(riskScore([1, 2, 3], [1, 0, 0]).interval()).toBeUndefined();
  });
});

describe('probabilities', () => {
  it('have the Brier score and calibration error of their plain definitions', () => {
    for (const { scores, late } of worlds) {
      const probabilities = scores.map(sigmoid);
      expect(brier(probabilities, late)).toBeCloseTo(
        mean(probabilities.map((p, order) => (p - late[order]!) ** 2)),
        12,
      );
      let expected = 0;
      for (let bin = 0; bin < 10; bin++) {
        const orders = [...probabilities.keys()].filter((order) => Math.floor(probabilities[order]! * 10) === bin);
        if (orders.length === 0) continue;
        const gap = mean(orders.map((order) => probabilities[order]!)) - mean(orders.map((order) => late[order]!));
        expected += (orders.length / probabilities.length) * Math.abs(gap);
      }
      expect(calibrationError(probabilities, late)).toBeCloseTo(expected, 12);
    }
    expect(calibrationError([1, 1, 0], [1, 1, 0])).toBe(0);
  });

  it('have a cross-entropy that stays finite for sure and wrong answers', () => {
    expect(crossEntropy(0.3, 1)).toBeCloseTo(-Math.log(sigmoid(0.3)), 12);
    expect(crossEntropy(-2, 0)).toBeCloseTo(-Math.log(1 - sigmoid(-2)), 12);
    expect(crossEntropy(1000, 0)).toBe(1000);
    expect(riskScore([], []).loss).toBe(Number.POSITIVE_INFINITY);
  });
});
