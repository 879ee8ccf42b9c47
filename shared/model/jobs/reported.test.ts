import { describe, expect, it } from 'vitest';
import type { TailMetric } from './job.ts';
import { meansOfKnown, metricWords, reportOf } from './reported.ts';

const metrics: readonly TailMetric[] = [
  { name: 'auroc', low: 0, high: 1 },
  { name: 'gain', low: -2, high: 2 },
];

/** The means of all words over members with these values. */
function meansOf(members: readonly Readonly<Record<string, number | undefined>>[]): Record<string, number> {
  const reports = members.map((values) => reportOf(metrics, values));
  return Object.fromEntries(
    metricWords(metrics).map(({ name }) => [name, reports.reduce((sum, one) => sum + one[name]!, 0) / members.length]),
  );
}

describe('meansOfKnown', () => {
  it('is the mean over the members that have a metric', () => {
    const members = [{ auroc: 0.8, gain: 1 }, { auroc: undefined, gain: -1 }, { auroc: 0.6 }];
    const means = meansOfKnown(metrics, meansOf(members), 3);
    expect(means.auroc).toBeCloseTo(0.7, 12);
    expect(means.gain).toBeCloseTo(0, 12);
  });

  it('has nothing of a metric that nobody has', () => {
    expect(Object.keys(meansOfKnown(metrics, meansOf([{ gain: 1 }, { gain: 2 }]), 2))).toEqual(['gain']);
  });
});
