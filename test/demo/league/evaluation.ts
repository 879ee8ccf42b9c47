import { z } from 'zod';
import type { CleaningCounts, Forecast, Interval } from '../report/data.ts';
import { type Method, methods } from '../result.ts';

const byMethod = z.record(z.enum(methods), z.number());
const series = z.array(z.number().nullable());

/** What `hansa-client evaluate --json` answers, as far as the demo reads it. */
export const evaluationSchema = z.looseObject({
  rows: z.int(),
  series: z.int(),
  cleaning: z.looseObject({}),
  steps: byMethod,
  wql: byMethod,
  wape: byMethod,
  comparisons: z.array(
    z.looseObject({
      method: z.enum(methods),
      against: z.enum(methods),
      change: z.number(),
      low: z.number(),
      high: z.number(),
    }),
  ),
  fanChart: z
    .looseObject({
      series: z.string(),
      originPeriod: z.string(),
      history: series,
      actual: series,
      quantileLevels: z.array(z.number()),
      quantiles: z.array(z.array(z.number())),
      seasonalNaive: z.array(z.number()),
    })
    .optional(),
});
export type Evaluation = z.output<typeof evaluationSchema>;

/**
 * Intervals of each method's WQL against local-only, in per cent; a comparison that was made the other way round is turned over.
 */
export function againstLocalOnly({ comparisons }: Pick<Evaluation, 'comparisons'>): Partial<Record<Method, Interval>> {
  const result: Partial<Record<Method, Interval>> = {};
  const percent = (ratio: number): number => 100 * (ratio - 1);
  for (const { method, against, low, high } of comparisons) {
    if (against === 'localOnly') result[method] = [percent(1 + low), percent(1 + high)];
    else if (method === 'localOnly' && low > -1) result[against] = [percent(1 / (1 + high)), percent(1 / (1 + low))];
  }
  return result;
}

/** The counts of a cleaning report; its sentences stay with the merchant. */
export function cleaningCounts({ cleaning }: Pick<Evaluation, 'cleaning'>): CleaningCounts {
  return Object.fromEntries(
    Object.entries(cleaning).filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
  );
}

export function forecastOf(
  { fanChart }: Pick<Evaluation, 'fanChart'>,
  frequency: Forecast['frequency'],
): Forecast | undefined {
  if (fanChart === undefined) return undefined;
  const { originPeriod, quantileLevels, series: name, history, actual, quantiles, seasonalNaive } = fanChart;
  return {
    origin: originPeriod,
    frequency,
    series: name,
    history,
    actual,
    levels: quantileLevels,
    quantiles,
    seasonalNaive,
  };
}
