import type { TailMetric } from './job.ts';

/** The tail's word that is 1 from a member that has a metric, and 0 from one whose validation examples do not tell it. */
const knownWord = (name: string): string => `${name}Known`;

/** The tail's words for a job's metrics: each, and whether the member has it. */
export const metricWords = (metrics: readonly TailMetric[]): readonly TailMetric[] =>
  metrics.flatMap((metric) => [metric, { name: knownWord(metric.name), low: 0, high: 1 }]);

/** What a member reports, by word; in place of a metric that it lacks, the least value there is. */
export function reportOf(
  metrics: readonly TailMetric[],
  values: Readonly<Record<string, number | undefined>>,
): Record<string, number> {
  return Object.fromEntries(
    metrics.flatMap(({ name, low }) => [
      [name, values[name] ?? low],
      [knownWord(name), values[name] === undefined ? 0 : 1],
    ]),
  );
}

/**
 * Means of a job's metrics over the members that have them; one that nobody has is absent.
 *
 * @param means of the tail's words, over all survivors
 * @param survivors members in the sum
 */
export function meansOfKnown(
  metrics: readonly TailMetric[],
  means: Readonly<Record<string, number>>,
  survivors: number,
): Record<string, number> {
  return Object.fromEntries(
    metrics.flatMap(({ name, low }) => {
      // A mean of zeros and ones: times their count it is whole, but for the last bits.
      const known = Math.round((means[knownWord(name)] ?? 0) * survivors);
      return known === 0 ? [] : [[name, low + (((means[name] ?? low) - low) * survivors) / known]];
    }),
  );
}
