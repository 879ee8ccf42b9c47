import { z } from 'zod';
import { simpleForecasts } from '../../../client-node/jobs/demand/baselines/index.ts';
import type { CleaningCounts, Interval, MerchantReport, MethodMeasures } from '../report/data.ts';
import type { Method } from '../result.ts';

/** Values by method; those that the demo follows are among them. */
const byMethod = z
  .object({ seasonalNaive: z.number(), localOnly: z.number(), federated: z.number(), fineTuned: z.number() })
  .catchall(z.number());
const byAnyMethod = z.record(z.string(), z.number());
const periods = z.array(z.number().nullable());
const interval = z.tuple([z.number(), z.number()]);

/** What `hansa-client evaluate --json` answers, as far as the demo reads it. */
export const evaluationSchema = z.looseObject({
  rows: z.int(),
  series: z.int(),
  cleaning: z.looseObject({}),
  steps: byMethod,
  wql: byMethod,
  wape: byMethod,
  mase: byAnyMethod,
  bias: byAnyMethod,
  coverage: byAnyMethod,
  /** The model with the least loss on validation. */
  selected: z.string(),
  learningRates: z.looseObject({ localOnly: z.number(), fineTuned: z.number() }),
  /** Of WQL. */
  intervals: z.record(z.string(), interval),
  comparisons: z.array(z.looseObject({ method: z.string(), against: z.string(), change: z.number(), interval })),
  picture: z
    .looseObject({
      frequency: z.enum(['day', 'week', 'month']),
      series: z.string(),
      origin: z.string(),
      history: periods,
      actual: periods,
      levels: z.array(z.number()),
      quantiles: z.array(z.array(z.number())),
      seasonalNaive: z.array(z.number()),
    })
    .optional(),
});
export type Evaluation = z.output<typeof evaluationSchema>;

/** Of values by any method those of the ones that the demo follows. */
export function followed(values: Evaluation['wql']): Record<Method, number> {
  const { seasonalNaive, localOnly, federated, fineTuned } = values;
  return { seasonalNaive, localOnly, federated, fineTuned };
}

/** WQL of the simple forecasts by name. */
export function simpleWql({ wql }: Pick<Evaluation, 'wql'>): Record<string, number> {
  return Object.fromEntries(
    simpleForecasts.flatMap(({ name }) => {
      const value = wql[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/** The model that the merchant should use, with its WQL. */
export function toUse({ wql, selected }: Pick<Evaluation, 'wql' | 'selected'>): MerchantReport['toUse'] {
  return { method: selected, wql: wql[selected] ?? Number.NaN };
}

/** Every method's measures, in the order of the evaluation; the selected model stands under its own name only. */
export function measuresOf({ wql, wape, mase, bias, coverage }: Evaluation): MethodMeasures[] {
  return Object.keys(wql)
    .filter((name) => name !== 'selected')
    .map((name) => ({
      name,
      wql: wql[name],
      wape: wape[name],
      mase: mase[name],
      bias: bias[name],
      coverage: coverage[name],
    }));
}

/**
 * Intervals of each method's WQL against local-only, in per cent; a comparison that was made the other way round is turned over.
 */
export function againstLocalOnly({ comparisons }: Pick<Evaluation, 'comparisons'>): Record<string, Interval> {
  const result: Record<string, Interval> = {};
  const percent = (ratio: number): number => 100 * (ratio - 1);
  for (const { method, against, interval } of comparisons) {
    const [low, high] = interval;
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
