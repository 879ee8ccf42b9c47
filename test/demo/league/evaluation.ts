import { z } from 'zod';
import type { CleaningCounts, Interval } from '../report/data.ts';
import { type Method, methods } from '../result.ts';

/** Values by method, of those that the demo shows. */
const byMethod = z
  .record(z.string(), z.number())
  .transform((values) => Object.fromEntries(methods.map((method) => [method, values[method]])))
  .pipe(z.record(z.enum(methods), z.number()));
const isShown = (method: string): method is Method => methods.includes(method as Method);
const periods = z.array(z.number().nullable());
const interval = z.tuple([z.number(), z.number()]);

/** What `hansa-client evaluate --json` answers, as far as the demo reads it. */
const answerSchema = z.looseObject({
  rows: z.int(),
  series: z.int(),
  cleaning: z.looseObject({}),
  steps: byMethod,
  wql: byMethod,
  wape: byMethod,
  learningRates: z.looseObject({ localOnly: z.number(), fineTuned: z.number() }),
  /** Of WQL. */
  intervals: z
    .record(z.string(), interval)
    .transform(
      (found): Partial<Record<Method, Interval>> =>
        Object.fromEntries(Object.entries(found).filter(([method]) => isShown(method))),
    ),
  comparisons: z
    .array(z.looseObject({ method: z.string(), against: z.string(), change: z.number(), interval }))
    .transform((found) =>
      found.flatMap(({ method, against, ...rest }) =>
        isShown(method) && isShown(against) ? [{ ...rest, method, against }] : [],
      ),
    ),
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
/** The same, with the WQL of the model to use and of the best simple forecast. */
export const evaluationSchema = z
  .looseObject({ wql: z.record(z.string(), z.number()), selected: z.string(), bestBaseline: z.string() })
  .transform((answer) => {
    const { wql, selected, bestBaseline } = answer;
    return {
      ...answerSchema.parse(answer),
      toUse: { method: selected, wql: wql[selected] ?? Number.NaN },
      bestSimple: { method: bestBaseline, wql: wql[bestBaseline] ?? Number.NaN },
    };
  });
export type Evaluation = z.output<typeof evaluationSchema>;

/**
 * Intervals of each method's WQL against local-only, in per cent; a comparison that was made the other way round is turned over.
 */
export function againstLocalOnly({ comparisons }: Pick<Evaluation, 'comparisons'>): Partial<Record<Method, Interval>> {
  const result: Partial<Record<Method, Interval>> = {};
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
